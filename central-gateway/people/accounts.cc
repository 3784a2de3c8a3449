#include "central-gateway/people/accounts.h"

#include <algorithm>

#include "central-gateway/people/password_rules.h"
#include "central-gateway/people/rights.h"
#include "central-gateway/people/user_name.h"
#include "shared/base/limits.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kProviderNameBytesMax = 255;
constexpr std::size_t kViewNameBytesMax = 4 * 80;  // 80 characters.
constexpr std::size_t kViewQueryBytesMax = 2000;

tl::unexpected<Error> NoAccount(const std::string& user) {
  // What is no name at all may be anything; it is not repeated.
  return Fail(ErrorCode::kNotFound, CheckUserName(user).ok() ? "there is no account " + user
                                                             : "there is no such account");
}

Result<AccountRow> AccountOf(CentralReader& reader, const std::string& user) {
  if (!CheckUserName(user).ok()) return NoAccount(user);
  EDCSYNC_ASSIGN(std::optional<AccountRow> account, reader.FindAccount(user));
  if (!account) return NoAccount(user);
  return *std::move(account);
}

Status CheckFullName(std::string_view name) {
  EDCSYNC_TRY(CheckOid("the full name", name, 4 * kFullNameLengthMax));
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  const std::size_t bytes_beyond =
      static_cast<std::size_t>(std::count_if(name.begin(), name.end(), continues));
  if (name.size() - bytes_beyond <= kFullNameLengthMax && name.front() != ' ' &&
      name.back() != ' ') {
    return Ok();
  }
  return Fail(ErrorCode::kFieldInvalid,
              "the full name has 1 to 128 characters and neither begins nor ends with a space");
}

std::string Describe(const RightRow& right) {
  return std::string(ToString(right.role)) +
         "(study=" + (right.study.empty() ? "*" : right.study.str()) +
         " site=" + (right.site.empty() ? "*" : right.site.str()) +
         (right.sees_blinded ? " blinded" : "") + ")";
}

bool HasPlaceOf(const RightRow& a, const RightRow& b) {
  return a.role == b.role && a.study == b.study && a.site == b.site;
}

Status CheckRight(const RightRow& right) {
  if (!right.study.empty()) {
    EDCSYNC_TRY(CheckOid("the right's study", right.study.str(), limits::kOidBytesMax));
  }
  if (!right.site.empty()) {
    EDCSYNC_TRY(CheckOid("the right's site", right.site.str(), limits::kOidBytesMax));
  }
  if (right.role == Role::kAdministrator && !(right.study.empty() && right.site.empty())) {
    return Fail(ErrorCode::kFieldInvalid,
                "an administrator is one for every study and site, for who gives rights could give "
                "them for all");
  }
  return Ok();
}

// Also brings each right to the one form it is compared in.
Status CheckRights(std::vector<RightRow>& rights) {
  if (rights.size() > kRightCountMax) {
    return Fail(ErrorCode::kFieldInvalid,
                "an account has at most " + std::to_string(kRightCountMax) + " rights");
  }
  for (auto right = rights.begin(); right != rights.end(); ++right) {
    EDCSYNC_TRY(CheckRight(*right));
    right->sees_blinded = right->sees_blinded && right->role == Role::kMonitor;
    const auto same = [&](const RightRow& other) { return HasPlaceOf(*right, other); };
    if (std::any_of(rights.begin(), right, same)) {
      return Fail(ErrorCode::kFieldInvalid, "a right is named twice: " + Describe(*right));
    }
  }
  return Ok();
}

// "granted monitor(study=* site=Kisumu); ended operator(study=* site=*)"
std::string DescribeChange(const std::vector<RightRow>& before,
                           const std::vector<RightRow>& after) {
  std::string text;
  const auto add = [&](const char* what, const std::vector<RightRow>& those,
                       const std::vector<RightRow>& not_those) {
    for (const RightRow& right : those) {
      if (std::find(not_those.begin(), not_those.end(), right) != not_those.end()) continue;
      text += (text.empty() ? "" : "; ") + std::string(what) + Describe(right);
    }
  };
  add("granted ", after, before);
  add("ended ", before, after);
  return text;
}

