// The sessions of one gateway: who is logged in, and what they may do at this moment. Kept in
// memory, so they end with the process; a token is known here only by its SHA-256.
//
// Invariants:
//   (1) A session's rights are those of its account now: each Find compares the account's
//       credential_generation in the store, whichever process changed it.
//   (2) A session ends when its account is deactivated, gets another password, or is linked to a
//       provider or unlinked, when a wrong password within it locks the account, when unused for
//       `idle_ms_max`, after `age_ms_max`.
//   (3) At most `count_max` sessions, `count_of_account_max` of one account: the oldest ends.
//
// Audit entries: session.opened, session.refused, session.locked, session.closed.
//
// Threads: any, but none of the store's works. The mutex is a leaf.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "central-gateway/people/authentication.h"
#include "central-gateway/people/log_in_limits.h"
#include "central-gateway/people/password_hasher.h"
#include "central-gateway/people/rights.h"
#include "central-gateway/store/central_store.h"
#include "shared/base/ids.h"
#include "shared/base/random.h"

namespace edcsync::central {

struct SessionOptions {
  std::int64_t idle_ms_max = 30 * 60 * 1000;
  std::int64_t age_ms_max = 12 * 3600 * 1000;
  std::size_t count_max = 10'000;
  std::size_t count_of_account_max = 20;
  bool linked_accounts_use_passwords = true;  // authentication.h, Attempt.
  LogInLimits::Options limits;
};

struct SessionView {
  std::string token;       // For the cookie. Only of a new one; else empty.
  std::string csrf_token;  // What every changing call repeats.
  std::string user;        // As added, whatever case was typed.
  std::string full_name;
  Rights rights;
  bool must_change_password = false;  // Then nothing else is allowed: kPasswordChangeRequired.
  std::int64_t idle_ms_max = 0;
  // When the provider last saw the person, by its own clock. None: logged in by a password.
  std::optional<WallTime> seen_by_provider;

  // Whether a call repeats the CSRF token. Takes the same time wherever the two differ.
  bool FitsCsrf(std::string_view csrf) const;
};

class Sessions {
 public:
  // All outlive this object. `random` is used by several threads at a time.
  Sessions(CentralStore& store, PasswordHasher& hasher, const Clock& clock, Random& random,
           SessionOptions options = {});

  // Opens a session. kUnauthorized in the same words and time for a wrong password, an unknown
  // name, an account that is locked or not active; kTooManyAttempts by address or gateway; kBusy.
  // `address` is the client's, for limits and audit trail.
  Result<SessionView> LogIn(const std::string& user, std::string_view password,
                            const std::string& address);

  // Opens a session for an account that a provider vouched for, with its audit entry
  // (provider_accounts.h, AcceptIdentity). The token is new, whatever the browser had before.
  SessionView Open(const AccountRow& account, WallTime seen_by_provider,
                   const std::string& address);
  // Counts an attempt to log in by a provider as LogIn counts its own: kTooManyAttempts.
  Status TakeAttempt(const std::string& address) { return limits_.Take(address, clock_.Mono()); }
  // What tells a session apart without being its token.
  static Digest KeyOf(std::string_view token);
  // The session of `key` if it lives; does not count as a use.
  Result<SessionView> FindByKey(const Digest& key);
  // The provider saw the person again.
  void NoteSeen(const Digest& key, WallTime at);

  // The session of `token`, kUnauthorized if there is none (any more). A call that a page makes by
  // itself, without a person, is no use of the session: kNoUse.
  enum class Use { kUse, kNoUse };
  Result<SessionView> Find(std::string_view token, Use use = Use::kUse);

  // Whether `password` is that of the session's account, for signing (21 CFR 11.200): kUnauthorized
  // if not, and it counts as a wrong log-in does. Who locks the account by it has no session any
  // more; while it is locked, kTooManyAttempts. Not limited by address: a whole office signs.
  Status Reauthenticate(std::string_view token, std::string_view password);

  // Verifies the present password as Reauthenticate does, sets the other (accounts.h,
  // ChangePassword) and goes on under new tokens; every other session of the account ends.
  Result<SessionView> ChangePassword(std::string_view token, std::string_view current,
                                     std::string_view password);

  // Logs out. No effect if there is no such session.
  void End(std::string_view token);

  std::size_t count() const;

 private:
  struct Session {
    std::uint64_t number = 0;  // In the order of opening.
    std::string user;
    std::string full_name;
    std::string address;
    std::string csrf_token;
    Rights rights;
    bool must_change_password = false;
    std::uint64_t generation = 0;
    Digest password{};  // SHA-256 of the account's password hash;
    Digest link{};      // likewise of its link to a provider.
    RememberedPassword remembered;
    std::optional<WallTime> seen_by_provider;
    MonoTime opened_at;
    MonoTime used_at;
  };
  struct Ended {
    std::string user;
    const char* reason;
  };

  // The living session of `token`, brought up to its account. kUnauthorized.
  Result<Session> Current(const Digest& key, Use use);
  std::optional<Session> Take(const Digest& key, Use use);
  Status Verify(const Digest& key, const Session& session, std::string_view password);
  // A password that was just right. What fails here makes the next signature slow and no more.
  RememberedPassword Remember(std::string_view password, const AccountRow& account);
  // Keeps `session` under new tokens and ends what has to make room for it.
  SessionView Keep(Session session);
  // Under new tokens too, and ends every session that the account had.
  SessionView Renew(Session session, const AccountRow& account);
  void Close(const Digest& key, const char* reason);
  // The audit entries. A failing store does not keep a session alive.
  void Tell(const std::vector<Ended>& ended);
  static void Learn(Session& session, const AccountRow& account);
  // nullptr: it lives.
  const char* WhyOver(const Session& session, MonoTime now) const;
  // REQUIRES: mutex_ is held.
  void MakeRoom(const std::string& user, MonoTime now, std::vector<Ended>& ended);
  SessionView ViewOf(const Session& session) const;
  std::string NewToken();

  CentralStore& store_;
  PasswordHasher& hasher_;
  const Clock& clock_;
  Random& random_;
  const SessionOptions options_;
  LogInLimits limits_;
  mutable std::mutex mutex_;            // Of what follows.
  std::map<Digest, Session> sessions_;  // By SHA-256 of the token.
  std::uint64_t last_number_ = 0;
};

}  // namespace edcsync::central
