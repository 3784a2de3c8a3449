#include "edge-agent/store/record_writer.h"

namespace edcsync::edge {

Result<std::int64_t> AddRevision(EdgeTables& tables, const KnownRevision& known,
                                 BytesView canonical, WallTime now) {
  const Revision& revision = known.revision;
  EDCSYNC_ASSIGN(std::optional<RecordRow> record, tables.records.Find(revision.key));
  if (!record) {
    RecordRow row;
    row.key = revision.key;
    row.site = revision.site;
    row.heads = {known.id};
    row.current = known.id;
    row.current_version = revision.version;
    row.removed = revision.removed;
    EDCSYNC_ASSIGN(const std::int64_t record_id, tables.records.Insert(row));
    return tables.revisions.Insert(record_id, known, canonical, now);
  }
  record->heads = NextHeads(record->heads, revision.parents, known.id);
  WinKey best = WinKeyOf(known);
  bool removed = revision.removed;
  for (const RevisionId& head : record->heads) {
    if (head == known.id) continue;
    EDCSYNC_ASSIGN(const std::optional<StoredRevision> row, tables.revisions.Find(head));
    if (!row) return Fail(ErrorCode::kInvariant, "Head " + head.ToHex() + " is not stored");
    if (!(best < WinKeyOf(row->known))) continue;
    best = WinKeyOf(row->known);
    removed = row->known.revision.removed;
  }
  record->current = best.id;
  record->current_version = best.version;
  record->removed = removed;
  EDCSYNC_TRY(tables.records.Update(*record));
  return tables.revisions.Insert(record->record_id, known, canonical, now);
}

}  // namespace edcsync::edge
