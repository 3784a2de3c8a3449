#include "central-gateway/people/sessions.h"

#include <atomic>
#include <thread>

#include "tests/unit/central-gateway/people/people_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kAddress[] = "192.0.2.7";
constexpr char kPassword[] = "vokhulatidem";
constexpr std::int64_t kMinuteMs = 60 * 1000;

class SessionsTest : public PeopleTest {
 protected:
  void SetUp() override {
    PeopleTest::SetUp();
    AddWithPassword("Nakato");
    sessions_.emplace(*store_, hasher_, clock_, random_, Unlimited());
  }

  static SessionOptions Unlimited() {
    SessionOptions options;
    options.limits = {1e9, 1e9};
    return options;
  }

  void AddWithPassword(const std::string& user, std::vector<RightRow> rights = {kKisumuManager}) {
    Add(user, std::move(rights));
    Must(ChangePassword(*store_, hasher_, user, kPassword));
  }

  Result<SessionView> LogIn(const std::string& user, std::string_view password = kPassword) {
    return sessions_->LogIn(user, password, kAddress);
  }
  SessionView Opened(const std::string& user) { return Must(LogIn(user)); }
  bool Lives(const SessionView& session) {
    const auto found = sessions_->Find(session.token, Sessions::Use::kNoUse);
    EXPECT_TRUE(found.ok() || found.error().code == ErrorCode::kUnauthorized);
    return found.ok();
  }
  void FailToLogIn(int times, const std::string& user = "nakato") {
    for (int i = 0; i < times; ++i) {
      EXPECT_EQ(CodeOf(LogIn(user, "wrong")), ErrorCode::kUnauthorized);
    }
  }

  std::optional<Sessions> sessions_;
};

TEST_F(SessionsTest, WhoLogsInIsFoundByTheToken) {
  const SessionView opened = Opened("nakato");
  EXPECT_EQ(opened.user, "Nakato");
  EXPECT_EQ(opened.full_name, "Full Name");
  EXPECT_FALSE(opened.must_change_password);
  EXPECT_EQ(opened.token.size(), 64u);
  EXPECT_EQ(opened.csrf_token.size(), 64u);
  EXPECT_NE(opened.token, opened.csrf_token);
  EXPECT_EQ(opened.idle_ms_max, 30 * kMinuteMs);
  const SessionView found = Must(sessions_->Find(opened.token));
  EXPECT_EQ(found.user, "Nakato");
  EXPECT_EQ(found.csrf_token, opened.csrf_token);
  EXPECT_EQ(found.token, "");
  EXPECT_TRUE(found.rights.May(Role::kDataManager, StudyOID("X"), SiteOID("Kisumu")));
  EXPECT_EQ(Read("nakato").last_log_in_at, clock_.Wall());
  EXPECT_EQ(AuditOf("Nakato").back(),
            (Told{"Nakato", "session.opened", "Nakato", "address=192.0.2.7 method=password"}));
}

TEST_F(SessionsTest, AnotherTokenFindsNothing) {
  const SessionView opened = Opened("nakato");
  std::string other = opened.token;
  other[0] = other[0] == 'a' ? 'b' : 'a';
  for (const std::string& token : {std::string(), std::string("x"), other, opened.token + "0",
                                   opened.csrf_token, std::string(64, '0')}) {
    EXPECT_EQ(CodeOf(sessions_->Find(token)), ErrorCode::kUnauthorized) << token;
  }
  EXPECT_FALSE(StandsOnDisk(opened.token));
}

TEST_F(SessionsTest, OnlyItsOwnCsrfTokenFits) {
  const SessionView first = Opened("nakato");
  const SessionView second = Opened("nakato");
  EXPECT_TRUE(first.FitsCsrf(first.csrf_token));
  EXPECT_FALSE(first.FitsCsrf(second.csrf_token));
  EXPECT_FALSE(first.FitsCsrf(""));
  EXPECT_FALSE(SessionView().FitsCsrf(""));
}

