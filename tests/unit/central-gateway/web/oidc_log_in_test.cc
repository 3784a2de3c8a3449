// Logging in by an identity provider: the whole way between a browser, the desk and a provider that
// can be told to misbehave.
#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/central-gateway/web/oidc_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class OidcLogInTest : public OidcTest {};

TEST_F(OidcLogInTest, WhoTheProviderKnowsLogsInAndIsBoundToTheirSubject) {
  AddLinked("nakato");
  Browser browser = NewBrowser();
  EXPECT_EQ(LogInBy(browser, "nakato"), "/");
  const Json session = browser.desk.Get("/api/v1/session").json();
  EXPECT_EQ(session["user"], "nakato");
  EXPECT_EQ(session["method"], "provider");
  EXPECT_EQ(session["mustChangePassword"], false);
  EXPECT_THAT(AuditOf("nakato"),
              ElementsAre(StartsWith("user.added"),
                          "user.linked issuer=" + provider_->issuer() + " name=nakato",
                          "user.bound issuer=" + provider_->issuer() + " subject=sub-1",
                          "session.opened address=127.0.0.1 method=oidc"));
  // A second log-in binds nothing anew, also under another name at the provider.
  provider_->Know({"rose.okello", "", "sub-1"});
  Browser again = NewBrowser();
  EXPECT_EQ(LogInBy(again, "rose.okello"), "/");
  EXPECT_EQ(again.desk.Get("/api/v1/session").json()["user"], "nakato");
  EXPECT_EQ(provider_->counts().discoveries, 1);
  EXPECT_EQ(provider_->counts().keys, 1);
}

TEST_F(OidcLogInTest, TheProviderIsAskedByPkceWithNothingThatCanBeGuessed) {
  AddLinked("nakato");
  Browser browser = NewBrowser();
  ASSERT_EQ(LogInBy(browser, "nakato"), "/");
  auto first = provider_->asked();
  EXPECT_EQ(first["code_challenge_method"], "S256");
  EXPECT_EQ(first["scope"], "openid profile email");
  EXPECT_EQ(first["redirect_uri"],
            "http://localhost:" + std::to_string(server_->port()) + kCallback);
  EXPECT_FALSE(first.contains("prompt"));
  ASSERT_EQ(LogInBy(browser, "nakato"), "/");
  auto second = provider_->asked();
  for (const char* secret : {"state", "nonce", "code_challenge"}) {
    EXPECT_GE(first[secret].size(), 43U);
    EXPECT_NE(first[secret], second[secret]);
  }
}

TEST_F(OidcLogInTest, TheCookieOfTheWayIsNoScriptsAndComesBackWithTheRedirect) {
  Browser browser = NewBrowser();
  const Answer answer = Navigate(browser, "/api/v1/session/oidc/start", false);
  const std::string cookie = answer.Header("set-cookie");
  EXPECT_THAT(cookie, StartsWith("edcsync_oidc="));
  for (const char* attribute : {"; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=600"}) {
    EXPECT_THAT(cookie, HasSubstr(attribute));
  }
  EXPECT_THAT(answer.Header("location"), Not(HasSubstr(cookie.substr(13, 43))));
  EXPECT_EQ(answer.Header("cache-control"), "no-store");
  EXPECT_EQ(answer.Header("referrer-policy"), "no-referrer");
}

TEST_F(OidcLogInTest, ASubjectThatIsNotTheBoundOneIsRefusedThoughTheNameIs) {
  LoggedIn();
  provider_->Know({"nakato", "", "sub-2"});  // The name was given to somebody else.
  Browser other = NewBrowser();
  EXPECT_EQ(LogInBy(other, "nakato"), "/?log_in=no_account");
  EXPECT_EQ(other.desk.cookie, "");
  EXPECT_THAT(AuditOf("nakato"),
              Contains("session.refused address=127.0.0.1 method=oidc reason=other_subject"));
}

