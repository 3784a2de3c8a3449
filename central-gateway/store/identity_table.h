// Table `account_identity`: who an account is at an identity provider. Threads: as its Database.
#pragma once

#include "central-gateway/store/people_store.h"
#include "shared/storage/database.h"

namespace edcsync::central {

// As PeopleReader and PeopleWriter say.
class IdentityTable {
 public:
  explicit IdentityTable(Database& database) : database_(database) {}

  // The standing link of the account.
  Result<std::optional<IdentityRow>> Of(const std::string& user);
  // The account whose standing link has this subject, or this name.
  Result<std::optional<std::string>> UserOfSubject(const std::string& issuer,
                                                   const std::string& subject);
  Result<std::optional<std::string>> UserOfName(const std::string& issuer,
                                                const std::string& name);

  Status Link(const std::string& user, const std::string& issuer, const std::string& name,
              WallTime now);
  Status Bind(const std::string& user, const std::string& subject, WallTime now);
  Status Unlink(const std::string& user, WallTime now);

 private:
  Result<std::optional<std::string>> UserOf(const char* sql, const std::string& issuer,
                                            const std::string& value);

  Database& database_;
};

}  // namespace edcsync::central
