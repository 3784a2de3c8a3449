// `central-gateway audit ...`, run as from a shell.
#include <gmock/gmock.h>

#include <fstream>

#include "central-gateway/admin/installation.h"
#include "central-gateway/desk/audit_checkpoint.h"
#include "tests/unit/central-gateway/app/command_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;

class AuditCommands : public CommandTest {
 protected:
  void SetUp() override {
    CommandTest::SetUp();
    Run({"user", "add", "nakato", "--full-name", "Rose Nakato", "--role", "administrator"});
    // As the desk makes it.
    const Installation installation(folder_ + "/gateway");
    const auto key = PrivateKey::Load(installation.Pki("gateway.key"));
    const auto certificate = Certificate::Load(installation.Pki("gateway.crt"));
    ASSERT_TRUE(key.ok() && certificate.ok());
    const auto text = MakeCheckpoint(*OpenStore(), "gateway-1", *key, *certificate, clock_.Wall());
    ASSERT_TRUE(text.ok());
    Write(*text);
  }
  void Write(const std::string& text) { std::ofstream(File()) << text; }
  std::string File() const { return folder_ + "/checkpoint.json"; }
  Ran Check() { return Run({"audit", "check-checkpoint", File()}); }
};

TEST_F(AuditCommands, ACheckpointThatHoldsIsZero) {
  const Ran ran = Check();
  EXPECT_EQ(ran.code, kExitOk) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("holds the checkpoint"));
  Run({"user", "add", "okello", "--full-name", "Sam", "--role", "monitor"});
  EXPECT_EQ(Check().code, kExitOk);
  const SortedJson json = RunJson({"audit", "check-checkpoint", File()});
  EXPECT_EQ(json["holds"], true);
  EXPECT_EQ(json["findings"], SortedJson::array());
}

TEST_F(AuditCommands, OneThatDoesNotHoldIsOneAndSaysWhy) {
  std::ifstream file(File());
  SortedJson json = SortedJson::parse(file);
  json["hash"] = std::string(64, '0');
  Write(json.dump());
  const Ran ran = Check();
  EXPECT_EQ(ran.code, kExitRefused);
  EXPECT_THAT(ran.out, HasSubstr("its signature does not fit"));
  EXPECT_THAT(ran.out, HasSubstr("has another hash"));
  EXPECT_THAT(ran.out, HasSubstr("DOES NOT HOLD"));
  const Ran as_json = Run({"--json", "audit", "check-checkpoint", File()});
  EXPECT_EQ(as_json.code, kExitRefused);
  EXPECT_EQ(SortedJson::parse(as_json.out)["holds"], false);
  EXPECT_EQ(SortedJson::parse(as_json.out)["findings"].size(), 2u);
}

TEST_F(AuditCommands, WhatIsNoCheckpointIsRefused) {
  Write("{}");
  EXPECT_EQ(Check().code, kExitRefused);
  EXPECT_THAT(Check().err, HasSubstr("no checkpoint"));
  EXPECT_NE(Run({"audit", "check-checkpoint", folder_ + "/nowhere"}).code, kExitOk);
  EXPECT_EQ(Run({"audit", "check-checkpoint"}).code, kExitUsage);
}

TEST_F(AuditCommands, TheChainIsVerified) {
  EXPECT_EQ(Run({"audit", "verify"}).code, kExitOk);
  EXPECT_EQ(RunJson({"audit", "verify"})["sound"], true);
}

}  // namespace
}  // namespace edcsync::central
