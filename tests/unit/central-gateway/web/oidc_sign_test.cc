// Signing without a password here: the provider sees the person again, and the accounts that are
// linked to one.
#include <gmock/gmock.h>

#include "tests/unit/central-gateway/web/oidc_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class OidcSignTest : public OidcTest {
 protected:
  void SetUp() override {
    OidcTest::SetUp();
    opened_ = OpenConflict("01-702-1082");
    browser_ = LoggedIn();
    fencing_token_ = Claim(browser_.desk, opened_);
  }

  Opened opened_;
  Browser browser_{DeskClient(0), ""};
  std::string fencing_token_;
};

TEST_F(OidcSignTest, WhoAuthenticatesAnewAtTheProviderSignsOnce) {
  const Asked asked = AskToSign(browser_);
  EXPECT_EQ(StateOf(browser_, asked.ticket)["state"], "waiting");
  EXPECT_EQ(Decide(browser_, opened_, fencing_token_, asked.ticket).status, 401);
  EXPECT_EQ(ConfirmBy(browser_, asked, "nakato"), "/confirmed");
  EXPECT_EQ(provider_->asked()["prompt"], "login");
  EXPECT_EQ(provider_->asked()["max_age"], "0");
  EXPECT_EQ(StateOf(browser_, asked.ticket)["state"], "confirmed");
  const Answer decided = Decide(browser_, opened_, fencing_token_, asked.ticket);
  ASSERT_EQ(decided.status, 200) << decided.body;
  EXPECT_EQ(decided.json()["signature"]["fullName"], "Rose Nakato");
  // Not a second time.
  const Opened next = OpenConflict("01-702-1083");
  const std::string fencing_token = Claim(browser_.desk, next);
  const Answer again = Decide(browser_, next, fencing_token, asked.ticket);
  EXPECT_EQ(again.status, 401);
  EXPECT_EQ(again.code(), "unauthorized");
}

TEST_F(OidcSignTest, OneConfirmationSignsOneCallThatDecidesMany) {
  const Opened next = OpenConflict("01-702-1083");
  const Asked asked = AskToSign(browser_);
  ASSERT_EQ(ConfirmBy(browser_, asked, "nakato"), "/confirmed");
  Json conflicts = Json::array();
  for (const Opened* one : std::initializer_list<const Opened*>{&opened_, &next}) {
    conflicts.push_back({{"conflictId", one->id()}, {"seenHeads", HeadsOf(one->row)}});
  }
  const Answer decided =
      browser_.desk.Post("/api/v1/conflicts/decide",
                         {{"conflicts", conflicts},
                          {"rule", "current"},
                          {"reason", {{"text", "as on the source"}}},
                          {"signature", {{"ticket", asked.ticket}, {"meaning", "decided"}}}});
  ASSERT_EQ(decided.status, 200) << decided.body;
  const Json answer = decided.json();
  ASSERT_EQ(answer["outcomes"].size(), 2U);
  for (const Json& outcome : answer["outcomes"]) EXPECT_EQ(outcome["done"], true);
}

TEST_F(OidcSignTest, AConfirmationIsOverAfterTwoMinutesAndCountsInItsOwnSessionOnly) {
  Browser elsewhere = NewBrowser();
  ASSERT_EQ(LogInBy(elsewhere, "nakato"), "/");
  const Asked asked = AskToSign(browser_);
  ASSERT_EQ(ConfirmBy(browser_, asked, "nakato"), "/confirmed");
  EXPECT_EQ(StateOf(elsewhere, asked.ticket)["state"], "refused");
  EXPECT_EQ(Decide(elsewhere, opened_, fencing_token_, asked.ticket).status, 401);
  clock_.Advance(2 * 60 * 1000);
  EXPECT_EQ(StateOf(browser_, asked.ticket)["why"], "expired");
  EXPECT_EQ(Decide(browser_, opened_, fencing_token_, asked.ticket).status, 401);
}

TEST_F(OidcSignTest, AnotherPersonAtTheProviderConfirmsNothing) {
  provider_->Know({"okello", "", "sub-7"});
  const Asked asked = AskToSign(browser_);
  EXPECT_EQ(ConfirmBy(browser_, asked, "okello"), "/confirmed?log_in=other_person");
  EXPECT_EQ(StateOf(browser_, asked.ticket)["why"], "other_person");
  EXPECT_EQ(Decide(browser_, opened_, fencing_token_, asked.ticket).status, 401);
  EXPECT_THAT(AuditOf("nakato"), Contains("session.refused address=127.0.0.1 method=oidc "
                                          "purpose=signature reason=other_subject"));
}

