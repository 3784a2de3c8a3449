#include "central-gateway/people/accounts.h"

#include "central-gateway/people/account_json.h"
#include "central-gateway/people/password_rules.h"
#include "tests/unit/central-gateway/people/people_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Accounts = PeopleTest;

TEST_F(Accounts, ANewAccountHasAFirstPasswordThatMustBeChanged) {
  const FirstPassword first = Must(
      AddAccount(*store_, hasher_, random_, {"nakato", "Rose Nakato", {kKisumuManager}}, "root"));
  const AccountRow account = Read("NAKATO");
  EXPECT_EQ(account.user, "nakato");
  EXPECT_EQ(account.full_name, "Rose Nakato");
  EXPECT_EQ(account.rights, std::vector{kKisumuManager});
  EXPECT_EQ(account.created_at, clock_.Wall());
  EXPECT_TRUE(account.must_change_password);
  EXPECT_TRUE(account.active);
  EXPECT_TRUE(Must(VerifyPassword(hasher_, account, first.password)));
  EXPECT_FALSE(Must(VerifyPassword(hasher_, account, first.password + "x")));
  EXPECT_THAT(AuditOf("nakato"), ElementsAre(Told{"root", "user.added", "nakato",
                                                  "granted data_manager(study=* site=Kisumu)"}));
}

TEST_F(Accounts, NoPasswordAndNoHashIsToldAnywhere) {
  const std::string first = Add("nakato");
  const std::string reset =
      Must(ResetPassword(*store_, hasher_, random_, "nakato", "root")).password;
  Must(ChangePassword(*store_, hasher_, "nakato", "vokhulatidem"));
  for (const std::string& password : {first, reset, std::string("vokhulatidem")}) {
    EXPECT_FALSE(StandsOnDisk(password)) << password;
  }
  EXPECT_TRUE(StandsOnDisk("$argon2id$"));  // So the search would have found the others.
  for (const Told& told : AuditOf("nakato")) EXPECT_THAT(told.detail, Not(HasSubstr("argon2")));
  EXPECT_THAT(AccountJson(Read("nakato"), clock_.Wall()), Not(HasSubstr("argon2")));
}

TEST_F(Accounts, WhatIsNoAccountIsRefused) {
  const auto added = [&](const std::string& user, const std::string& full_name,
                         std::vector<RightRow> rights) {
    return AddAccount(*store_, hasher_, random_, {user, full_name, std::move(rights)}, "root");
  };
  EXPECT_TRUE(added(std::string(64, 'a'), "A", {}).ok());
  for (const std::string& user : {std::string(), std::string(65, 'a'), std::string("a b"),
                                  std::string("a/b"), std::string("\u00e9")}) {
    EXPECT_EQ(CodeOf(added(user, "A", {})), ErrorCode::kFieldInvalid) << user;
  }
  std::string letters;
  for (int i = 0; i < 128; ++i) letters += "\u00e9";
  EXPECT_TRUE(added("e128", letters, {}).ok());
  for (const std::string& name : {std::string(), letters + "e", std::string(" A"),
                                  std::string("A "), std::string("A\nB"), std::string("\xff")}) {
    EXPECT_EQ(CodeOf(added("name", name, {})), ErrorCode::kFieldInvalid) << name;
  }
  EXPECT_EQ(CodeOf(added("E128", "Same name", {})), ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(added("twice", "A", {kKisumuManager, kKisumuManager})),
            ErrorCode::kFieldInvalid);
  EXPECT_EQ(CodeOf(added("oid", "A", {{Role::kMonitor, StudyOID("a\nb"), SiteOID(), false}})),
            ErrorCode::kFieldInvalid);
  EXPECT_EQ(CodeOf(added("small", "A", {{Role::kAdministrator, StudyOID(), SiteOID("X"), false}})),
            ErrorCode::kFieldInvalid);
  std::vector<RightRow> many;
  for (std::size_t i = 0; i < kRightCountMax; ++i) {
    many.push_back({Role::kMonitor, StudyOID(), SiteOID("S" + std::to_string(i)), false});
  }
  EXPECT_TRUE(added("many", "A", many).ok());
  many.push_back(kKisumuManager);
  EXPECT_EQ(CodeOf(added("more", "A", many)), ErrorCode::kFieldInvalid);
}

