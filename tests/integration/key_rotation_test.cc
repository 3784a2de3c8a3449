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

// A PIN was mistyped before the first key moved into a token. Each further rotation named `key
// status --try-pin` as the way out, which gave no PIN while the key in use lay in a file, and which
// a running agent did not even hear of.
TEST(KeyRotation, AMistypedPinIsTriedAgainOnBothSidesWhenAPersonSaysSo) {
  Trial trial;
  const SoftToken token(trial.PathOf("token"), "trial");
  ASSERT_TRUE(token.usable());
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  AppendTo(trial.GatewayDir() + "/central-gateway.toml",
           "\n[keys]\n" + token.TomlLines() + "pkcs11_label = \"centre\"\n");
  AppendTo(tororo.dir() + "/edge-agent.toml",
           "\n[keys]\n" + token.TomlLines() + "pkcs11_label = \"tororo\"\n");
  trial.StartGateway();
  tororo.Start();
  tororo.Capture(Slice(RecordsOf("SITE.703"), 0, 10));

  const std::vector<std::string> rotate = {"key", "rotate", "--to", "pkcs11"};
  const std::vector<std::string> try_pin = {"key", "status", "--try-pin"};
  token.WritePin("999999");
  EXPECT_NE(tororo.Agent(rotate).exit_code, 0);
  token.WritePin(SoftToken::kPin);
  const Ran refused = trial.Centre(rotate);
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.err.find("key status --try-pin"), std::string::npos) << refused.err;

  const Ran tried = trial.Centre(try_pin);
  EXPECT_EQ(tried.exit_code, 0) << tried.err;
  EXPECT_EQ(trial.Centre(rotate).exit_code, 0);
  EXPECT_NE(tororo.Agent(rotate).exit_code, 0);  // It gives none by itself.
  const Ran tried_there = tororo.Agent(try_pin);
  EXPECT_EQ(tried_there.exit_code, 0) << tried_there.err;
  const Ran rotated = tororo.Agent(rotate);
  EXPECT_EQ(rotated.exit_code, 0) << rotated.err;
  EXPECT_EQ(trial.CentreJson({"key", "status"})["source"], "pkcs11");
  EXPECT_EQ(tororo.AgentJson({"key", "status"})["source"], "pkcs11");
  trial.ExpectEverythingOnce();
}

}  // namespace
}  // namespace edcsync::testing
