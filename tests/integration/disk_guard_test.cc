// A disk runs low: new work is refused with its reason before the disk is full, what was taken goes
// its way to the end, and all goes on by itself once there is room.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "shared/base/disk_guard.h"
#include "shared/http/http_client.h"
#include "tests/support/site_network.h"
#include "tests/support/small_disk.h"

namespace edcsync::testing {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

std::string TextOf(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void FreeHealthPort(const std::string& toml) {
  std::string text = TextOf(toml);
  const std::string port = "port = 9465";
  const std::size_t at = text.find(port);
  ASSERT_NE(at, std::string::npos);
  std::ofstream(toml, std::ios::trunc) << text.replace(at, port.size(), "port = 0");
}

HttpResponse ReadyOf(const Site& site) {
  Await("the site tells its health", [&] { return !TextOf(site.DataFile("health.port")).empty(); });
  HttpClientOptions options;
  options.base_url = "http://127.0.0.1:" + TextOf(site.DataFile("health.port"));
  options.base_url.pop_back();
  const Result<HttpResponse> response = HttpClient(options).Get("/readyz");
  return response.ok() ? *response : HttpResponse{0, "", {}, ""};
}

SortedJson CheckIn(const HttpResponse& ready, const std::string& name) {
  const SortedJson told = SortedJson::parse(ready.body);
  for (const SortedJson& check : told["checks"]) {
    if (check["name"] == name) return check;
  }
  ADD_FAILURE() << "no check " << name << " in " << ready.body;
  return {{"ok", nullptr}};
}

TEST(DiskGuard, AnEdgeLowOnRoomRefusesSubmissionsButStoresReceiptsAndFeed) {
  Trial trial;
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  SmallDisk disk(tororo.dir() + "/data");
  if (!disk.mounted()) GTEST_SKIP() << "This user may not mount a file system";
  std::ofstream(tororo.dir() + "/edge-agent.toml", std::ios::app)
      << "\n[guards]\ndisk_warn_mib = 24\ndisk_refuse_mib = 16\n";
  FreeHealthPort(tororo.dir() + "/edge-agent.toml");
  const Lines lines = RecordsOf("SITE.703");
  trial.StartGateway();
  tororo.Start();
  tororo.Capture(Slice(lines, 0, 20));
  tororo.AwaitDelivered();
  tororo.Cut();
  tororo.Capture(Slice(lines, 20, 20));

  ASSERT_TRUE(disk.Fill(10 * kMiB));
  const std::string more = tororo.FileOf(Slice(lines, 40, 10));
  const Ran refused = tororo.Agent({"submit", more, "--json"});
  EXPECT_EQ(refused.exit_code, 3) << refused.out;
  EXPECT_NE(refused.err.find("disk_full"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("goes on by itself"), std::string::npos) << refused.err;
  EXPECT_EQ(tororo.Status()["captured"], 40);
  EXPECT_EQ(ReadyOf(tororo).status, 503);
  EXPECT_EQ(CheckIn(ReadyOf(tororo), "disk")["ok"], false);

  ASSERT_TRUE(disk.Fill(22 * kMiB));  // Between the marks: said, and ready.
  EXPECT_EQ(ReadyOf(tororo).status, 200) << ReadyOf(tororo).body;
  EXPECT_EQ(CheckIn(ReadyOf(tororo), "disk")["ok"], true);
  EXPECT_EQ(CheckIn(ReadyOf(tororo), "disk_room")["ok"], false);
  ASSERT_TRUE(disk.Fill(10 * kMiB));

  tororo.Restore();  // What waits is delivered, its receipts and the feed are stored.
  tororo.AwaitDelivered();
  const std::string form = lines[0];
  trial.EditOnline({Edited(form, ItemName(form, 0), "1931-01-01", "dm")});
  Await("the feed arrives", [&] { return tororo.Record(form)["current"]["version"] == 2; });

  ASSERT_TRUE(disk.Free());
  EXPECT_EQ(CheckIn(ReadyOf(tororo), "disk_room")["ok"], true);
  tororo.Capture(Slice(lines, 40, 10));
  tororo.AwaitDelivered();
  trial.ExpectCentreHolds();
  tororo.Stop();
}

TEST(DiskGuard, ACentreLowOnRoomTakesNoPushAndLosesNone) {
  Trial trial;
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  const std::string toml = trial.GatewayDir() + "/central-gateway.toml";
  std::filesystem::copy_file(toml, toml + ".roomy");
  const auto room = RoomAt(trial.GatewayDir());
  ASSERT_TRUE(room.ok());
  std::ofstream(toml, std::ios::app)
      << "\n[guards]\ndisk_refuse_mib = " << (room->size_bytes / kMiB + 1) << "\n";
  trial.StartGateway();
  tororo.Start();
  tororo.Capture(Slice(RecordsOf("SITE.703"), 0, 30));
  Await("the edge is told why", [&] {
    std::ifstream log(trial.LogOf("tororo"));
    const std::string text((std::istreambuf_iterator<char>(log)), std::istreambuf_iterator<char>());
    return text.find("nearly full") != std::string::npos;
  });
  const SortedJson status = tororo.Status();
  EXPECT_EQ(status["waiting"], 30);
  EXPECT_EQ(status["sync"]["state"], "live");
  EXPECT_EQ(status["sync"]["heldBack"]["why"], "The centre's disk is nearly full (disk_full)");
  EXPECT_NE(tororo.Agent({"status"}).out.find("HELD BACK"), std::string::npos);
  EXPECT_EQ(trial.CentreJson({"status"})["revisions"], 0);
  trial.StopGateway();
  std::filesystem::rename(toml + ".roomy", toml);
  trial.StartGateway();
  trial.ExpectEverythingOnce();
  EXPECT_TRUE(tororo.Status()["sync"]["heldBack"].is_null());
}

}  // namespace
}  // namespace edcsync::testing
