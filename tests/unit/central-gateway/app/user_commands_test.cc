// `central-gateway user ...`, run as from a shell: its words, its answers, its exit codes.
#include <gmock/gmock.h>

#include <fstream>

#include "central-gateway/people/accounts.h"
#include "tests/unit/central-gateway/app/command_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class UserCommands : public CommandTest {
 protected:
  Ran AddAdministrator(const std::string& name) {
    return Run({"user", "add", name, "--full-name", "Rose Nakato", "--role", "administrator"});
  }
};

TEST_F(UserCommands, TheFirstAdministratorIsMadeByTheCommandAndGetsAPasswordToChange) {
  EXPECT_EQ(RunJson({"user", "list"}), SortedJson::array());
  const Ran added = AddAdministrator("nakato");
  EXPECT_EQ(added.code, kExitOk) << added.err;
  EXPECT_THAT(added.out, ContainsRegex("First password: [a-z]{5}(-[a-z]{5}){4}\n"));
  EXPECT_THAT(added.out, HasSubstr("must be changed at the first log-in"));
  const SortedJson shown = RunJson({"user", "show", "NAKATO"});
  EXPECT_EQ(shown["user"], "nakato");
  EXPECT_EQ(shown["fullName"], "Rose Nakato");
  EXPECT_EQ(shown["active"], true);
  EXPECT_EQ(shown["mustChangePassword"], true);
  EXPECT_EQ(shown["lockedUntil"], nullptr);
  EXPECT_EQ(shown["lastLogInAt"], nullptr);
  EXPECT_EQ(shown["rights"], SortedJson::parse(R"([{"role": "administrator", "studyOID": null,
                                               "siteOID": null, "seesBlinded": false}])"));
  EXPECT_FALSE(shown.contains("firstPassword"));
}

TEST_F(UserCommands, ThePasswordPrintedIsTheAccounts) {
  const SortedJson added =
      RunJson({"user", "add", "nakato", "--full-name", "Rose", "--role", "monitor", "--study",
               "PILOT", "--site", "Kisumu", "--sees-blinded"});
  EXPECT_EQ(added["user"]["rights"][0],
            SortedJson::parse(R"({"role": "monitor", "studyOID": "PILOT", "siteOID": "Kisumu",
                            "seesBlinded": true})"));
  const SortedJson reset = RunJson({"user", "reset-password", "nakato"});
  EXPECT_NE(reset["firstPassword"], added["firstPassword"]);
  const auto store = OpenStore();
  PasswordHasher hasher;
  const auto account = FindAccount(*store, "nakato");
  ASSERT_TRUE(account.ok());
  EXPECT_TRUE(VerifyPassword(hasher, *account, reset["firstPassword"].get<std::string>()).value());
  EXPECT_FALSE(VerifyPassword(hasher, *account, added["firstPassword"].get<std::string>()).value());
}

TEST_F(UserCommands, RightsAreGrantedAndRevokedOneByOne) {
  AddAdministrator("nakato");
  const std::vector<std::string> right{"nakato", "--role", "data_manager", "--site", "Kisumu"};
  auto words = [&](const char* command) {
    std::vector<std::string> all{"user", command};
    all.insert(all.end(), right.begin(), right.end());
    return all;
  };
  EXPECT_EQ(RunJson(words("grant"))["rights"].size(), 2u);
  EXPECT_EQ(Run(words("grant")).code, kExitRefused);
  EXPECT_THAT(Run({"user", "show", "nakato"}).out, HasSubstr("data_manager  study *, site Kisumu"));
  EXPECT_EQ(RunJson(words("revoke"))["rights"].size(), 1u);
  EXPECT_EQ(Run(words("revoke")).code, kExitRefused);
}

TEST_F(UserCommands, TheLastAdministratorCannotBeShutOut) {
  AddAdministrator("nakato");
  const Ran refused = Run({"user", "deactivate", "nakato"});
  EXPECT_EQ(refused.code, kExitRefused);
  EXPECT_THAT(refused.err, HasSubstr("last active administrator"));
  EXPECT_EQ(Run({"user", "revoke", "nakato", "--role", "administrator"}).code, kExitRefused);
  AddAdministrator("okello");
  EXPECT_EQ(RunJson({"user", "deactivate", "nakato"})["active"], false);
  EXPECT_THAT(Run({"user", "list"}).out, HasSubstr("Rose Nakato, not active"));
  EXPECT_EQ(RunJson({"user", "activate", "nakato"})["active"], true);
  EXPECT_EQ(RunJson({"user", "list"}).size(), 2u);
}