TEST_F(OidcLogInTest, WhoHasNoAccountHereGetsNone) {
  const std::string before = Rows("account");
  Browser stranger = NewBrowser();
  EXPECT_EQ(LogInBy(stranger, "somebody"), "/?log_in=no_account");
  EXPECT_EQ(Rows("account"), before);
  EXPECT_THAT(AuditOf("unknown"),
              ElementsAre("session.refused address=127.0.0.1 method=oidc reason=unknown_name"));
  // An account of that name which is not linked is not theirs either.
  AddUser("okello", {kAllManager});
  EXPECT_EQ(LogInBy(stranger, "okello"), "/?log_in=no_account");
}

TEST_F(OidcLogInTest, ADeactivatedAccountIsRefusedAndItsSessionsEnd) {
  const Browser browser = LoggedIn();
  ASSERT_TRUE(SetActive(*store_, "nakato", false, "root").ok());
  EXPECT_EQ(browser.desk.Get("/api/v1/session").status, 401);
  Browser again = NewBrowser();
  EXPECT_EQ(LogInBy(again, "nakato"), "/?log_in=no_account");
  EXPECT_THAT(AuditOf("nakato"),
              Contains("session.refused address=127.0.0.1 method=oidc reason=not_active"));
}

TEST_F(OidcLogInTest, ATokenThatIsNotAsItShouldBeOpensNothing) {
  AddLinked("nakato");
  const auto with = [](const char* claim, const Json& value) {
    Behaviour behaviour;
    behaviour.claims[claim] = value;
    return behaviour;
  };
  const std::int64_t now_s = clock_.Wall().ms / 1000;
  std::vector<std::pair<std::string, Behaviour>> wrongs = {
      {"nonce of another", with("nonce", "another")},
      {"no nonce", with("nonce", nullptr)},
      {"another client's", with("aud", "another")},
      {"no audience", with("aud", nullptr)},
      {"also another client's", with("aud", {"edcsync-desk", "another"})},
      {"asked by another", with("azp", "another")},
      {"another issuer", with("iss", "https://id.elsewhere.example")},
      {"no issuer", with("iss", nullptr)},
      {"expired", with("exp", now_s - 120)},
      {"no end", with("exp", nullptr)},
      {"of the future", with("iat", now_s + 600)},
      {"not yet", with("nbf", now_s + 600)},
      {"an end that is a text", with("exp", "tomorrow")},
      {"no subject", with("sub", nullptr)},
      {"an empty subject", with("sub", "")},
      {"a number as subject", with("sub", 7)},
      {"a long subject", with("sub", std::string(256, 's'))}};
  for (const char* algorithm : {"none", "HS256"}) {
    wrongs.push_back({algorithm, {}});
    wrongs.back().second.algorithm = algorithm;
  }
  wrongs.push_back({"a bad signature", {}});
  wrongs.back().second.has_bad_signature = true;
  wrongs.push_back({"an unknown key", {}});
  wrongs.back().second.key_id = "rsa-9";
  wrongs.push_back({"the other key's id", {}});
  wrongs.back().second.key_id = "ec-1";
  wrongs.push_back({"another issuer beside the code", {}});
  wrongs.back().second.named_issuer = "https://id.elsewhere.example";
  wrongs.push_back({"no issuer beside the code, though it is promised", {}});
  wrongs.back().second.named_issuer = "-";
  for (const auto& [what, wrong] : wrongs) {
    provider_->Behave(wrong);
    Browser browser = NewBrowser();
    EXPECT_EQ(LogInBy(browser, "nakato"), "/?log_in=failed") << what;
    EXPECT_EQ(browser.desk.cookie, "") << what;
  }
  EXPECT_THAT(AuditOf("unknown"),
              Contains("session.refused address=127.0.0.1 method=oidc reason=failed")
                  .Times(static_cast<int>(wrongs.size())));
  EXPECT_THAT(AuditOf("nakato"), Not(Contains(StartsWith("user.bound"))));
}