TEST_F(OidcSignTest, AProviderThatDoesNotAskThePersonAgainConfirmsNothing) {
  Behaviour lazy;
  lazy.asks_again = false;
  provider_->Behave(lazy);
  const Asked soon = AskToSign(browser_);
  EXPECT_EQ(ConfirmBy(browser_, soon, "nakato"), "/confirmed?log_in=failed");
  clock_.Advance(5 * 60 * 1000);
  const Asked later = AskToSign(browser_);
  EXPECT_EQ(ConfirmBy(browser_, later, "nakato"), "/confirmed?log_in=failed");
  Behaviour silent;
  silent.claims = {{"auth_time", nullptr}};
  provider_->Behave(silent);
  const Asked without = AskToSign(browser_);
  EXPECT_EQ(ConfirmBy(browser_, without, "nakato"), "/confirmed?log_in=failed");
  EXPECT_EQ(Decide(browser_, opened_, fencing_token_, without.ticket).status, 401);
}

TEST_F(OidcSignTest, TheSameAuthenticationDoesNotConfirmTwoSignatures) {
  const Asked first = AskToSign(browser_);
  ASSERT_EQ(ConfirmBy(browser_, first, "nakato"), "/confirmed");
  Behaviour lazy;
  lazy.asks_again = false;
  provider_->Behave(lazy);
  const Asked second = AskToSign(browser_);
  EXPECT_EQ(ConfirmBy(browser_, second, "nakato"), "/confirmed?log_in=failed");
  EXPECT_EQ(Decide(browser_, opened_, fencing_token_, first.ticket).status, 401)
      << "the newest ticket is the only one";
}

TEST_F(OidcSignTest, WhoCancelsSignsNothingAndTheSessionGoesOn) {
  const Asked asked = AskToSign(browser_);
  EXPECT_EQ(Return(browser_, provider_->Cancel(asked.address)).Header("location"),
            "/confirmed?log_in=denied");
  EXPECT_EQ(StateOf(browser_, asked.ticket)["why"], "denied");
  EXPECT_EQ(browser_.desk.Get("/api/v1/session").status, 200);
}

TEST_F(OidcSignTest, TheClassOfAuthenticationThatIsDemandedMustBeTold) {
  options_.oidc->provider.acr = "urn:st-mary:two-factors";
  StartServer();
  browser_ = NewBrowser();
  ASSERT_EQ(LogInBy(browser_, "nakato"), "/") << "demanded for signing only";
  Behaviour weak;
  weak.claims = {{"acr", "urn:st-mary:password"}};
  provider_->Behave(weak);
  EXPECT_EQ(ConfirmBy(browser_, AskToSign(browser_), "nakato"), "/confirmed?log_in=failed");
  provider_->Behave({});
  EXPECT_EQ(ConfirmBy(browser_, AskToSign(browser_), "nakato"), "/confirmed");
}

TEST_F(OidcSignTest, APasswordSignsNothingInAnAccountThatHasNone) {
  const Answer answer =
      browser_.desk.Post(PathOf(opened_, "/resolve"), DecisionOn(opened_, fencing_token_));
  EXPECT_EQ(answer.status, 401);
  DeskClient password = Anonymous();
  for (const char* guess : {"", kPassword}) EXPECT_EQ(LogIn(password, "nakato", guess).status, 401);
}

TEST_F(OidcSignTest, ASessionOpenedByAPasswordSignsByIt) {
  const DeskClient local = As("okello", {kAllManager});
  EXPECT_EQ(local.Post("/api/v1/session/oidc/reauth", Json::object()).status, 403);
  for (const Json& signature :
       {Json{{"ticket", "x"}, {"meaning", "decided"}}, Json{{"ticket", 7}, {"meaning", "decided"}},
        Json{{"meaning", "decided"}}}) {
    Json decision = DecisionOn(opened_, fencing_token_);
    decision["signature"] = signature;
    const int status = local.Post(PathOf(opened_, "/resolve"), decision).status;
    EXPECT_TRUE(status == 401 || status == 422) << status;
  }
}