TEST_F(Accounts, WhoIsNotThereIsNotFoundAndAStrangeNameIsNotRepeated) {
  EXPECT_EQ(CodeOf(FindAccount(*store_, "nobody")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(SetActive(*store_, "nobody", false, "root")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(ResetPassword(*store_, hasher_, random_, "nobody", "root")),
            ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(ChangePassword(*store_, hasher_, "nobody", "vokhulatidem")),
            ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(ListViews(*store_, "nobody")), ErrorCode::kNotFound);
  const auto strange = FindAccount(*store_, "<script>");
  EXPECT_EQ(CodeOf(strange), ErrorCode::kNotFound);
  EXPECT_THAT(strange.error().message, Not(HasSubstr("<script>")));
}

TEST_F(Accounts, RightsAreReplacedAndTheTrailSaysWhichBeganAndEnded) {
  Add("nakato");
  const RightRow monitor{Role::kMonitor, StudyOID("PILOT"), SiteOID(), true};
  const AccountRow changed = Must(ChangeRights(*store_, "Nakato", {monitor}, "root"));
  EXPECT_EQ(changed.rights, std::vector{monitor});
  EXPECT_EQ(Read("nakato").rights, std::vector{monitor});
  EXPECT_EQ(Read("nakato").credential_generation, 2u);
  EXPECT_EQ(AuditOf("nakato").back(), (Told{"root", "user.rights", "nakato",
                                            "granted monitor(study=PILOT site=* blinded); "
                                            "ended data_manager(study=* site=Kisumu)"}));
}

TEST_F(Accounts, AChangeThatChangesNothingLeavesNoTrace) {
  Add("nakato");
  Must(ChangeAccount(*store_, "nakato", {"Full Name", true, std::vector{kKisumuManager}}, "root"));
  EXPECT_EQ(Read("nakato").credential_generation, 1u);
  EXPECT_THAT(ActionsOn("nakato"), ElementsAre("user.added"));
}

TEST_F(Accounts, NameRightsAndStandingChangeTogetherOrNotAtAll) {
  Add("nakato");
  EXPECT_EQ(CodeOf(ChangeAccount(*store_, "nakato", {"", false, std::vector<RightRow>{}}, "root")),
            ErrorCode::kFieldInvalid);
  EXPECT_TRUE(Read("nakato").active);
  Must(ChangeAccount(*store_, "nakato", {"Rose", false, std::vector<RightRow>{}}, "root"));
  const AccountRow account = Read("nakato");
  EXPECT_EQ(account.full_name, "Rose");
  EXPECT_FALSE(account.active);
  EXPECT_TRUE(account.rights.empty());
  Must(SetActive(*store_, "nakato", true, "root"));
  EXPECT_THAT(ActionsOn("nakato"), ElementsAre("user.added", "user.renamed", "user.rights",
                                               "user.deactivated", "user.activated"));
}

TEST_F(Accounts, OneRightIsGivenOrTakenAndTheOthersStay) {
  Add("nakato");
  const RightRow blind{Role::kMonitor, StudyOID(), SiteOID("Tororo"), false};
  const RightRow seeing{Role::kMonitor, StudyOID(), SiteOID("Tororo"), true};
  Must(GrantRight(*store_, "nakato", blind, "root"));
  EXPECT_EQ(Read("nakato").rights, (std::vector{kKisumuManager, blind}));
  EXPECT_EQ(CodeOf(GrantRight(*store_, "nakato", blind, "root")), ErrorCode::kAlreadyExists);
  Must(GrantRight(*store_, "nakato", seeing, "root"));
  EXPECT_EQ(Read("nakato").rights, (std::vector{kKisumuManager, seeing}));
  Must(RevokeRight(*store_, "nakato", blind, "root"));  // By role, study and site.
  EXPECT_EQ(Read("nakato").rights, std::vector{kKisumuManager});
  EXPECT_EQ(CodeOf(RevokeRight(*store_, "nakato", blind, "root")), ErrorCode::kNotFound);
}

TEST_F(Accounts, TheLastActiveAdministratorStays) {
  Add("admin", {kAdministratorRight});
  Add("nakato");
  const auto refused = SetActive(*store_, "admin", false, "admin");
  EXPECT_EQ(CodeOf(refused), ErrorCode::kForbidden);
  EXPECT_THAT(refused.error().message, HasSubstr("last active administrator"));
  EXPECT_EQ(CodeOf(ChangeRights(*store_, "ADMIN", {kKisumuManager}, "admin")),
            ErrorCode::kForbidden);
  EXPECT_EQ(CodeOf(RevokeRight(*store_, "admin", kAdministratorRight, "admin")),
            ErrorCode::kForbidden);
  EXPECT_TRUE(Read("admin").active);
  EXPECT_EQ(Read("admin").rights, std::vector{kAdministratorRight});

  Must(GrantRight(*store_, "nakato", kAdministratorRight, "admin"));
  Must(SetActive(*store_, "nakato", false, "admin"));  // Not active: none that could stand in.
  EXPECT_EQ(CodeOf(SetActive(*store_, "admin", false, "admin")), ErrorCode::kForbidden);
  Must(SetActive(*store_, "nakato", true, "admin"));
  Must(SetActive(*store_, "admin", false, "nakato"));
  EXPECT_EQ(CodeOf(SetActive(*store_, "nakato", false, "nakato")), ErrorCode::kForbidden);
}

TEST_F(Accounts, AResetGivesAnotherFirstPasswordAndEndsTheLockout) {
  const std::string first = Add("nakato");
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(std::optional<AccountRow> account, writer.FindAccount("nakato"));
    account->failed_count = 7;
    account->locked_until = WallTime{clock_.Wall().ms + 1000};
    account->must_change_password = false;
    return writer.UpdateAccount(*account);
  }));
  const std::string second =
      Must(ResetPassword(*store_, hasher_, random_, "Nakato", "root")).password;
  EXPECT_NE(first, second);
  const AccountRow account = Read("nakato");
  EXPECT_TRUE(Must(VerifyPassword(hasher_, account, second)));
  EXPECT_FALSE(Must(VerifyPassword(hasher_, account, first)));
  EXPECT_TRUE(account.must_change_password);
  EXPECT_EQ(account.failed_count, 0u);
  EXPECT_FALSE(account.locked_until);
  EXPECT_EQ(account.credential_generation, 2u);
  EXPECT_EQ(AuditOf("nakato").back(), (Told{"root", "user.password_reset", "nakato", ""}));
}