TEST_F(OidcLogInTest, ATokenThatIsOnlyUnusualIsTaken) {
  AddLinked("nakato");
  const std::int64_t now_s = clock_.Wall().ms / 1000;
  std::vector<Behaviour> usable(6);
  usable[0].algorithm = "ES256";
  usable[1].algorithm = "PS256";
  usable[2].claims = {{"aud", {"edcsync-desk", "another"}}, {"azp", "edcsync-desk"}};
  usable[3].claims = {{"iat", now_s + 30}, {"nbf", now_s + 30}};  // A clock a little ahead.
  usable[4].claims = {{"auth_time", nullptr}};
  usable[5].claims = {{"aud", {"edcsync-desk"}}, {"nbf", now_s - 5.5}};
  for (const Behaviour& behaviour : usable) {
    provider_->Behave(behaviour);
    Browser browser = NewBrowser();
    EXPECT_EQ(LogInBy(browser, "nakato"), "/") << behaviour.claims;
  }
}

TEST_F(OidcLogInTest, ACodeOrAStateCountsOnce) {
  AddLinked("nakato");
  Browser browser = NewBrowser();
  const std::string back = provider_->LogIn(Leave(browser), "nakato");
  EXPECT_EQ(Return(browser, back).Header("location"), "/");
  const int tokens = provider_->counts().tokens;
  const Answer again = Return(browser, back);
  EXPECT_EQ(again.Header("location"), "/?log_in=expired");
  EXPECT_EQ(again.Header("set-cookie"), "");
  EXPECT_EQ(provider_->counts().tokens, tokens) << "the provider is not even asked";
  // A used code under a fresh state of the browser's own.
  const std::string code = back.substr(back.find("&code="));
  std::string mixed = provider_->LogIn(Leave(browser), "nakato");
  mixed = mixed.substr(0, mixed.find("&code=")) + code;
  EXPECT_EQ(Return(browser, mixed).Header("location"), "/?log_in=failed");
}

// Somebody could begin a log-in as themselves and have another person's browser finish it, who
// would then work, and sign, in the wrong account.
TEST_F(OidcLogInTest, WhatOneBrowserBeganAnotherCannotFinish) {
  AddLinked("nakato");
  Browser attacker = NewBrowser();
  const std::string back = provider_->LogIn(Leave(attacker), "nakato");
  Browser victim = NewBrowser();
  EXPECT_EQ(Return(victim, back).Header("location"), "/?log_in=expired");
  Browser with_another = NewBrowser();
  Leave(with_another);
  const std::string second = provider_->LogIn(Leave(attacker), "nakato");
  EXPECT_EQ(Return(with_another, second).Header("location"), "/?log_in=expired");
  EXPECT_EQ(Return(attacker, second).Header("location"), "/?log_in=expired") << "it was taken";
  // Two tabs of one browser do not disturb each other.
  const std::string one = Leave(attacker);
  const std::string two = Leave(attacker);
  EXPECT_EQ(Return(attacker, provider_->LogIn(one, "nakato")).Header("location"), "/");
  EXPECT_EQ(Return(attacker, provider_->LogIn(two, "nakato")).Header("location"), "/");
}

TEST_F(OidcLogInTest, AFlowThatTookLongerThanTenMinutesIsOver) {
  AddLinked("nakato");
  Browser browser = NewBrowser();
  const std::string back = provider_->LogIn(Leave(browser), "nakato");
  clock_.Advance(10 * 60 * 1000);
  EXPECT_EQ(Return(browser, back).Header("location"), "/?log_in=expired");
}

