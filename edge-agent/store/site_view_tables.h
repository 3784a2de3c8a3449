// What the edge knows of the centre, from the feed: locks, conflicts, quarantine, marks, and
// revisions whose parents have not come yet.
//
//   written by   edge-agent/downlink/feed_applier.h
//   read by      edge-agent/capture (locks), edge-agent/site, edge-agent/app
//
// Threads: as their Database.
#pragma once

#include "shared/crypto/field_cipher.h"
#include "shared/model/merge_rule.h"
#include "shared/storage/database.h"

namespace edcsync::edge {

// A lock as the feed names it (numbers of LockScope in shared/wire/frames.h).
struct Lock {
  std::uint8_t scope = 0;  // 1 study, 2 site, 3 subject, 4 form.
  StudyOID study;
  std::string object;      // Site OID, subject key or record key; empty for a study.
};

// lock(scope, study_oid, object, PRIMARY KEY (all))
class LockTable {
 public:
  explicit LockTable(Database& database) : database_(database) {}
  Status Set(const Lock& lock);    // Idempotent.
  Status Clear(const Lock& lock);  // Idempotent.
  // True if a lock of any scope covers the record.
  Result<bool> Covers(const RecordKey& key, const SiteOID& site) const;
  Result<std::vector<Lock>> List() const;

 private:
  Database& database_;
};

// conflict(record_key TEXT PRIMARY KEY, conflict_id, severity, opened_at_ms) - open ones only.
struct OpenConflict {
  std::string record_key;
  std::uint64_t conflict_id = 0;
  Severity severity = Severity::kSoft;
  WallTime opened_at;  // When this edge learned of it.
};
class ConflictTable {
 public:
  explicit ConflictTable(Database& database) : database_(database) {}
  Status Put(const OpenConflict& conflict);
  Status Remove(const std::string& record_key);
  Result<std::vector<OpenConflict>> List(std::size_t count_max) const;
  Result<std::optional<OpenConflict>> Find(const std::string& record_key) const;
  Result<std::uint64_t> Count() const;

 private:
  Database& database_;
};

// quarantine(revision_id BLOB PRIMARY KEY, state, reason): this site's revisions in quarantine.
struct QuarantinedHere {
  RevisionId revision;
  std::uint8_t state = 1;  // 1 waiting, 2 applied, 3 rejected.
  std::uint16_t reason = 0;
};
class QuarantineTable {
 public:
  explicit QuarantineTable(Database& database) : database_(database) {}
  Status Put(const QuarantinedHere& row);
  Result<std::vector<QuarantinedHere>> List(std::size_t count_max) const;
  Result<std::uint64_t> CountWaiting() const;

 private:
  Database& database_;
};

// held(revision_id BLOB PRIMARY KEY, missing_parent BLOB, mark BLOB, sealed BLOB) + index on
// missing_parent.
class HeldTable {
 public:
  HeldTable(Database& database, FieldCipher& cipher) : database_(database), cipher_(cipher) {}
  struct Row {
    RevisionId id;
    RevisionId missing_parent;
    Digest mark{};
    Bytes canonical;
  };
  Status Put(const Row& row);  // Idempotent. FieldCipher::Reserve was called.
  Result<std::vector<Row>> WaitingFor(const RevisionId& parent) const;
  Status Remove(const RevisionId& id);
  Result<bool> Contains(const RevisionId& id) const;
  Result<std::uint64_t> Count() const;

 private:
  Database& database_;
  FieldCipher& cipher_;
};

// mark(revision_rowid INTEGER PRIMARY KEY, mark BLOB): the centre's marks on revisions that came
// with the feed, to be shown to a restored centre.
class MarkTable {
 public:
  explicit MarkTable(Database& database) : database_(database) {}
  Status Put(std::int64_t revision_rowid, const Digest& mark);
  struct Row {
    std::int64_t revision_rowid = 0;
    Digest mark{};
  };
  Result<std::vector<Row>> List(std::int64_t after_rowid, std::size_t count_max) const;
  Result<std::optional<Digest>> Find(std::int64_t revision_rowid) const;

 private:
  Database& database_;
};

}  // namespace edcsync::edge
