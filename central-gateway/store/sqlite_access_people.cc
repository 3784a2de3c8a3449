#include "central-gateway/store/sqlite_access.h"

namespace edcsync::central {

Result<std::optional<AccountRow>> SqliteAccess::FindAccount(const std::string& user) {
  EDCSYNC_ASSIGN(std::optional<AccountRow> account, tables_.accounts.Find(user));
  if (!account) return account;
  EDCSYNC_ASSIGN(account->identity, tables_.identities.Of(account->user));
  return account;
}

Result<std::vector<AccountRow>> SqliteAccess::ListAccounts() {
  EDCSYNC_ASSIGN(std::vector<AccountRow> accounts, tables_.accounts.List());
  for (AccountRow& account : accounts) {
    EDCSYNC_ASSIGN(account.identity, tables_.identities.Of(account.user));
  }
  return accounts;
}

Result<std::optional<AccountRow>> SqliteAccess::FindAccountBySubject(const std::string& issuer,
                                                                     const std::string& subject) {
  EDCSYNC_ASSIGN(const std::optional<std::string> user,
                 tables_.identities.UserOfSubject(issuer, subject));
  if (!user) return std::optional<AccountRow>();
  return FindAccount(*user);
}

Result<std::optional<AccountRow>> SqliteAccess::FindAccountByProviderName(
    const std::string& issuer, const std::string& name) {
  EDCSYNC_ASSIGN(const std::optional<std::string> user,
                 tables_.identities.UserOfName(issuer, name));
  if (!user) return std::optional<AccountRow>();
  return FindAccount(*user);
}

Result<std::optional<std::uint64_t>> SqliteAccess::CredentialGeneration(const std::string& user) {
  return tables_.accounts.Generation(user);
}

Result<std::vector<SavedViewRow>> SqliteAccess::ListSavedViews(const std::string& user) {
  return tables_.accounts.ListViews(user);
}

Status SqliteAccess::InsertAccount(const AccountRow& account) {
  return tables_.accounts.Insert(account, now_);
}

Status SqliteAccess::UpdateAccount(const AccountRow& account) {
  return tables_.accounts.Update(account);
}

Status SqliteAccess::SetRights(const std::string& user, const std::vector<RightRow>& rights) {
  return tables_.accounts.SetRights(user, rights, now_);
}

Status SqliteAccess::LinkAccount(const std::string& user, const std::string& issuer,
                                 const std::string& name) {
  return tables_.identities.Link(user, issuer, name, now_);
}

Status SqliteAccess::BindAccount(const std::string& user, const std::string& subject) {
  return tables_.identities.Bind(user, subject, now_);
}

Status SqliteAccess::UnlinkAccount(const std::string& user) {
  return tables_.identities.Unlink(user, now_);
}

Status SqliteAccess::PutSavedViews(const std::string& user,
                                   const std::vector<SavedViewRow>& views) {
  return tables_.accounts.PutViews(user, views);
}

}  // namespace edcsync::central