TEST_F(OidcLogInTest, AnInventedStateCostsNeitherARequestNorARow) {
  const std::string before = Everything();
  Browser browser = NewBrowser();
  for (const char* query : {"", "?state=x&code=y", "?code=y", "?error=access_denied",
                            "?state=%27%20OR%201%3D1--&code=<script>", "?state=x&state=y"}) {
    const Answer answer = Navigate(browser, std::string(kCallback) + query, true);
    EXPECT_EQ(answer.status, 303);
    EXPECT_EQ(answer.Header("location"), "/?log_in=expired");
  }
  EXPECT_EQ(Everything(), before);
  EXPECT_EQ(provider_->counts().tokens, 0);
}

TEST_F(OidcLogInTest, WhoCancelsAtTheProviderIsToldSo) {
  AddLinked("nakato");
  Browser browser = NewBrowser();
  const std::string back = provider_->Cancel(Leave(browser));
  EXPECT_EQ(Return(browser, back).Header("location"), "/?log_in=denied");
  EXPECT_EQ(provider_->counts().tokens, 0);
}

TEST_F(OidcLogInTest, ALogInLeadsBackToAPageOfTheDeskAndNowhereElse) {
  AddLinked("nakato");
  Browser browser = NewBrowser();
  EXPECT_EQ(LogInBy(browser, "nakato", "?to=" + PercentEncode("/conflicts/7?state=all")),
            "/conflicts/7?state=all");
  for (const char* to :
       {"//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "elsewhere",
        "/api/v1/session", "/a\r\nSet-Cookie: x=y", "javascript:1", "/a b"}) {
    EXPECT_EQ(LogInBy(browser, "nakato", "?to=" + PercentEncode(to)), "/") << to;
  }
  EXPECT_EQ(LogInBy(browser, "nakato", "?window=1&to=%2Frecords"), "/confirmed");
}

TEST_F(OidcLogInTest, TheSessionIsNewWhateverTheBrowserHadBefore) {
  Browser browser = LoggedIn();
  const std::string before = browser.desk.cookie;
  ASSERT_EQ(LogInBy(browser, "nakato"), "/");
  EXPECT_NE(browser.desk.cookie, before);
  Browser planted = NewBrowser();
  planted.desk.cookie = "edcsync_session=" + std::string(64, 'a');
  ASSERT_EQ(LogInBy(planted, "nakato"), "/");
  EXPECT_EQ(planted.desk.cookie.find(std::string(64, 'a')), std::string::npos);
}