TEST_F(Accounts, AChosenPasswordKeepsTheRulesAndNeedNotBeChangedAgain) {
  Add("nakato");
  EXPECT_EQ(CodeOf(ChangePassword(*store_, hasher_, "nakato", "vokhulatide")),
            ErrorCode::kFieldInvalid);
  EXPECT_EQ(CodeOf(ChangePassword(*store_, hasher_, "NAKATO", "x-nakato-vokhula")),
            ErrorCode::kFieldInvalid);
  EXPECT_EQ(Read("nakato").credential_generation, 1u);
  Must(ChangePassword(*store_, hasher_, "nakato", "vokhulatidem"));
  const AccountRow account = Read("nakato");
  EXPECT_FALSE(account.must_change_password);
  EXPECT_TRUE(Must(VerifyPassword(hasher_, account, "vokhulatidem")));
  EXPECT_EQ(account.credential_generation, 2u);
  EXPECT_EQ(AuditOf("nakato").back(), (Told{"nakato", "user.password_changed", "nakato", ""}));
}

TEST_F(Accounts, NoneOfTheLastFivePasswordsIsTakenAgain) {
  Add("nakato");
  const auto password = [](int n) { return "vokhulatidem-" + std::to_string(n); };
  for (int n = 1; n <= 5; ++n) Must(ChangePassword(*store_, hasher_, "nakato", password(n)));
  for (int n = 1; n <= 5; ++n) {
    const auto again = ChangePassword(*store_, hasher_, "nakato", password(n));
    EXPECT_EQ(CodeOf(again), ErrorCode::kFieldInvalid) << n;
    EXPECT_THAT(again.error().message, HasSubstr("one of the account's last 5")) << n;
  }
  Must(ChangePassword(*store_, hasher_, "nakato", password(6)));
  Must(ChangePassword(*store_, hasher_, "nakato", password(1)));
  EXPECT_EQ(Read("nakato").earlier_hashes.size(), 4u);
}

TEST_F(Accounts, APasswordThatWasResetMeanwhileIsNotReplaced) {
  Add("nakato");
  std::string reset;
  Overtaken store(*store_, [&] {
    reset = Must(ResetPassword(*store_, hasher_, random_, "nakato", "root")).password;
  });
  EXPECT_EQ(CodeOf(ChangePassword(store, hasher_, "nakato", "vokhulatidem")), ErrorCode::kStale);
  EXPECT_TRUE(Must(VerifyPassword(hasher_, Read("nakato"), reset)));
}

TEST_F(Accounts, AnInactiveAccountGetsNoPasswordOfItsOwnersChoice) {
  Add("nakato");
  Must(SetActive(*store_, "nakato", false, "root"));
  EXPECT_EQ(CodeOf(ChangePassword(*store_, hasher_, "nakato", "vokhulatidem")),
            ErrorCode::kForbidden);
}

TEST_F(Accounts, SavedViewsAreKeptInOrderAndBounded) {
  Add("nakato");
  std::vector<SavedViewRow> views;
  for (std::size_t i = 0; i < kSavedViewCountMax; ++i) {
    views.push_back({"View " + std::to_string(i), "severity=hard"});
  }
  ExpectOk(SaveViews(*store_, "Nakato", views));
  EXPECT_EQ(Must(ListViews(*store_, "nakato")), views);
  views.push_back({"One more", ""});
  EXPECT_EQ(SaveViews(*store_, "nakato", views).error().code, ErrorCode::kFieldInvalid);
  EXPECT_EQ(SaveViews(*store_, "nakato", {{"", "x"}}).error().code, ErrorCode::kFieldInvalid);
  EXPECT_EQ(SaveViews(*store_, "nakato", {{"x", std::string(2001, 'x')}}).error().code,
            ErrorCode::kFieldInvalid);
  EXPECT_EQ(Must(ListViews(*store_, "nakato")).size(), kSavedViewCountMax);
  ExpectOk(SaveViews(*store_, "nakato", {}));
  EXPECT_TRUE(Must(ListViews(*store_, "nakato")).empty());
}

TEST_F(Accounts, AStoreWithPeopleIsSound) {
  Add("admin", {kAdministratorRight});
  Add("nakato");
  Must(SetActive(*store_, "nakato", false, "admin"));
  EXPECT_EQ(Findings(), std::vector<std::string>{});
  EXPECT_EQ(Must(ListAccounts(*store_)).size(), 2u);
}

}  // namespace
}  // namespace edcsync::central
