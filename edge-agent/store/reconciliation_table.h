// Table `reconciliation`: what this edge stated of itself to the centre, and the reports that both
// sides signed.
//
//   written by   edge-agent/downlink/reconciliation.h
//   read by      edge-agent/site/reconciliation_queries.h
//
// Invariant: what was signed is never altered or removed. Threads: as its Database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/time.h"
#include "shared/storage/database.h"

namespace edcsync::edge {

struct ReconciliationHere {
  std::uint64_t id = 0;
  WallTime stated_at;
  std::string statement;               // JSON.
  std::optional<WallTime> settled_at;  // nullopt: no report yet; what follows is empty.
  std::string report;                  // JSON, as signed.
  Bytes centre_signature;
  Bytes site_signature;
};

class ReconciliationTable {
 public:
  explicit ReconciliationTable(Database& database) : database_(database) {}

  Result<std::optional<ReconciliationHere>> Find(std::uint64_t id) const;
  Result<std::vector<ReconciliationHere>> List(std::size_t count_max) const;  // Newest first.
  // When the newest report was settled.
  Result<std::optional<WallTime>> LastSettled() const;
  // kStale if it is settled.
  Status PutStatement(std::uint64_t id, const std::string& statement, WallTime now);
  // kStale if it is settled or nothing was stated.
  Status Settle(const ReconciliationHere& settled);

 private:
  Database& database_;
};

}  // namespace edcsync::edge
