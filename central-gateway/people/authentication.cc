#include "central-gateway/people/authentication.h"

#include <algorithm>

#include "central-gateway/people/password_rules.h"
#include "central-gateway/people/user_name.h"

namespace edcsync::central {
namespace {

// What is typed as a name may be a password typed into the wrong field: it is not written down.
constexpr std::string_view kUnknown = "unknown";
constexpr std::size_t kAddressBytesMax = 64;

Status Refuse(CentralWriter& writer, const Attempt& attempt, std::string_view user,
              const std::string& reason) {
  const std::string purpose = attempt.purpose == Purpose::kSignature ? " purpose=signature" : "";
  return writer.AppendAudit(std::string(user), "session.refused", std::string(user),
                            AddressDetail(attempt.address) + purpose + " reason=" + reason);
}

Status CountWrong(CentralWriter& writer, const Attempt& attempt, AccountRow account,
                  Authenticated& outcome) {
  ++account.failed_count;
  const std::int64_t rest_ms = RestMs(account.failed_count);
  if (rest_ms > 0) account.locked_until = WallTime{writer.Now().ms + rest_ms};
  EDCSYNC_TRY(writer.UpdateAccount(account));
  EDCSYNC_TRY(Refuse(writer, attempt, account.user,
                     "wrong_password in_a_row=" + std::to_string(account.failed_count)));
  outcome.verdict = rest_ms > 0 ? Verdict::kLockedNow : Verdict::kWrong;
  if (rest_ms == 0) return Ok();
  return writer.AppendAudit(account.user, "session.locked", account.user,
                            "until=" + FormatUtc(*account.locked_until));
}

Status Accept(CentralWriter& writer, const Attempt& attempt, AccountRow account,
              Authenticated& outcome) {
  const bool log_in = attempt.purpose == Purpose::kLogIn;
  if (log_in || account.failed_count > 0) {
    account.failed_count = 0;
    account.locked_until.reset();
    if (log_in) account.last_log_in_at = writer.Now();
    EDCSYNC_TRY(writer.UpdateAccount(account));
  }
  if (log_in) {
    EDCSYNC_TRY(writer.AppendAudit(account.user, "session.opened", account.user,
                                   AddressDetail(attempt.address) + " method=password"));
  }
  outcome.verdict = Verdict::kRight;
  outcome.account = std::move(account);
  return Ok();
}

// `verified` is the account as it was when the password was held against it.
Status Settle(CentralWriter& writer, const Attempt& attempt,
              const std::optional<AccountRow>& verified, bool fits, Authenticated& outcome) {
  if (!verified) return Refuse(writer, attempt, kUnknown, "unknown_name");
  EDCSYNC_ASSIGN(std::optional<AccountRow> account, writer.FindAccount(verified->user));
  if (!account) return Refuse(writer, attempt, kUnknown, "unknown_name");
  if (!account->active) return Refuse(writer, attempt, account->user, "not_active");
  if (account->identity && !attempt.linked_accounts_too) {
    return Refuse(writer, attempt, account->user, "by_provider_only");
  }
  // Asked here and not before the hash: of many attempts at a time only the first few count, and
  // the others learn nothing.
  if (IsLocked(*account, writer.Now())) {
    outcome.verdict = Verdict::kLocked;
    return Refuse(writer, attempt, account->user, "locked");
  }
  if (account->password_hash != verified->password_hash) {
    return Refuse(writer, attempt, account->user, "changed_meanwhile");
  }
  return fits ? Accept(writer, attempt, *std::move(account), outcome)
              : CountWrong(writer, attempt, *std::move(account), outcome);
}

}  // namespace

std::string AddressDetail(std::string_view address) {
  std::string text = "address=";
  for (const char c : address.substr(0, kAddressBytesMax)) text += c > ' ' && c < 0x7f ? c : '?';
  return text;
}

std::int64_t RestMs(std::uint32_t failed_count) {
  if (failed_count < kWrongCountMax) return 0;
  std::int64_t rest_ms = kRestMsMin;
  for (std::uint32_t n = kWrongCountMax; n < failed_count && rest_ms < kRestMsMax; ++n) {
    rest_ms *= 2;
  }
  return std::min(rest_ms, kRestMsMax);
}

bool IsLocked(const AccountRow& account, WallTime now) {
  if (!account.locked_until) return false;
  const std::int64_t left_ms = account.locked_until->ms - now.ms;
  return left_ms > 0 && left_ms <= kRestMsMax;
}

Result<Authenticated> Authenticate(CentralStore& store, PasswordHasher& hasher,
                                   const Attempt& attempt) {
  std::optional<AccountRow> account;
  if (CheckUserName(attempt.user).ok()) {
    EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(account, reader.FindAccount(attempt.user));
      return Ok();
    }));
  }
  // No password is longer than that, so what is cut off does not make a wrong one right.
  const std::string_view password = attempt.password.substr(0, kPasswordBytesMax + 1);
  bool fits = false;
  if (account && !account->password_hash.empty()) {
    const std::string& stored = account->password_hash;
    const bool remembers =
        !attempt.remembered.hash.empty() && attempt.remembered.of == Sha256(AsBytes(stored));
    EDCSYNC_ASSIGN(fits, hasher.Verify(remembers ? attempt.remembered.hash : stored, password));
  } else {
    EDCSYNC_TRY(hasher.Waste(password));
  }
  Authenticated outcome;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    outcome = {};
    return Settle(writer, attempt, account, fits, outcome);
  }));
  return outcome;
}

}  // namespace edcsync::central