TEST_F(SessionsTest, TheAnswerIsTheSameWhateverIsWrong) {
  AddWithPassword("inactive");
  Must(SetActive(*store_, "inactive", false, "root"));
  AddWithPassword("locked");
  FailToLogIn(5, "locked");
  const std::string wrong = LogIn("nakato", "wrong").error().ToString();
  EXPECT_EQ(LogIn("nobody", kPassword).error().ToString(), wrong);
  EXPECT_EQ(LogIn("no name '; --", kPassword).error().ToString(), wrong);
  EXPECT_EQ(LogIn("inactive").error().ToString(), wrong);
  EXPECT_EQ(LogIn("locked").error().ToString(), wrong);
  EXPECT_EQ(LogIn("nakato", "").error().ToString(), wrong);
  EXPECT_EQ(LogIn("nakato", kPassword + std::string(5000, 'x')).error().ToString(), wrong);
  EXPECT_EQ(sessions_->count(), 0u);
}

// A hash and a transaction each: what would be missing could be told by its time.
TEST_F(SessionsTest, AnUnknownNameCostsAsMuchAsAWrongPassword) {
  PasswordHasherOptions options = Cheap();
  options.memory_bytes = std::size_t{1} << 46;  // Not to be had: whoever hashes fails.
  PasswordHasher failing(options);
  Sessions sessions(*store_, failing, clock_, random_, Unlimited());
  EXPECT_EQ(CodeOf(sessions.LogIn("nobody", kPassword, kAddress)), ErrorCode::kInternal);
  EXPECT_FALSE(LogIn("nobody").ok());
  EXPECT_EQ(AuditOf("unknown").back(), (Told{"unknown", "session.refused", "unknown",
                                             "address=192.0.2.7 reason=unknown_name"}));
}

TEST_F(SessionsTest, WhatIsTypedAsANameIsNotWrittenDown) {
  EXPECT_FALSE(LogIn("my-secret-password", "nakato").ok());
  EXPECT_FALSE(StandsOnDisk("my-secret-password"));
}

TEST_F(SessionsTest, AnAddressWithOtherThanVisibleCharactersIsWrittenWithoutThem) {
  Must(sessions_->LogIn("nakato", kPassword, "1.2.3.4\nreason=x" + std::string(100, 'y')));
  EXPECT_EQ(AuditOf("Nakato").back().detail,
            "address=1.2.3.4?reason=x" + std::string(48, 'y') + " method=password");
}

TEST_F(SessionsTest, AfterFiveWrongPasswordsEvenTheRightOneIsRefusedForAMinute) {
  FailToLogIn(4);
  EXPECT_TRUE(Lives(Opened("nakato")));  // And the count begins anew.
  FailToLogIn(5);
  EXPECT_EQ(Read("nakato").failed_count, 5u);
  EXPECT_EQ(Read("nakato").locked_until, WallTime{clock_.Wall().ms + kMinuteMs});
  clock_.Advance(kMinuteMs - 1);
  EXPECT_EQ(CodeOf(LogIn("nakato")), ErrorCode::kUnauthorized);
  EXPECT_EQ(Read("nakato").failed_count, 5u);  // While it rests nothing counts.
  clock_.Advance(1);
  EXPECT_TRUE(Lives(Opened("nakato")));
  EXPECT_EQ(Read("nakato").failed_count, 0u);
  EXPECT_FALSE(Read("nakato").locked_until);
}

