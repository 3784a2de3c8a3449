// Tables `account`, `account_right` and `saved_view`: the people of the conflict desk.
// Threads: as its Database.
#pragma once

#include "central-gateway/store/people_store.h"
#include "shared/storage/database.h"

namespace edcsync::central {

// As PeopleReader and PeopleWriter say.
class AccountTable {
 public:
  explicit AccountTable(Database& database) : database_(database) {}

  Result<std::optional<AccountRow>> Find(const std::string& user);
  Result<std::vector<AccountRow>> List();
  Result<std::optional<std::uint64_t>> Generation(const std::string& user);
  Result<std::vector<SavedViewRow>> ListViews(const std::string& user);

  Status Insert(const AccountRow& account, WallTime now);
  Status Update(const AccountRow& account);
  Status SetRights(const std::string& user, const std::vector<RightRow>& rights, WallTime now);
  Status PutViews(const std::string& user, const std::vector<SavedViewRow>& views);

 private:
  Result<std::int64_t> IdOf(const std::string& user);  // kNotFound.
  Result<std::vector<RightRow>> RightsOf(std::int64_t account_id);
  Status EndRight(std::int64_t account_id, const RightRow& right, WallTime now);
  Status BeginRight(std::int64_t account_id, const RightRow& right, WallTime now);

  Database& database_;
};

}  // namespace edcsync::central
