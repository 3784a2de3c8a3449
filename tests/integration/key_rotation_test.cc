// Keys are rotated and moved into a token while sites capture and deliver, with the real programs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/site_network.h"
#include "tests/support/soft_token.h"

namespace edcsync::testing {
namespace {

void AppendTo(const std::string& file, const std::string& lines) {
  std::ofstream(file, std::ios::app) << lines;
}

TEST(KeyRotation, OfBothSidesWhileTheyRunLosesNothingAndHoldsAfterRestarts) {
  Trial trial;
  const SoftToken token(trial.PathOf("token"), "trial");
  ASSERT_TRUE(token.usable());
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  const std::string gateway_toml = trial.GatewayDir() + "/central-gateway.toml";
  const std::string edge_toml = tororo.dir() + "/edge-agent.toml";
  const Lines lines = RecordsOf("SITE.703");
  trial.StartGateway();
  tororo.Start();
  tororo.Capture(Slice(lines, 0, 30));

  const SortedJson before = trial.CentreJson({"key", "status"});
  EXPECT_EQ(before["source"], "file");
  const SortedJson rotated = trial.CentreJson({"key", "rotate"});
  EXPECT_EQ(rotated["from"][0], before["keyId"]);
  const SortedJson edge_rotated = tororo.AgentJson({"key", "rotate"});
  EXPECT_NE(edge_rotated["keyId"], edge_rotated["from"][0]);
  tororo.Capture(Slice(lines, 30, 30));
  tororo.AwaitDelivered();

  // Into the token, also while they run: the configuration is read again.
  AppendTo(gateway_toml, "\n[keys]\n" + token.TomlLines() + "pkcs11_label = \"centre\"\n");
  AppendTo(edge_toml, "\n[keys]\n" + token.TomlLines() + "pkcs11_label = \"tororo\"\n");
  const SortedJson moved = trial.CentreJson({"key", "rotate", "--to", "pkcs11"});
  EXPECT_EQ(moved["source"], "pkcs11");
  EXPECT_EQ(moved["chosenSource"], "file");
  EXPECT_EQ(tororo.AgentJson({"key", "rotate", "--to", "pkcs11"})["source"], "pkcs11");
  tororo.Capture(Slice(lines, 60, 30));
  tororo.AwaitDelivered();

  // Old key files may go now, and the configuration says so.
  for (const std::string& folder : {trial.GatewayDir(), tororo.dir() + "/data"}) {
    std::vector<std::filesystem::path> old;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("central.key") || name.starts_with("edge.key")) {
        old.push_back(entry.path());
      }
    }
    EXPECT_EQ(old.size(), 2u) << folder;  // The retired one and the one before the token's.
    for (const auto& path : old) std::filesystem::remove(path);
  }
  AppendTo(gateway_toml, "source = \"pkcs11\"\n");
  AppendTo(edge_toml, "source = \"pkcs11\"\n");
  tororo.Stop();
  trial.StopGateway();
  trial.StartGateway();
  tororo.Start();
  tororo.Capture(Slice(lines, 90, 30));
  EXPECT_EQ(trial.CentreJson({"key", "status"})["keyId"], moved["keyId"]);
  trial.ExpectEverythingOnce();
  const Ran audit = trial.Centre({"audit", "verify"});
  EXPECT_EQ(audit.exit_code, 0) << audit.err;
}

}  // namespace
}  // namespace edcsync::testing