TEST_F(OidcSignTest, WithoutLocalPasswordsALinkedAccountHasNoneAndCannotBeLockedByGuessing) {
  AddUser("okello", {kAllManager});
  AddUser("root", {kAdministratorRight});
  ASSERT_TRUE(LinkAccount(*store_, "okello", {provider_->issuer(), "okello"}, "root").ok());
  DeskClient client = Anonymous();
  EXPECT_EQ(LogIn(client, "okello", kPassword).status, 200) << "allowed unless it is forbidden";
  options_.oidc->local_passwords = false;
  StartServer();
  const DeskClient anew = Anonymous();
  DeskClient guesser = anew;
  for (int i = 0; i < 7; ++i) EXPECT_EQ(LogIn(guesser, "okello", kPassword).status, 401);
  EXPECT_FALSE(FindAccount(*store_, "okello")->locked_until);
  EXPECT_EQ(LogIn(guesser, "root", kPassword).status, 200) << "who is not linked keeps a way in";
  provider_->Know({"okello", "", "sub-8"});
  Browser browser = NewBrowser();
  EXPECT_EQ(LogInBy(browser, "okello"), "/");
  DeskClient root = As("root", {});
  EXPECT_EQ(root.Post("/api/v1/users/okello/reset-password", Json::object()).status, 403);
}

TEST_F(OidcSignTest, AnAdministratorLinksAndUnlinksAndEitherEndsTheSessions) {
  const DeskClient root = As("root", {kAdministratorRight});
  const Answer added = root.Post("/api/v1/users", {{"user", "achieng"},
                                                   {"fullName", "Mary Achieng"},
                                                   {"rights", Json::array()},
                                                   {"providerName", "m.achieng"}});
  ASSERT_EQ(added.status, 200) << added.body;
  EXPECT_EQ(added.json()["firstPassword"], nullptr);
  EXPECT_EQ(added.json()["user"]["provider"]["name"], "m.achieng");
  EXPECT_EQ(added.json()["user"]["hasPassword"], false);
  provider_->Know({"M.Achieng", "", "sub-9"});
  Browser achieng = NewBrowser();
  ASSERT_EQ(LogInBy(achieng, "M.Achieng"), "/");
  const Answer unlinked = root.Delete("/api/v1/users/achieng/link");
  ASSERT_EQ(unlinked.status, 200) << unlinked.body;
  EXPECT_EQ(unlinked.json()["provider"], nullptr);
  EXPECT_EQ(achieng.desk.Get("/api/v1/session").status, 401);
  EXPECT_EQ(LogInBy(achieng, "M.Achieng"), "/?log_in=no_account");
  EXPECT_EQ(root.Delete("/api/v1/users/achieng/link").status, 404);
  // Linked anew, another subject may be bound.
  ASSERT_EQ(root.Post("/api/v1/users/achieng/link", {{"providerName", "m.achieng"}}).status, 200);
  provider_->Know({"M.Achieng", "", "sub-10"});
  EXPECT_EQ(LogInBy(achieng, "M.Achieng"), "/");
  EXPECT_EQ(root.Post("/api/v1/users/achieng/link", {{"providerName", "x"}}).status, 409);
}

TEST_F(OidcSignTest, AFirstPasswordThatWasNeverChangedKeepsNobodyOutAndMustStillBe) {
  const DeskClient root = As("root", {kAdministratorRight});
  const Json added =
      root.Post("/api/v1/users",
                {{"user", "okello"}, {"fullName", "Amina Okello"}, {"rights", Json::array()}})
          .json();
  ASSERT_EQ(root.Post("/api/v1/users/okello/link", {{"providerName", "okello"}}).status, 200);
  provider_->Know({"okello", "", "sub-8"});
  Browser browser = NewBrowser();
  ASSERT_EQ(LogInBy(browser, "okello"), "/");
  EXPECT_EQ(browser.desk.Get("/api/v1/session").json()["mustChangePassword"], false);
  EXPECT_EQ(browser.desk.Get("/api/v1/views").status, 200);
  DeskClient local = Anonymous();
  const Answer answer = LogIn(local, "okello", added["firstPassword"].get<std::string>());
  EXPECT_EQ(answer.json()["mustChangePassword"], true);
}

TEST_F(OidcSignTest, ALinkThatWouldLeaveNobodyWithAPasswordOrTwoWithOneNameIsRefused) {
  const DeskClient root = As("root", {kAdministratorRight});
  const Answer last = root.Post("/api/v1/users/root/link", {{"providerName", "root"}});
  EXPECT_EQ(last.status, 403) << last.body;
  EXPECT_THAT(last.body, HasSubstr("last active administrator"));
  AddUser("okello", {kAllManager});
  EXPECT_EQ(root.Post("/api/v1/users/okello/link", {{"providerName", "NAKATO"}}).status, 409);
  for (const Json& name :
       {Json(""), Json("a\nb"), Json(7), Json(nullptr), Json(std::string(256, 'n'))}) {
    const int status = root.Post("/api/v1/users/okello/link", {{"providerName", name}}).status;
    EXPECT_TRUE(status == 422 || status == 413) << name << status;
  }
}

}  // namespace
}  // namespace edcsync::central
