// Table `conflict`: records with heads that no rule settles, open and ended.
//
// Invariants, held by the schema too: at most one open conflict a record; severity is never
// lowered; an ended conflict never alters. Threads: as its Database.
#pragma once

#include "central-gateway/store/central_store.h"
#include "central-gateway/store/site_table.h"
#include "shared/storage/record_table.h"

namespace edcsync::central {

class ConflictTable {
 public:
  ConflictTable(Database& database, SiteTable& sites) : database_(database), sites_(sites) {}

  Result<std::optional<ConflictRow>> OpenOf(std::int64_t record_id);
  Result<std::optional<ConflictRow>> Find(SnowflakeId id);
  // In the order of their ids, which is that of their opening.
  Result<std::vector<ConflictRow>> List(const CentralReader::ConflictFilter& filter);

  // Open and ended, oldest first.
  Result<std::vector<SnowflakeId>> OfRecord(std::int64_t record_id);

  // `row.key` and `row.site` are those of the record. kInvariant if the record has an open one.
  Status Insert(const ConflictRow& row);
  // Everything but record, key, site and opening. The greater severity stays. kNotFound; kStale
  // if the conflict has ended.
  Status Update(const ConflictRow& row);

 private:
  Result<std::optional<ConflictRow>> ReadOne(Statement& statement);

  Database& database_;
  SiteTable& sites_;
};

}  // namespace edcsync::central
