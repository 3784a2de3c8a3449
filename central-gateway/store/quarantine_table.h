// Table `quarantine`: revisions that may not be applied, whole, until the missing parent comes or
// a data manager decides. Bytes and the decision's reason are sealed; each seal authenticates the
// revision id and which of the two it is.
//
// Invariants: the bytes hash to the revision id; what was decided never alters.
// Threads: as its Database.
#pragma once

#include "central-gateway/store/central_types.h"
#include "central-gateway/store/site_table.h"
#include "shared/crypto/field_cipher.h"

namespace edcsync::central {

class QuarantineTable {
 public:
  QuarantineTable(Database& database, FieldCipher& cipher, SiteTable& sites)
      : database_(database), cipher_(cipher), sites_(sites) {}

  Result<std::optional<QuarantineRow>> Find(const RevisionId& id);
  Result<bool> Contains(const RevisionId& id);
  Result<std::vector<QuarantineRow>> List(bool all, std::size_t count_max);
  // Behind `after_row`; nullopt: of any state.
  Result<std::vector<QuarantineRow>> Page(std::optional<QuarantineEnd> state,
                                          std::int64_t after_row, std::size_t count_max);
  Result<std::vector<QuarantineRow>> HeldFor(const RevisionId& parent);

  // No effect if the revision is there already. kInvariant unless the bytes hash to its id.
  // Seals up to twice: room was reserved.
  Status Insert(const QuarantineRow& row);
  // Reason, detail, missing parent and decision of a waiting row. kNotFound; kStale if decided.
  Status Update(const QuarantineRow& row);

 private:
  Result<std::vector<QuarantineRow>> ReadAll(Statement& statement);
  Result<QuarantineRow> Read(const Statement& statement);

  Database& database_;
  FieldCipher& cipher_;
  SiteTable& sites_;
};

}  // namespace edcsync::central