TEST_F(SessionsTest, EachFurtherWrongOneDoublesTheRestUpToAnHour) {
  FailToLogIn(5);
  for (const std::int64_t minutes : {2, 4, 8, 16, 32, 60, 60}) {
    clock_.SetWall(*Read("nakato").locked_until);
    FailToLogIn(1);
    EXPECT_EQ(Read("nakato").locked_until, WallTime{clock_.Wall().ms + minutes * kMinuteMs});
  }
  EXPECT_EQ(RestMs(4'000'000'000), kRestMsMax);
}

TEST_F(SessionsTest, WrongOnesAndTheLockoutStandInTheTrail) {
  FailToLogIn(5);
  EXPECT_FALSE(LogIn("nakato").ok());
  const std::vector<Told> told = AuditOf("Nakato");
  ASSERT_EQ(told.size(), 9u);
  EXPECT_EQ(told[2], (Told{"Nakato", "session.refused", "Nakato",
                           "address=192.0.2.7 reason=wrong_password in_a_row=1"}));
  EXPECT_EQ(told[7], (Told{"Nakato", "session.locked", "Nakato",
                           "until=" + FormatUtc({clock_.Wall().ms + kMinuteMs})}));
  EXPECT_EQ(told[8].detail, "address=192.0.2.7 reason=locked");
}

TEST_F(SessionsTest, NeitherARestartNorAnotherGatewayForgivesWrongPasswords) {
  FailToLogIn(4);
  store_.reset();
  store_ = OpenStore("gateway-2");
  Sessions other(*store_, hasher_, clock_, random_, Unlimited());
  EXPECT_EQ(CodeOf(other.LogIn("nakato", "wrong", kAddress)), ErrorCode::kUnauthorized);
  EXPECT_EQ(CodeOf(other.LogIn("nakato", kPassword, kAddress)), ErrorCode::kUnauthorized);
}

TEST_F(SessionsTest, ARestThatAClockSetBackWouldMakeLongerThanAnyDoesNotHold) {
  FailToLogIn(5);
  clock_.SetWall({clock_.Wall().ms - 2 * kRestMsMax});
  EXPECT_TRUE(Lives(Opened("nakato")));
}

// Several attempts at a time must not all be weighed before the first is counted.
TEST_F(SessionsTest, OfManyWrongOnesAtATimeFiveCount) {
  auto options = Options("gateway-3");
  options.start_writer = true;
  auto store = Must(OpenSqliteCentralStore(options, clock_, random_));
  SystemRandom random;
  Sessions sessions(*store, hasher_, clock_, random, Unlimited());
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5; ++n) refused += !sessions.LogIn("nakato", "wrong", kAddress).ok();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 40);
  EXPECT_EQ(Read("nakato").failed_count, 5u);
}

TEST_F(SessionsTest, APasswordThatIsResetWhileItIsBeingCheckedOpensNothing) {
  Overtaken store(*store_,
                  [&] { Must(ResetPassword(*store_, hasher_, random_, "nakato", "root")); });
  Sessions sessions(store, hasher_, clock_, random_, Unlimited());
  EXPECT_EQ(CodeOf(sessions.LogIn("nakato", kPassword, kAddress)), ErrorCode::kUnauthorized);
  EXPECT_EQ(AuditOf("Nakato").back().detail, "address=192.0.2.7 reason=changed_meanwhile");
  EXPECT_EQ(Read("nakato").failed_count, 0u);
}

TEST_F(SessionsTest, AttemptsAreLimitedByAddressAndWhatIsRefusedThereCostsNothing) {
  Sessions sessions(*store_, hasher_, clock_, random_);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(CodeOf(sessions.LogIn("nobody", "wrong", kAddress)), ErrorCode::kUnauthorized);
  }
  const std::size_t told = AuditOf("unknown").size();
  EXPECT_EQ(CodeOf(sessions.LogIn("nakato", kPassword, kAddress)), ErrorCode::kTooManyAttempts);
  EXPECT_EQ(AuditOf("unknown").size(), told);
  EXPECT_TRUE(sessions.LogIn("nakato", kPassword, "192.0.2.8").ok());
  clock_.Advance(3000);
  EXPECT_TRUE(sessions.LogIn("nakato", kPassword, kAddress).ok());
}

TEST_F(SessionsTest, AnUnusedSessionEndsAfterHalfAnHour) {
  const SessionView session = Opened("nakato");
  clock_.Advance(30 * kMinuteMs - 1);
  EXPECT_TRUE(sessions_->Find(session.token).ok());
  clock_.Advance(30 * kMinuteMs - 1);
  EXPECT_TRUE(Lives(session));
  clock_.Advance(1);
  EXPECT_FALSE(Lives(session));
  EXPECT_EQ(sessions_->count(), 0u);
  EXPECT_EQ(AuditOf("Nakato").back(), (Told{"Nakato", "session.closed", "Nakato", "reason=idle"}));
}

