// Table `record` (same in schema/edge and schema/central): one row a record, with its heads and
// its current revision, so that a fast-forward needs one lookup.
//
//   record(record_id INTEGER PRIMARY KEY, study_oid, subject_key, study_event_oid,
//          study_event_repeat_key, form_oid, form_repeat_key TEXT NOT NULL, site_oid TEXT NOT NULL,
//          heads BLOB NOT NULL,               -- 32 bytes each, ascending
//          current_revision_id BLOB NOT NULL, current_version INTEGER NOT NULL,
//          removed INTEGER NOT NULL, UNIQUE (six key columns))
//
// Invariant: current_revision_id is among heads. Threads: as its Database.
#pragma once

#include <functional>

#include "shared/model/merge_rule.h"
#include "shared/storage/database.h"

namespace edcsync {

struct RecordRow {
  std::int64_t record_id = 0;
  RecordKey key;
  SiteOID site;
  std::vector<RevisionId> heads;
  RevisionId current;
  std::uint32_t current_version = 0;
  bool removed = false;
};

class RecordTable {
 public:
  explicit RecordTable(Database& database) : database_(database) {}

  Result<std::optional<RecordRow>> Find(const RecordKey& key) const;
  Result<std::optional<RecordRow>> FindById(std::int64_t record_id) const;
  // Returns the new record_id. `row.record_id` is ignored.
  Result<std::int64_t> Insert(const RecordRow& row);
  // Heads, current, version, removed of an existing row.
  Status Update(const RecordRow& row);

  struct Filter {
    std::string study;    // Empty: any.
    std::string site;
    std::string subject;
    std::string form;
    std::string event = {};
  };
  // Rows in key order (the six key columns, bytewise) after `after` (nullptr: from the start).
  Result<std::vector<RecordRow>> List(const Filter& filter, const RecordKey* after,
                                      std::size_t count_max) const;
  Result<std::uint64_t> Count() const;

 private:
  Database& database_;
};

}  // namespace edcsync