// Who can mend what is wrong with accounts even while a provider is away.
bool KeepsAccounts(const AccountRow& account) {
  return account.active && !account.identity && !account.password_hash.empty() &&
         Rights(account.rights).IsAdministrator();
}

Status CheckAdministratorRemains(CentralReader& reader, const AccountRow& changed) {
  EDCSYNC_ASSIGN(const std::vector<AccountRow> accounts, reader.ListAccounts());
  const bool remains = std::any_of(accounts.begin(), accounts.end(), [&](const AccountRow& other) {
    return other.user != changed.user && KeepsAccounts(other);
  });
  if (remains) return Ok();
  return Fail(ErrorCode::kForbidden, changed.user +
                                         " is the last active administrator with a password here; "
                                         "make another one first");
}

Status CheckProviderName(const ProviderName& provider) {
  return CheckOid("the name at the provider", provider.name, kProviderNameBytesMax);
}

Status StoreLink(CentralWriter& writer, const std::string& user, const ProviderName& provider,
                 const std::string& actor) {
  EDCSYNC_TRY(writer.LinkAccount(user, provider.issuer, provider.name));
  return writer.AppendAudit(actor, "user.linked", user,
                            "issuer=" + provider.issuer + " name=" + provider.name);
}

// Stores what differs between the two, with an audit entry for each kind of change.
Status StoreChange(CentralWriter& writer, const AccountRow& before, AccountRow& after,
                   const std::string& actor) {
  const std::string rights = DescribeChange(before.rights, after.rights);
  const bool renamed = before.full_name != after.full_name;
  const bool moved = before.active != after.active;
  if (rights.empty() && !renamed && !moved) return Ok();
  if (KeepsAccounts(before) && !KeepsAccounts(after)) {
    EDCSYNC_TRY(CheckAdministratorRemains(writer, after));
  }
  ++after.credential_generation;
  EDCSYNC_TRY(writer.UpdateAccount(after));
  if (renamed) EDCSYNC_TRY(writer.AppendAudit(actor, "user.renamed", after.user, after.full_name));
  if (!rights.empty()) {
    EDCSYNC_TRY(writer.SetRights(after.user, after.rights));
    EDCSYNC_TRY(writer.AppendAudit(actor, "user.rights", after.user, rights));
  }
  if (!moved) return Ok();
  return writer.AppendAudit(actor, after.active ? "user.activated" : "user.deactivated", after.user,
                            "");
}

// `change` alters a copy of the account as it stands in the transaction.
Result<AccountRow> Change(CentralStore& store, const std::string& user, const std::string& actor,
                          const std::function<Status(AccountRow&)>& change) {
  AccountRow after;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const AccountRow before, AccountOf(writer, user));
    after = before;
    EDCSYNC_TRY(change(after));
    EDCSYNC_TRY(CheckFullName(after.full_name));
    EDCSYNC_TRY(CheckRights(after.rights));
    return StoreChange(writer, before, after, actor);
  }));
  return after;
}

void SetHash(AccountRow& account, const std::string& hash, bool must_change) {
  if (!account.password_hash.empty()) {
    account.earlier_hashes.insert(account.earlier_hashes.begin(), account.password_hash);
  }
  if (account.earlier_hashes.size() > AccountRow::kEarlierHashCountMax) {
    account.earlier_hashes.resize(AccountRow::kEarlierHashCountMax);
  }
  account.password_hash = hash;
  account.must_change_password = must_change;
  account.failed_count = 0;
  account.locked_until.reset();
  ++account.credential_generation;
}

Status CheckIsNew(PasswordHasher& hasher, const AccountRow& account, std::string_view password) {
  EDCSYNC_ASSIGN(bool was, VerifyPassword(hasher, account, password));
  for (const std::string& hash : account.earlier_hashes) {
    if (was) break;
    EDCSYNC_ASSIGN(was, hasher.Verify(hash, password));
  }
  if (!was) return Ok();
  return Fail(ErrorCode::kFieldInvalid, "the password is one of the account's last 5");
}

}  // namespace