TEST_F(SessionsTest, WhatAPageAsksByItselfDoesNotKeepASessionAlive) {
  const SessionView session = Opened("nakato");
  for (int minute = 0; minute < 29; ++minute) {
    clock_.Advance(kMinuteMs);
    EXPECT_TRUE(sessions_->Find(session.token, Sessions::Use::kNoUse).ok());
  }
  clock_.Advance(kMinuteMs);
  EXPECT_FALSE(Lives(session));
}

TEST_F(SessionsTest, ASessionInUseEndsAfterTwelveHours) {
  clock_.Advance(5 * 60 * kMinuteMs);
  const SessionView session = Opened("nakato");
  for (int minute = 0; minute < 12 * 60 - 1; ++minute) {
    clock_.Advance(kMinuteMs);
    ASSERT_TRUE(sessions_->Find(session.token).ok()) << minute;
  }
  clock_.Advance(kMinuteMs);
  EXPECT_FALSE(Lives(session));
  EXPECT_EQ(AuditOf("Nakato").back().detail, "reason=age");
}

TEST_F(SessionsTest, AClockThatIsSetDoesNotEndASession) {
  const SessionView session = Opened("nakato");
  clock_.SetWall({clock_.Wall().ms + 24 * 60 * kMinuteMs});
  EXPECT_TRUE(Lives(session));
}

TEST_F(SessionsTest, WhoLogsOutIsOut) {
  const SessionView session = Opened("nakato");
  const SessionView other = Opened("nakato");
  sessions_->End(session.token);
  sessions_->End(session.token);
  sessions_->End("nothing");
  EXPECT_FALSE(Lives(session));
  EXPECT_TRUE(Lives(other));
  EXPECT_THAT(ActionsOn("Nakato"),
              ElementsAre("user.added", "user.password_changed", "session.opened", "session.opened",
                          "session.closed"));
  EXPECT_EQ(AuditOf("Nakato").back().detail, "reason=logged_out");
}

TEST_F(SessionsTest, AChangeOfRightsByAnotherProcessCountsAtTheNextCall) {
  const SessionView session = Opened("nakato");
  const auto other = OpenStore("command-1");
  Must(ChangeAccount(*other, "nakato",
                     {"Rose Nakato", std::nullopt, std::vector{kAdministratorRight}}, "root"));
  const SessionView found = Must(sessions_->Find(session.token));
  EXPECT_TRUE(found.rights.IsAdministrator());
  EXPECT_FALSE(found.rights.Has(Role::kDataManager));
  EXPECT_EQ(found.full_name, "Rose Nakato");
  EXPECT_TRUE(Must(sessions_->Find(session.token)).rights.IsAdministrator());
}

TEST_F(SessionsTest, ASessionEndsWithItsAccountsStanding) {
  const SessionView session = Opened("nakato");
  Must(SetActive(*store_, "nakato", false, "root"));
  EXPECT_FALSE(Lives(session));
  Must(SetActive(*store_, "nakato", true, "root"));
  EXPECT_FALSE(Lives(session));
  EXPECT_THAT(AuditOf("Nakato"),
              ::testing::Contains(Told{"Nakato", "session.closed", "Nakato", "reason=not_active"}));
}

TEST_F(SessionsTest, AResetEndsEverySessionOfTheAccountAndOfNoOther) {
  AddWithPassword("wanjiru");
  const SessionView first = Opened("nakato");
  const SessionView second = Opened("nakato");
  const SessionView other = Opened("wanjiru");
  const std::string password =
      Must(ResetPassword(*store_, hasher_, random_, "nakato", "root")).password;
  EXPECT_FALSE(Lives(first));
  EXPECT_FALSE(Lives(second));
  EXPECT_TRUE(Lives(other));
  EXPECT_TRUE(Must(LogIn("nakato", password)).must_change_password);
}

