// Table `audit` (same in schema/edge and schema/central): the hash-chained audit trail of one
// store (shared/model/audit_entry.h). Append-only: the schema has triggers that refuse UPDATE
// and DELETE.
//
// Threads: as its Database.
#pragma once

#include <functional>
#include <optional>

#include "shared/model/audit_entry.h"
#include "shared/storage/database.h"

namespace edcsync {

class AuditTable {
 public:
  explicit AuditTable(Database& database) : database_(database) {}

  // The chain's end, kept in memory between appends. Forget() after a rollback or when another
  // process may have appended; Remember()/Restore() around a savepoint.
  struct Tail {
    bool known = false;
    std::uint64_t number = 0;
    Digest hash{};
  };
  const Tail& tail() const { return tail_; }
  void Restore(const Tail& tail) { tail_ = tail; }
  void Forget() { tail_ = {}; }

  // Fills number and hash and inserts. Inside a write transaction.
  Status Append(AuditEntry entry);

  struct Filter {
    std::string object;  // Exact; empty: any.
    std::string action;  // Exact; empty: any.
    std::uint64_t after_number = 0;
    std::size_t count_max = 1000;
  };
  Result<std::vector<AuditEntry>> List(const Filter& filter) const;

  // The newest first, before `before_number` (0: from the newest).
  struct Search {
    std::string object, actor;  // Exact; empty: any.
    std::string action;         // Exact, or a prefix that ends in a dot; empty: any.
    std::optional<WallTime> from, to;
    std::uint64_t before_number = 0;
    std::size_t count_max = 100;
  };
  Result<std::vector<AuditEntry>> NewestFirst(const Search& search) const;

  // Walks the whole chain. The findings ("entry 17: hash does not follow"), empty if unbroken;
  // `entry_count` is set.
  Result<std::vector<std::string>> Verify(std::uint64_t& entry_count,
                                          const std::function<void(std::uint64_t)>& progress) const;

 private:
  Database& database_;
  Tail tail_;
};

}  // namespace edcsync