TEST_F(UserCommands, WrongUseIsTwoAndARefusalIsOne) {
  EXPECT_EQ(Run({"user"}).code, kExitUsage);
  EXPECT_EQ(Run({"user", "add", "nakato", "--role", "monitor"}).code, kExitUsage);
  EXPECT_EQ(Run({"user", "add", "nakato", "--full-name", "R", "--role", "king"}).code, kExitUsage);
  EXPECT_EQ(
      Run({"user", "add", "nakato", "--full-name", "R", "--role", "operator", "--sees-blinded"})
          .code,
      kExitUsage);
  EXPECT_EQ(Run({"user", "show", "nobody"}).code, kExitRefused);
  EXPECT_EQ(Run({"user", "add", "na kato", "--full-name", "R", "--role", "monitor"}).code,
            kExitRefused);
  EXPECT_EQ(Run({"user", "add", "nakato", "--full-name", "R", "--role", "administrator", "--site",
                 "Kisumu"})
                .code,
            kExitRefused);
  EXPECT_EQ(RunJson({"user", "list"}), SortedJson::array());
  AddAdministrator("nakato");
  EXPECT_EQ(AddAdministrator("Nakato").code, kExitRefused);
}

TEST_F(UserCommands, WhoDidItStandsInTheTrailWithoutThePassword) {
  const Ran added = AddAdministrator("nakato");
  const std::string password = added.out.substr(added.out.find("password: ") + 10, 29);
  std::vector<AuditEntry> entries;
  const Status read = OpenStore()->Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(entries, reader.ListAudit("", 0, 100));
    return Ok();
  });
  ASSERT_TRUE(read.ok());
  ASSERT_FALSE(entries.empty());
  EXPECT_EQ(entries.back().action, "user.added");
  EXPECT_EQ(entries.back().actor, "root");
  EXPECT_EQ(entries.back().object, "nakato");
  for (const AuditEntry& entry : entries) EXPECT_THAT(entry.detail, Not(HasSubstr(password)));
  EXPECT_EQ(Run({"check"}).code, kExitOk);
}

TEST_F(UserCommands, HelpNamesTheCommands) {
  const Ran help = Run({"user", "--help"});
  EXPECT_EQ(help.code, kExitOk);
  for (const char* command :
       {"add", "list", "show", "grant", "revoke", "deactivate", "activate", "reset-password"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
  }
}

class ProviderCommands : public UserCommands {
 protected:
  void SetUp() override {
    UserCommands::SetUp();
    std::ofstream(folder_ + "/gateway/central-gateway.toml", std::ios::app)
        << "\n[desk.oidc]\nissuer = \"https://id.st-mary.org\"\nclient_id = \"desk\"\n";
    AddAdministrator("root");
  }
};

TEST_F(ProviderCommands, AnAccountOfTheProviderGetsNoPassword) {
  const SortedJson added = RunJson(
      {"user", "add", "nakato", "--full-name", "Rose Nakato", "--role", "data_manager", "--oidc"});
  EXPECT_EQ(added["firstPassword"], nullptr);
  EXPECT_EQ(added["user"]["hasPassword"], false);
  EXPECT_EQ(added["user"]["mustChangePassword"], false);
  EXPECT_EQ(added["user"]["provider"]["issuer"], "https://id.st-mary.org");
  EXPECT_EQ(added["user"]["provider"]["name"], "nakato");
  EXPECT_EQ(added["user"]["provider"]["boundAt"], nullptr);
  const Ran shown = Run({"user", "show", "nakato"});
  EXPECT_THAT(shown.out, HasSubstr("logs in as nakato by https://id.st-mary.org, not yet done"));
  const Ran same = Run({"user", "add", "achieng", "--full-name", "Mary", "--role", "monitor",
                        "--provider-name", "Nakato"});
  EXPECT_NE(same.code, kExitOk);
  EXPECT_THAT(same.err, HasSubstr("is linked to the provider's Nakato already"));
  EXPECT_NE(Run({"user", "show", "achieng"}).code, kExitOk) << "all of it or nothing";
}

TEST_F(ProviderCommands, ALinkIsMadeAndEnded) {
  ASSERT_EQ(AddAdministrator("okello").code, kExitOk);
  const SortedJson linked = RunJson({"user", "link", "okello", "--provider-name", "o.okello"});
  EXPECT_EQ(linked["provider"]["name"], "o.okello");
  EXPECT_EQ(linked["hasPassword"], true);
  const Ran last = Run({"user", "link", "root"});
  EXPECT_NE(last.code, kExitOk);
  EXPECT_THAT(last.err, HasSubstr("last active administrator with a password here"));
  EXPECT_EQ(RunJson({"user", "unlink", "okello"})["provider"], nullptr);
  EXPECT_NE(Run({"user", "unlink", "okello"}).code, kExitOk);
}

TEST_F(UserCommands, WithoutAProviderInTheConfigurationNobodyIsLinked) {
  const Ran refused =
      Run({"user", "add", "nakato", "--full-name", "Rose", "--role", "monitor", "--oidc"});
  EXPECT_NE(refused.code, kExitOk);
  EXPECT_THAT(refused.err, HasSubstr("has no [desk.oidc]"));
}

}  // namespace
}  // namespace edcsync::central