TEST_F(SessionsTest, AChangedPasswordRenewsTheSessionAndEndsTheOthersOfTheAccount) {
  AddWithPassword("wanjiru");
  const SessionView session = Opened("nakato");
  const SessionView second = Opened("nakato");
  const SessionView other = Opened("wanjiru");
  const SessionView renewed =
      Must(sessions_->ChangePassword(session.token, kPassword, "another-tidem"));
  EXPECT_NE(renewed.token, session.token);
  EXPECT_NE(renewed.csrf_token, session.csrf_token);
  EXPECT_FALSE(Lives(session));
  EXPECT_FALSE(Lives(second));
  EXPECT_TRUE(Lives(renewed));
  EXPECT_TRUE(Lives(other));
  EXPECT_EQ(CodeOf(LogIn("nakato")), ErrorCode::kUnauthorized);
  EXPECT_TRUE(LogIn("nakato", "another-tidem").ok());
}

TEST_F(SessionsTest, TheFirstPasswordIsChangedWithinASessionThatAllowsNothingElse) {
  const std::string first = Add("okello");
  const SessionView session = Must(LogIn("okello", first));
  EXPECT_TRUE(session.must_change_password);
  const SessionView renewed = Must(sessions_->ChangePassword(session.token, first, kPassword));
  EXPECT_FALSE(renewed.must_change_password);
  EXPECT_FALSE(Must(sessions_->Find(renewed.token)).must_change_password);
}

TEST_F(SessionsTest, APasswordThatBreaksARuleChangesNothing) {
  const SessionView session = Opened("nakato");
  EXPECT_EQ(CodeOf(sessions_->ChangePassword(session.token, kPassword, "short")),
            ErrorCode::kFieldInvalid);
  EXPECT_EQ(CodeOf(sessions_->ChangePassword(session.token, "wrong", "another-tidem")),
            ErrorCode::kUnauthorized);
  EXPECT_EQ(CodeOf(sessions_->ChangePassword("nothing", kPassword, "another-tidem")),
            ErrorCode::kUnauthorized);
  EXPECT_TRUE(Lives(session));
  EXPECT_TRUE(LogIn("nakato").ok());
}

TEST_F(SessionsTest, ARenewedSessionIsNoYoungerThanItWas) {
  const SessionView session = Opened("nakato");
  for (int i = 0; i < 24; ++i) {
    clock_.Advance(29 * kMinuteMs);
    ASSERT_TRUE(sessions_->Find(session.token).ok());
  }
  const SessionView renewed =
      Must(sessions_->ChangePassword(session.token, kPassword, "another-tidem"));
  clock_.Advance(24 * kMinuteMs);
  EXPECT_FALSE(Lives(renewed));
}

TEST_F(SessionsTest, WhoSignsGivesThePasswordAgain) {
  const SessionView session = Opened("nakato");
  ExpectOk(sessions_->Reauthenticate(session.token, kPassword));
  EXPECT_EQ(sessions_->Reauthenticate(session.token, "wrong").error().code,
            ErrorCode::kUnauthorized);
  EXPECT_EQ(Read("nakato").failed_count, 1u);
  EXPECT_EQ(AuditOf("Nakato").back().detail,
            "address=192.0.2.7 purpose=signature reason=wrong_password in_a_row=1");
  ExpectOk(sessions_->Reauthenticate(session.token, kPassword));
  EXPECT_EQ(Read("nakato").failed_count, 0u);
  EXPECT_EQ(sessions_->Reauthenticate("nothing", kPassword).error().code, ErrorCode::kUnauthorized);
}

