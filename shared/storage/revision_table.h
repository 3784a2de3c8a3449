// Table `revision` (same in schema/edge and schema/central): every revision ever accepted, its
// canonical encoding sealed at rest, keys, version, time and author beside it in the clear.
//
//   revision(revision_rowid INTEGER PRIMARY KEY, revision_id BLOB NOT NULL UNIQUE,
//            record_id INTEGER NOT NULL REFERENCES record, version, parents BLOB, origin,
//            edited_at_ms, edited_at_counter, user TEXT, edge_id TEXT, received_at_ms,
//            sealed BLOB NOT NULL)   + index on (record_id)
//
// The seal authenticates the revision id, and the id is the hash of the content with the record
// key in it, so a row can be neither altered nor swapped; both are checked at every read. Triggers
// refuse UPDATE and DELETE; what a disk has damaged is put right by Mend() only. Threads: as its
// Database.
#pragma once

#include "shared/crypto/field_cipher.h"
#include "shared/model/merge_rule.h"
#include "shared/storage/database.h"

namespace edcsync {

struct StoredRevision {
  std::int64_t rowid = 0;
  std::int64_t record_id = 0;
  WallTime received_at;
  KnownRevision known;
  Bytes canonical;
};

class RevisionTable {
 public:
  RevisionTable(Database& database, FieldCipher& cipher)
      : database_(database), cipher_(cipher) {}

  // `canonical` is the encoding of `known.revision` and hashes to `known.id` (the caller did
  // both). FieldCipher::Reserve was called for this transaction. Returns the row id; `rowid`: the
  // one it had before it was lost, which is free.
  Result<std::int64_t> Insert(std::int64_t record_id, const KnownRevision& known,
                              BytesView canonical, WallTime received_at,
                              std::optional<std::int64_t> rowid = std::nullopt);

  Result<bool> Contains(const RevisionId& id) const;
  // kNotFound if unknown.
  Result<GraphNode> NodeOf(const RevisionId& id) const;
  Result<std::optional<StoredRevision>> Find(const RevisionId& id) const;
  // Opened and checked against its id (kDecryption), not decoded: to be sent on.
  struct Opened {
    RevisionId id;
    Bytes canonical;
  };
  Result<Opened> OpenRow(std::int64_t rowid) const;
  // All revisions of a record, oldest row first.
  Result<std::vector<StoredRevision>> ListOf(std::int64_t record_id) const;
  Result<std::uint64_t> Count() const;
  // True if a revision of the record has `id` as a parent. Opens none of them.
  Result<bool> IsParentIn(std::int64_t record_id, const RevisionId& id) const;
  // True if `sealed`, read by a caller's own walk, opens and hashes to `id`; false if it is damaged.
  // Fails only if that cannot be told now.
  Result<bool> IsWhole(const RevisionId& id, BytesView sealed) const;
  // The same of the row that has `id`. kNotFound.
  Result<bool> IsWhole(const RevisionId& id) const;
  // Puts the content of a damaged row right, in its row. REQUIRES as Insert; fails with kInvariant if
  // the row is whole: what can be read is never written over. kNotFound. The one place that gets past
  // the triggers.
  Status Mend(const KnownRevision& known, BytesView canonical);
  // The rowid of `id`, or kNotFound.
  Result<std::int64_t> RowOf(const RevisionId& id) const;

 private:
  Result<std::int64_t> Write(std::string_view sql, std::int64_t record_id,
                             const KnownRevision& known, BytesView canonical, WallTime received_at,
                             std::optional<std::int64_t> rowid);

  Database& database_;
  FieldCipher& cipher_;
};

// Opens a sealed canonical encoding read by a caller's own join, and checks it against `id`.
Result<Bytes> OpenSealedRevision(const FieldCipher& cipher, BytesView sealed,
                                 const RevisionId& id);

}  // namespace edcsync
