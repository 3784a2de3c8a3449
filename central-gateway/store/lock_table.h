// Table `lock`: what may not be changed now, by study, site, subject or form.
// Threads: as its Database.
#pragma once

#include <optional>
#include <unordered_set>

#include "central-gateway/store/central_types.h"
#include "shared/storage/database.h"

namespace edcsync::central {

class LockTable {
 public:
  // Only the one writer may cache which studies have locks: it knows when another process wrote.
  LockTable(Database& database, bool cached) : database_(database), cached_(cached) {}

  Result<bool> IsLocked(const RecordKey& key, const SiteOID& site);
  Result<std::vector<LockRow>> List();
  Status Set(const LockRow& lock);    // kAlreadyExists.
  Status Clear(const LockRow& lock);  // kNotFound.

  void Forget() { studies_.reset(); }

 private:
  Status LoadStudies();

  Database& database_;
  bool cached_;
  std::optional<std::unordered_set<StudyOID>> studies_;  // With a lock of any scope.
};

}  // namespace edcsync::central