Result<FirstPassword> AddAccount(CentralStore& store, PasswordHasher& hasher, Random& random,
                                 const NewAccount& account, const std::string& actor) {
  FirstPassword first;
  AccountRow& row = first.account;
  row.user = account.user;
  row.full_name = account.full_name;
  row.rights = account.rights;
  EDCSYNC_TRY(CheckUserName(row.user));
  EDCSYNC_TRY(CheckFullName(row.full_name));
  EDCSYNC_TRY(CheckRights(row.rights));
  if (account.provider) {
    EDCSYNC_TRY(CheckProviderName(*account.provider));
    row.must_change_password = false;
  } else {
    first.password = MakeFirstPassword(random);
    EDCSYNC_ASSIGN(row.password_hash, hasher.Hash(first.password));
  }
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    row.created_at = writer.Now();
    EDCSYNC_TRY(writer.InsertAccount(row));
    EDCSYNC_TRY(writer.AppendAudit(actor, "user.added", row.user, DescribeChange({}, row.rights)));
    if (!account.provider) return Ok();
    if (Rights(row.rights).IsAdministrator()) EDCSYNC_TRY(CheckAdministratorRemains(writer, row));
    EDCSYNC_TRY(StoreLink(writer, row.user, *account.provider, actor));
    EDCSYNC_ASSIGN(row, AccountOf(writer, row.user));
    return Ok();
  }));
  return first;
}

Result<std::vector<AccountRow>> ListAccounts(CentralStore& store) {
  std::vector<AccountRow> accounts;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(accounts, reader.ListAccounts());
    return Ok();
  }));
  return accounts;
}

Result<AccountRow> FindAccount(CentralStore& store, const std::string& user) {
  AccountRow account;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(account, AccountOf(reader, user));
    return Ok();
  }));
  return account;
}

Result<AccountRow> ChangeAccount(CentralStore& store, const std::string& user,
                                 const AccountChange& change, const std::string& actor) {
  return Change(store, user, actor, [&](AccountRow& account) -> Status {
    if (change.full_name) account.full_name = *change.full_name;
    if (change.active) account.active = *change.active;
    if (change.rights) account.rights = *change.rights;
    return Ok();
  });
}

Result<AccountRow> GrantRight(CentralStore& store, const std::string& user, const RightRow& right,
                              const std::string& actor) {
  return Change(store, user, actor, [&](AccountRow& account) -> Status {
    const auto same = [&](const RightRow& other) { return HasPlaceOf(right, other); };
    const auto held = std::find_if(account.rights.begin(), account.rights.end(), same);
    if (held == account.rights.end()) {
      account.rights.push_back(right);
      return Ok();
    }
    if (held->sees_blinded == right.sees_blinded || right.role != Role::kMonitor) {
      return Fail(ErrorCode::kAlreadyExists, account.user + " has this right already");
    }
    held->sees_blinded = right.sees_blinded;
    return Ok();
  });
}

Result<AccountRow> RevokeRight(CentralStore& store, const std::string& user, const RightRow& right,
                               const std::string& actor) {
  return Change(store, user, actor, [&](AccountRow& account) -> Status {
    const auto same = [&](const RightRow& other) { return HasPlaceOf(right, other); };
    if (std::erase_if(account.rights, same) > 0) return Ok();
    return Fail(ErrorCode::kNotFound, account.user + " has no right " + Describe(right));
  });
}

