// One attempt with a password, whatever it is for: counted, locked out and audited in the same way.
//
// After kWrongCountMax wrong passwords in a row an account rests for a minute, doubled with each
// further wrong one up to an hour. Count and end of the rest stand in the account's row, so a
// restart of the gateway or a second one does not forgive. Who meets a locked account learns
// nothing: right or wrong, it is refused, and not counted.
//
// Every attempt is one hash and one transaction, whether the name is known or not.
//
// Threads: any, but none of the store's works.
#pragma once

#include <string>
#include <string_view>

#include "central-gateway/people/password_hasher.h"
#include "central-gateway/store/central_store.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {

inline constexpr std::uint32_t kWrongCountMax = 5;
inline constexpr std::int64_t kRestMsMin = 60 * 1000;
inline constexpr std::int64_t kRestMsMax = 3600 * 1000;

// How long an account rests after the `failed_count`th wrong password in a row; 0: not at all.
std::int64_t RestMs(std::uint32_t failed_count);

// Whether the account rests at `now`. An end further away than any rest is a clock that was set
// back, and does not count.
bool IsLocked(const AccountRow& account, WallTime now);

enum class Purpose {
  kLogIn,      // session.opened is appended, and last_log_in_at set.
  kSignature,  // Within a session; what is signed has its own audit entry.
};

// What a session remembers of the password that was right in it, so that each further signature
// costs a fraction of a log-in's hash. In memory only: whoever reads that has the session too.
struct RememberedPassword {
  Digest of{};       // SHA-256 of the account's hash of the password: for no other does it count.
  std::string hash;  // PasswordHasher::HashForMemory. Empty: nothing is remembered.
};

struct Attempt {
  std::string user;  // In any case; need not be a possible name.
  std::string_view password;
  std::string address;
  Purpose purpose = Purpose::kLogIn;
  // Whether an account that logs in by a provider may use a password that it has here. If not, it
  // is refused and not counted: nobody can lock it by guessing.
  bool linked_accounts_too = true;
  RememberedPassword remembered = {};
};

// "address=192.0.2.7", of characters that an audit entry may hold.
std::string AddressDetail(std::string_view address);

enum class Verdict {
  kRight,
  kWrong,      // Or no such account, or one that is not active.
  kLockedNow,  // Wrong, and the account rests from now on.
  kLocked,     // The account rested already.
};

struct Authenticated {
  Verdict verdict = Verdict::kWrong;
  AccountRow account;  // If right.
};

// kBusy, and what the store fails with: nobody knows then whether the password is right.
Result<Authenticated> Authenticate(CentralStore& store, PasswordHasher& hasher,
                                   const Attempt& attempt);

}  // namespace edcsync::central
