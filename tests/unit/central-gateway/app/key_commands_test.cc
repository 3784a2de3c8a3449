#include <sys/stat.h>

#include <fstream>

#include "shared/storage/database.h"
#include "tests/unit/central-gateway/app/command_fixture.h"

namespace edcsync::central {
namespace {

class KeyCommands : public CommandTest {
 protected:
  std::string Key() const { return folder_ + "/gateway/central.key"; }
  void Configure(const std::string& lines) {
    std::ofstream(folder_ + "/gateway/central-gateway.toml", std::ios::app) << "\n[keys]\n" << lines;
  }
};

TEST_F(KeyCommands, StatusTellsSourceIdAndNumberAndNoSecret) {
  const SortedJson status = RunJson({"key", "status"});
  EXPECT_EQ(status["source"], "file");
  EXPECT_EQ(status["dataKeys"], 1);
  EXPECT_EQ(status["ageDays"], 0);
  EXPECT_EQ(status["keyId"].get<std::string>().size(), 16u);
  std::ifstream file(Key());
  std::string secret;
  file >> secret;
  const Ran told = Run({"key", "status"});
  EXPECT_EQ(told.code, kExitOk) << told.err;
  EXPECT_EQ(told.out.find(secret), std::string::npos);
  EXPECT_EQ(secret.find(status["keyId"].get<std::string>()), std::string::npos);
}

TEST_F(KeyCommands, RotatingIsAuditedAndTellsWhatMustBeKept) {
  const std::string before = RunJson({"key", "status"})["keyId"];
  const Ran rotated = Run({"key", "rotate", "--reason", "Yearly"});
  ASSERT_EQ(rotated.code, kExitOk) << rotated.err;
  EXPECT_NE(rotated.out.find("Every backup made before needs it"), std::string::npos) << rotated.out;
  const SortedJson after = RunJson({"key", "status"});
  EXPECT_NE(after["keyId"], before);
  ASSERT_EQ(after["otherKeys"].size(), 1u);
  EXPECT_EQ(after["otherKeys"][0]["keyId"], before);
  struct stat found {};
  ASSERT_EQ(::stat(Key().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600u);
  const auto store = OpenStore();
  ASSERT_NE(store, nullptr);
  std::vector<AuditEntry> entries;
  ASSERT_TRUE(store->Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(entries, reader.ListAudit(after["keyId"], 0, 10));
    return Ok();
  }).ok());
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].action, "key.rotated");
  EXPECT_EQ(entries[0].actor, "root");
  EXPECT_NE(entries[0].detail.find("from=" + before), std::string::npos) << entries[0].detail;
  EXPECT_NE(entries[0].detail.find("reason=Yearly"), std::string::npos);
}

TEST_F(KeyCommands, MovingIntoACredentialWorksOnceTheConfigurationNamesIt) {
  const Ran early = Run({"key", "rotate", "--to", "credential"});
  EXPECT_EQ(early.code, kExitUsage);
  EXPECT_NE(early.err.find("add its keys to the configuration"), std::string::npos) << early.err;
  std::filesystem::create_directory(folder_ + "/credentials");
  ASSERT_EQ(Run({"key", "generate", folder_ + "/credentials/centre"}).code, kExitOk);
  EXPECT_EQ(Run({"key", "generate", folder_ + "/credentials/centre"}).code, kExitRefused);
  Configure("credential = \"centre\"\ncredentials_directory = \"" + folder_ + "/credentials\"\n");
  ASSERT_EQ(Run({"key", "rotate", "--to", "credential"}).code, kExitOk);
  const Ran told = Run({"key", "status"});
  EXPECT_NE(told.out.find("ATTENTION"), std::string::npos) << told.out;
  std::ofstream(folder_ + "/gateway/central-gateway.toml", std::ios::app)
      << "source = \"credential\"\n";
  EXPECT_EQ(RunJson({"key", "status"})["source"], "credential");
  std::filesystem::remove(Key());
  EXPECT_EQ(Run({"check"}).code, kExitOk);
  // A unit that may not see the folder named has its credentials where systemd says.
  std::filesystem::rename(folder_ + "/credentials", folder_ + "/own");
  EXPECT_NE(Run({"check"}).code, kExitOk);
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", (folder_ + "/own").c_str(), 1), 0);
  EXPECT_EQ(Run({"check"}).code, kExitOk);
  ASSERT_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
  std::filesystem::rename(folder_ + "/own", folder_ + "/credentials");
  const Ran again = Run({"key", "rotate"});
  EXPECT_EQ(again.code, kExitRefused);
  EXPECT_NE(again.err.find("credential_next"), std::string::npos) << again.err;
}

// A credential was configured before the first rotation of a database that an earlier release had
// made: its data keys name no key, and were taken for wrapped by the credential's.
TEST_F(KeyCommands, WhatAnEarlierReleaseWrappedIsOpenedByTheKeyFileUntilItIsMoved) {
  {
    DatabaseOptions options;
    options.path = folder_ + "/gateway/central.db";
    const auto database = Database::Open(options);
    ASSERT_TRUE(database.ok());
    ASSERT_TRUE((*database)->Execute("UPDATE data_key SET wrapped_by = NULL").ok());
  }
  std::filesystem::create_directory(folder_ + "/credentials");
  ASSERT_EQ(Run({"key", "generate", folder_ + "/credentials/centre"}).code, kExitOk);
  Configure("source = \"credential\"\ncredential = \"centre\"\ncredentials_directory = \"" +
            folder_ + "/credentials\"\n");
  EXPECT_EQ(Run({"check"}).code, kExitOk);
  ASSERT_EQ(Run({"key", "rotate", "--to", "credential"}).code, kExitOk);
  std::filesystem::remove(Key());
  EXPECT_EQ(Run({"check"}).code, kExitOk);
}

TEST_F(KeyCommands, AWrongSettingNamesItsLine) {
  Configure("source = \"cloud\"\n");
  const Ran refused = Run({"key", "status"});
  EXPECT_EQ(refused.code, kExitUsage);
  EXPECT_NE(refused.err.find("\"file\", \"credential\" or \"pkcs11\""), std::string::npos)
      << refused.err;
}

}  // namespace
}  // namespace edcsync::central
