#include "central-gateway/store/sqlite_access.h"

namespace edcsync::central {

Result<std::optional<AccountRow>> SqliteAccess::FindAccount(const std::string& user) {
  return tables_.accounts.Find(user);
}

Result<std::vector<AccountRow>> SqliteAccess::ListAccounts() { return tables_.accounts.List(); }

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

Status SqliteAccess::PutSavedViews(const std::string& user,
                                   const std::vector<SavedViewRow>& views) {
  return tables_.accounts.PutViews(user, views);
}

}  // namespace edcsync::central