Result<AccountRow> LinkAccount(CentralStore& store, const std::string& user,
                               const ProviderName& provider, const std::string& actor) {
  EDCSYNC_TRY(CheckProviderName(provider));
  AccountRow account;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(account, AccountOf(writer, user));
    if (account.identity) {
      return Fail(ErrorCode::kAlreadyExists, account.user + " is linked to a provider already");
    }
    if (KeepsAccounts(account)) EDCSYNC_TRY(CheckAdministratorRemains(writer, account));
    ++account.credential_generation;
    EDCSYNC_TRY(writer.UpdateAccount(account));
    EDCSYNC_TRY(StoreLink(writer, account.user, provider, actor));
    EDCSYNC_ASSIGN(account, AccountOf(writer, user));
    return Ok();
  }));
  return account;
}

Result<AccountRow> UnlinkAccount(CentralStore& store, const std::string& user,
                                 const std::string& actor) {
  AccountRow account;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(account, AccountOf(writer, user));
    EDCSYNC_TRY(writer.UnlinkAccount(account.user));
    ++account.credential_generation;
    EDCSYNC_TRY(writer.UpdateAccount(account));
    const std::string issuer = account.identity ? account.identity->issuer : "";
    account.identity.reset();
    return writer.AppendAudit(actor, "user.unlinked", account.user, "issuer=" + issuer);
  }));
  return account;
}

Result<FirstPassword> ResetPassword(CentralStore& store, PasswordHasher& hasher, Random& random,
                                    const std::string& user, const std::string& actor) {
  FirstPassword first;
  EDCSYNC_TRY(FindAccount(store, user));  // Before the work of a hash.
  first.password = MakeFirstPassword(random);
  EDCSYNC_ASSIGN(const std::string hash, hasher.Hash(first.password));
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(first.account, AccountOf(writer, user));
    SetHash(first.account, hash, /*must_change=*/true);
    EDCSYNC_TRY(writer.UpdateAccount(first.account));
    return writer.AppendAudit(actor, "user.password_reset", first.account.user, "");
  }));
  return first;
}

Result<AccountRow> ChangePassword(CentralStore& store, PasswordHasher& hasher,
                                  const std::string& user, std::string_view password) {
  EDCSYNC_ASSIGN(const AccountRow verified, FindAccount(store, user));
  EDCSYNC_TRY(CheckPassword(verified.user, password));
  EDCSYNC_TRY(CheckIsNew(hasher, verified, password));
  EDCSYNC_ASSIGN(const std::string hash, hasher.Hash(password));
  AccountRow account;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(account, AccountOf(writer, user));
    if (!account.active) return Fail(ErrorCode::kForbidden, "the account is not active");
    if (account.password_hash != verified.password_hash) {
      return Fail(ErrorCode::kStale, "the password was changed meanwhile");
    }
    SetHash(account, hash, /*must_change=*/false);
    EDCSYNC_TRY(writer.UpdateAccount(account));
    return writer.AppendAudit(account.user, "user.password_changed", account.user, "");
  }));
  return account;
}

Result<bool> VerifyPassword(PasswordHasher& hasher, const AccountRow& account,
                            std::string_view password) {
  if (account.password_hash.empty() || password.size() > kPasswordBytesMax) return false;
  return hasher.Verify(account.password_hash, password);
}

Result<std::vector<SavedViewRow>> ListViews(CentralStore& store, const std::string& user) {
  std::vector<SavedViewRow> views;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_TRY(AccountOf(reader, user));
    EDCSYNC_ASSIGN(views, reader.ListSavedViews(user));
    return Ok();
  }));
  return views;
}

Status SaveViews(CentralStore& store, const std::string& user,
                 const std::vector<SavedViewRow>& views) {
  if (views.size() > kSavedViewCountMax) {
    return Fail(ErrorCode::kFieldInvalid,
                "at most " + std::to_string(kSavedViewCountMax) + " views can be saved");
  }
  for (const SavedViewRow& view : views) {
    EDCSYNC_TRY(CheckOid("a view's name", view.name, kViewNameBytesMax));
    if (!view.query.empty()) {
      EDCSYNC_TRY(CheckOid("a view's query", view.query, kViewQueryBytesMax));
    }
  }
  return store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const AccountRow account, AccountOf(writer, user));
    return writer.PutSavedViews(account.user, views);
  });
}

}  // namespace edcsync::central
