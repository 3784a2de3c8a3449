// Tables `invitation` and `edge_credential`. Threads: as their Database.
#pragma once

#include "central-gateway/store/enrolment_store.h"
#include "central-gateway/store/site_table.h"
#include "shared/storage/database.h"

namespace edcsync::central {

// As EnrolmentReader and EnrolmentWriter say.
class EnrolmentTable {
 public:
  EnrolmentTable(Database& database, SiteTable& sites) : database_(database), sites_(sites) {}

  Result<std::optional<InvitationRow>> Find(const EdgeId& edge);
  Result<std::vector<InvitationRow>> ListOpen();
  Result<std::vector<EdgeCredential>> ListCredentials();

  Status Insert(const InvitationRow& invitation);
  Status Update(const InvitationRow& invitation);
  Status PutCredential(const EdgeCredential& credential);
  Result<std::uint64_t> RevokeBut(const EdgeId& edge, const std::string& kept_pem, WallTime now);
  Status Revoke(const EdgeId& edge, const std::string& pem, WallTime now);

 private:
  Result<InvitationRow> Read(const Statement& statement);
  Result<std::int64_t> EdgeNumber(const EdgeId& edge);

  Database& database_;
  SiteTable& sites_;
};

}  // namespace edcsync::central
