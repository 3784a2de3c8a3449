// The sessions of one gateway: who is logged in, and what they may do at this moment. Kept in
// memory, so they end with the process; a token is known here only by its SHA-256.
//
// Invariants:
//   (1) A session's rights are those of its account now: each Find compares the account's
//       credential_generation in the store, whichever process changed it.
//   (2) A session ends when its account is deactivated, gets another password, or is locked by a
//       wrong password within the session; when unused for `idle_ms_max`; after `age_ms_max`.
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
  LogInLimits::Options limits;
};

struct SessionView {
  std::string token;       // For the cookie. Only after LogIn and ChangePassword; else empty.
  std::string csrf_token;  // What every changing call repeats.
  std::string user;        // As added, whatever case was typed.
  std::string full_name;
  Rights rights;
  bool must_change_password = false;  // Then nothing else is allowed: kPasswordChangeRequired.
  std::int64_t idle_ms_max = 0;

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

  // The session of `token`, kUnauthorized if there is none (any more). A call that a page makes by
  // itself, without a person, is no use of the session: kNoUse.
  enum class Use { kUse, kNoUse };
  Result<SessionView> Find(std::string_view token, Use use = Use::kUse);

  // Whether `password` is that of the session's account, for signing (21 CFR 11.200): kUnauthorized
  // if not, and it counts as a wrong log-in does. At lockout the session ends. kTooManyAttempts.
  Status Reauthenticate(std::string_view token, std::string_view password,
                        const std::string& address);

  // Verifies the present password as Reauthenticate does, sets the other (accounts.h,
  // ChangePassword) and goes on under new tokens; every other session of the account ends.
  Result<SessionView> ChangePassword(std::string_view token, std::string_view current,
                                     std::string_view password, const std::string& address);

  // Logs out. No effect if there is no such session.
  void End(std::string_view token);

  std::size_t count() const;

 private:
  struct Session {
    std::uint64_t number = 0;      // In the order of opening.
    std::string user;
    std::string full_name;
    std::string csrf_token;
    Rights rights;
    bool must_change_password = false;
    std::uint64_t generation = 0;
    Digest password{};             // SHA-256 of the account's password hash.
    MonoTime opened_at;
    MonoTime used_at;
  };
  struct Closed {
    std::string user;
    const char* reason;
  };

  Result<SessionView> Open(const AccountRow& account);
  // A copy of the session if it lives; ended ones are appended to `closed`. mutex_ is not held.
  std::optional<Session> Take(const Digest& key, Use use, std::vector<Closed>& closed);
  // Brings the session up to the account's generation; false if it has to end.
  Result<bool> Refresh(const Digest& key, Session& session);
  void Close(const Digest& key, const char* reason);
  // REQUIRES: mutex_ is held.
  void MakeRoom(const std::string& user, std::vector<Closed>& closed);
  bool IsOver(const Session& session, MonoTime now, const char*& reason) const;
  // The entries of sessions that ended. A failing store does not keep a session alive.
  void Tell(const std::vector<Closed>& closed);
  SessionView ViewOf(const Session& session) const;
  std::string NewToken();

  CentralStore& store_;
  PasswordHasher& hasher_;
  const Clock& clock_;
  Random& random_;
  const SessionOptions options_;
  LogInLimits limits_;
  mutable std::mutex mutex_;
  std::map<Digest, Session> sessions_;  // By SHA-256 of the token.
  std::uint64_t last_number_ = 0;
};

}  // namespace edcsync::central
