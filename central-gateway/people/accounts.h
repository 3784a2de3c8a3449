// Local accounts: who may log in at the conflict desk, and with which rights. Every change is one
// transaction with its audit entry (user.added, user.rights, user.renamed, user.deactivated,
// user.activated, user.password_changed, user.password_reset, user.linked, user.unlinked). No
// password and no hash leaves these functions but the first password, which is shown once to who
// asked for it.
//
//   called by   central-gateway/app (commands, API), sessions.h
//
// `user` is taken in any case; rows have the name as it was added. `actor` stands in the audit
// trail. An unknown user: kNotFound.
//
// Threads: any, but none of the store's works: each waits for its commit, and hashing takes long.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "central-gateway/people/password_hasher.h"
#include "central-gateway/store/central_store.h"
#include "shared/base/random.h"

namespace edcsync::central {

inline constexpr std::size_t kRightCountMax = 200;      // Of one account.
inline constexpr std::size_t kFullNameLengthMax = 128;  // Characters.
inline constexpr std::size_t kSavedViewCountMax = 50;   // Of one account.

// Who somebody is at an identity provider, before their first log-in there.
struct ProviderName {
  std::string issuer;
  std::string name;
};

struct NewAccount {
  std::string user;
  std::string full_name;
  std::vector<RightRow> rights;
  std::optional<ProviderName> provider = {};  // Logs in there, and gets no password.
};

struct FirstPassword {
  AccountRow account;
  // Must be changed at the first log-in. Never stored, never logged. Empty: none was made.
  std::string password;
};

// kFieldInvalid, kAlreadyExists; kForbidden as LinkAccount.
Result<FirstPassword> AddAccount(CentralStore& store, PasswordHasher& hasher, Random& random,
                                 const NewAccount& account, const std::string& actor);

Result<std::vector<AccountRow>> ListAccounts(CentralStore& store);  // By name.
Result<AccountRow> FindAccount(CentralStore& store, const std::string& user);

// What is named is changed, all of it or nothing. kFieldInvalid; kForbidden if the last active
// administrator with a password here would be deactivated or lose that right: nobody could mend it,
// at the latest when the provider of the others is away.
struct AccountChange {
  std::optional<std::string> full_name;
  std::optional<bool> active;
  std::optional<std::vector<RightRow>> rights;
};
Result<AccountRow> ChangeAccount(CentralStore& store, const std::string& user,
                                 const AccountChange& change, const std::string& actor);

inline Result<AccountRow> ChangeRights(CentralStore& store, const std::string& user,
                                       std::vector<RightRow> rights, const std::string& actor) {
  return ChangeAccount(store, user, {std::nullopt, std::nullopt, std::move(rights)}, actor);
}
inline Result<AccountRow> SetActive(CentralStore& store, const std::string& user, bool active,
                                    const std::string& actor) {
  return ChangeAccount(store, user, {std::nullopt, active, std::nullopt}, actor);
}
// One more, or one less by role, study and site; whatever else changes meanwhile stays.
// kAlreadyExists, kNotFound, and as ChangeAccount.
Result<AccountRow> GrantRight(CentralStore& store, const std::string& user, const RightRow& right,
                              const std::string& actor);
Result<AccountRow> RevokeRight(CentralStore& store, const std::string& user, const RightRow& right,
                               const std::string& actor);

// From now on the account logs in as `provider.name` at the provider; the first log-in binds it to
// the provider's subject (provider_accounts.h). Ends its sessions. kAlreadyExists if the account or
// the name is linked; kForbidden if no active administrator with a password here would be left.
Result<AccountRow> LinkAccount(CentralStore& store, const std::string& user,
                               const ProviderName& provider, const std::string& actor);
// Ends the link, and the account's sessions. kNotFound.
Result<AccountRow> UnlinkAccount(CentralStore& store, const std::string& user,
                                 const std::string& actor);

// A new first password; ends lockout, and with it every session of the account.
Result<FirstPassword> ResetPassword(CentralStore& store, PasswordHasher& hasher, Random& random,
                                    const std::string& user, const std::string& actor);

// Sets a password that its owner chose. The caller has verified the present one
// (Sessions::ChangePassword does). kFieldInvalid names the rule broken (password_rules.h, or one of
// the last 5); kStale if it was changed meanwhile.
Result<AccountRow> ChangePassword(CentralStore& store, PasswordHasher& hasher,
                                  const std::string& user, std::string_view password);

// Counts nothing: authentication.h is for those who want in. kBusy.
Result<bool> VerifyPassword(PasswordHasher& hasher, const AccountRow& account,
                            std::string_view password);

Result<std::vector<SavedViewRow>> ListViews(CentralStore& store, const std::string& user);
// Replaces them all. kFieldInvalid.
Status SaveViews(CentralStore& store, const std::string& user,
                 const std::vector<SavedViewRow>& views);

}  // namespace edcsync::central
