// Tables `reconciliation` and `reconciliation_difference` (reconciliation_store.h), and the feed's
// entries that lost their revision. Private to this folder. Threads: as its Database.
#pragma once

#include "central-gateway/store/reconciliation_store.h"
#include "shared/storage/database.h"

namespace edcsync::central {

class ReconciliationTable {
 public:
  explicit ReconciliationTable(Database& database) : database_(database) {}

  Result<std::optional<ReconciliationRow>> Find(SnowflakeId id) const;
  Result<std::vector<ReconciliationRow>> List(const std::string& edge, const std::string& site,
                                              std::size_t count_max) const;
  Result<std::vector<ReconciliationRow>> ListUnfinished() const;
  Result<std::vector<ReconciliationRow>> Recent(const EdgeId& edge, std::size_t count_max) const;
  Result<LastComparison> LastOf(const EdgeId& edge) const;
  Status Insert(const ReconciliationRow& row);
  Status Update(const ReconciliationRow& row);

  Result<std::vector<DifferenceRow>> Differences(SnowflakeId id, const RevisionId* after,
                                                 std::size_t count_max) const;
  Status PutDifference(SnowflakeId id, const DifferenceRow& row);

  Result<std::vector<FeedGap>> FindFeedGaps(std::int64_t site, std::size_t count_max) const;

 private:
  Database& database_;
};

}  // namespace edcsync::central