// A signature is held against the cheaper hash, but only while it is of the account's password.
TEST_F(SessionsTest, WhatASessionRemembersCountsForNoOtherPasswordOfTheAccount) {
  Attempt attempt{"nakato", "an-other-tidem", kAddress, Purpose::kSignature};
  attempt.remembered.hash = Must(hasher_.HashForMemory("an-other-tidem"));
  EXPECT_EQ(Must(Authenticate(*store_, hasher_, attempt)).verdict, Verdict::kWrong);
  attempt.remembered.of = Sha256(AsBytes(Read("nakato").password_hash));
  EXPECT_EQ(Must(Authenticate(*store_, hasher_, attempt)).verdict, Verdict::kRight);
  attempt.password = kPassword;
  EXPECT_EQ(Must(Authenticate(*store_, hasher_, attempt)).verdict, Verdict::kWrong);
}

TEST_F(SessionsTest, WhoLocksTheAccountWithinASessionLosesIt) {
  const SessionView session = Opened("nakato");
  FailToLogIn(2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(sessions_->Reauthenticate(session.token, "wrong").ok());
    EXPECT_TRUE(Lives(session));
  }
  EXPECT_EQ(sessions_->Reauthenticate(session.token, "wrong").error().code,
            ErrorCode::kUnauthorized);
  EXPECT_FALSE(Lives(session));
  EXPECT_EQ(AuditOf("Nakato").back(),
            (Told{"Nakato", "session.closed", "Nakato", "reason=locked"}));
  EXPECT_EQ(CodeOf(LogIn("nakato")), ErrorCode::kUnauthorized);
}

// A stranger who tries passwords must not throw out who works; but no password counts meanwhile.
TEST_F(SessionsTest, WhoseAccountAStrangerLocksStaysAndCannotSignMeanwhile) {
  const SessionView session = Opened("nakato");
  FailToLogIn(5);
  EXPECT_EQ(sessions_->Reauthenticate(session.token, kPassword).error().code,
            ErrorCode::kTooManyAttempts);
  EXPECT_TRUE(Lives(session));
  clock_.Advance(kMinuteMs);
  ExpectOk(sessions_->Reauthenticate(session.token, kPassword));
}

TEST_F(SessionsTest, PastTwentyOfOneAccountItsOldestEnds) {
  AddWithPassword("wanjiru");
  const SessionView other = Opened("wanjiru");
  std::vector<SessionView> opened;
  for (int i = 0; i < 21; ++i) opened.push_back(Opened("nakato"));
  EXPECT_EQ(sessions_->count(), 21u);
  EXPECT_FALSE(Lives(opened[0]));
  EXPECT_TRUE(Lives(opened[1]));
  EXPECT_TRUE(Lives(opened[20]));
  EXPECT_TRUE(Lives(other));
  EXPECT_THAT(AuditOf("Nakato"),
              ::testing::Contains(Told{"Nakato", "session.closed", "Nakato", "reason=too_many"}));
}

TEST_F(SessionsTest, PastTheGatewaysBoundTheOldestOfAllEndsButEndedOnesFirst) {
  AddWithPassword("wanjiru");
  SessionOptions options = Unlimited();
  options.count_max = 3;
  sessions_.emplace(*store_, hasher_, clock_, random_, options);
  const SessionView oldest = Opened("wanjiru");
  clock_.Advance(kMinuteMs);
  const SessionView idle = Opened("nakato");
  clock_.Advance(29 * kMinuteMs - 1);
  EXPECT_TRUE(sessions_->Find(oldest.token).ok());
  const SessionView third = Opened("nakato");
  clock_.Advance(kMinuteMs + 1);  // `idle` is over by itself, so nobody else has to go.
  const SessionView fourth = Opened("nakato");
  EXPECT_TRUE(Lives(oldest));
  EXPECT_FALSE(Lives(idle));
  const SessionView fifth = Opened("nakato");
  EXPECT_FALSE(Lives(oldest));
  EXPECT_TRUE(Lives(third) && Lives(fourth) && Lives(fifth));
  EXPECT_EQ(sessions_->count(), 3u);
}

TEST_F(SessionsTest, AStoreWithSessionsBehindItIsSound) {
  const SessionView session = Opened("nakato");
  FailToLogIn(6);
  sessions_->End(session.token);
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

}  // namespace
}  // namespace edcsync::central