TEST_F(OidcLogInTest, KeysThatChangedAreReadAnewButNotForEveryInventedOne) {
  AddLinked("nakato");
  Browser browser = NewBrowser();
  ASSERT_EQ(LogInBy(browser, "nakato"), "/");
  ASSERT_EQ(provider_->counts().keys, 1);
  provider_->ChangeKeys();
  clock_.Advance(61'000);
  EXPECT_EQ(LogInBy(browser, "nakato"), "/");
  EXPECT_EQ(provider_->counts().keys, 2);
  Behaviour invented;
  invented.key_id = "invented";
  provider_->Behave(invented);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(LogInBy(browser, "nakato"), "/?log_in=failed");
  EXPECT_EQ(provider_->counts().keys, 2) << "once a minute at most";
}

TEST_F(OidcLogInTest, AProviderThatIsDownIsToldApartAndTriedAgainLater) {
  AddLinked("nakato");
  Behaviour down;
  down.is_down = true;
  provider_->Behave(down);
  Browser browser = NewBrowser();
  for (int i = 0; i < 8; ++i) EXPECT_EQ(Leave(browser), "/?log_in=unavailable");
  provider_->Behave({});
  EXPECT_EQ(Leave(browser), "/?log_in=unavailable") << "the circuit is open";
  EXPECT_EQ(provider_->counts().discoveries, 0);
  EXPECT_EQ(Anonymous().Get("/api/v1/session/methods").status, 200);
  clock_.Advance(31'000);
  EXPECT_EQ(LogInBy(browser, "nakato"), "/");
}

TEST_F(OidcLogInTest, AProviderThatAnswersWithoutEndIsCutOff) {
  AddLinked("nakato");
  Behaviour huge;
  huge.keys_are_huge = true;
  provider_->Behave(huge);
  Browser browser = NewBrowser();
  EXPECT_EQ(LogInBy(browser, "nakato"), "/?log_in=unavailable");
}

TEST_F(OidcLogInTest, ASlowProviderTakesAFewThreadsAndTheOthersAreToldSo) {
  AddLinked("nakato");
  Behaviour slow;
  slow.slow_ms = 4000;
  options_.oidc->provider.timeout_s = 1;
  StartServer();
  std::vector<Browser> browsers;
  std::vector<std::string> back;
  for (int i = 0; i <= OidcProvider::kExchangeCountMax; ++i) {
    browsers.push_back(NewBrowser());
    back.push_back(provider_->LogIn(Leave(browsers.back()), "nakato"));
  }
  provider_->Behave(slow);
  std::vector<std::thread> waiting;
  std::vector<std::string> ends(OidcProvider::kExchangeCountMax);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    waiting.emplace_back([&, i] { ends[i] = Return(browsers[i], back[i]).Header("location"); });
  }
  while (provider_->counts().tokens < OidcProvider::kExchangeCountMax) std::this_thread::yield();
  const std::string last = Return(browsers.back(), back.back()).Header("location");
  for (std::thread& thread : waiting) thread.join();
  // The last one finds all turns taken, unless the machine was so busy that the first are over.
  EXPECT_THAT(last, StartsWith("/?log_in="));
  for (const std::string& end : ends) EXPECT_EQ(end, "/?log_in=unavailable");
  EXPECT_LE(provider_->counts().tokens, OidcProvider::kExchangeCountMax + 1);
}

TEST_F(OidcLogInTest, AProviderWhoseCertificateIsNotTrustedIsNotAsked) {
  SystemClock clock;
  const CertificateAuthority another =
      *CertificateAuthority::Create("another", clock.Wall(), 2, system_random_);
  options_.oidc->provider.ca_file = Write("other-ca.crt", another.certificate().ToPem());
  StartServer();
  Browser browser = NewBrowser();
  EXPECT_EQ(Leave(browser), "/?log_in=unavailable");
  EXPECT_EQ(provider_->counts().discoveries, 0);
}

TEST_F(OidcLogInTest, AWrongSecretOrClientIsRefusedByTheProviderAndTheDeskSaysSo) {
  AddLinked("nakato");
  options_.oidc->provider.client_secret = "a wrong secret";
  StartServer();
  Browser browser = NewBrowser();
  EXPECT_EQ(LogInBy(browser, "nakato"), "/?log_in=failed");
}

TEST_F(OidcLogInTest, AnAddressThatBeginsTooOftenWaits) {
  Browser browser = NewBrowser();
  int refused = 0;
  for (int i = 0; i < 25; ++i) {
    const Answer answer = Navigate(browser, "/api/v1/session/oidc/start", false);
    if (answer.Header("location") == "/?log_in=too_many_attempts") ++refused;
  }
  EXPECT_EQ(refused, 5);
}

TEST_F(OidcLogInTest, ThePageIsToldByWhatOneCanLogIn) {
  const Json methods = Anonymous().Get("/api/v1/session/methods").json();
  EXPECT_EQ(methods["provider"]["label"], "St. Mary SSO");
  EXPECT_EQ(methods["provider"]["localPasswords"], true);
  EXPECT_EQ(methods["provider"]["logOutAddress"], nullptr);
  LoggedIn();
  EXPECT_EQ(Anonymous().Get("/api/v1/session/methods").json()["provider"]["logOutAddress"],
            provider_->issuer() + "/log-out?client_id=edcsync-desk");
  options_.oidc.reset();
  StartServer();
  EXPECT_EQ(Anonymous().Get("/api/v1/session/methods").json()["provider"], nullptr);
  EXPECT_EQ(Anonymous().Get("/api/v1/session/oidc/start").status, 404);
}

}  // namespace
}  // namespace edcsync::central
