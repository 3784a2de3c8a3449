// The edge's disk is full: submissions are refused with the reason, nothing is half-written, and
// it goes on where it stopped once there is room.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "shared/http/http_client.h"
#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

// A small file system that goes with the test.
class SmallDisk {
 public:
  explicit SmallDisk(std::string folder) : folder_(std::move(folder)) {
    ::mkdir(folder_.c_str(), 0700);
    mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=3m,mode=0700") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  void Grow() {
    EXPECT_EQ(::mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, "size=64m,mode=0700"), 0)
        << std::strerror(errno);
  }

 private:
  const std::string folder_;
  bool mounted_ = false;
};

std::string FirstLineOf(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

TEST(FullDisk, RefusesWithItsReasonHalfWritesNothingAndGoesOnOnceThereIsRoom) {
  Trial trial;
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  SmallDisk disk(tororo.dir() + "/data");
  if (!disk.mounted()) GTEST_SKIP() << "This user may not mount a file system";
  trial.StartGateway();
  tororo.Start();
  const Lines lines = RecordsOf("SITE.703", 4);
  const std::string file = tororo.FileOf(lines);
  const Ran full = tororo.Agent({"submit", file, "--batch", "20", "--json"});
  EXPECT_EQ(full.exit_code, 3) << full.out;
  EXPECT_NE(full.err.find("disk_full"), std::string::npos) << full.err;
  const std::size_t told = SortedJson::parse(full.out)["captured"];
  EXPECT_GT(told, 0u);

  HttpClientOptions options;
  options.base_url = "http://127.0.0.1:" + FirstLineOf(tororo.DataFile("http.port"));
  options.bearer_token = FirstLineOf(tororo.DataFile("http.token"));
  std::string rest;  // More than any room that a checkpoint may still have made.
  for (const std::string& line : Slice(lines, told, lines.size())) rest += line + "\n";
  const Result<HttpResponse> refused =
      HttpClient(options).Post("/v1/submissions", rest, "application/x-ndjson");
  ASSERT_TRUE(refused.ok()) << refused.error().message;
  EXPECT_EQ(refused->status, 507);
  std::size_t late = 0;
  const SortedJson answer = SortedJson::parse(refused->body);
  for (const SortedJson& outcome : answer["outcomes"]) {
    if (outcome["outcome"] == "captured") ++late;
  }

  // What was told captured is there, the first lines in order and whole; of the rest, nothing.
  const std::size_t there = tororo.Status()["captured"];
  EXPECT_EQ(there, told + late);
  EXPECT_EQ(tororo.Agent({"check"}).exit_code, 0);
  trial.Expect(Slice(lines, 0, there));
  Await("delivery goes on", [&] { return trial.CentreJson({"status"})["revisions"] == there; });
  trial.ExpectCentreHolds();

  disk.Grow();
  const SortedJson counts = tororo.AgentJson({"submit", file, "--wait", "30"});
  EXPECT_EQ(counts["captured"], lines.size() - there);
  EXPECT_EQ(counts["unchanged"], there);
  trial.Expect(Slice(lines, there, lines.size()));
  tororo.SyncNow();
  trial.ExpectEverythingOnce();
  tororo.Stop();
}

}  // namespace
}  // namespace edcsync::testing
