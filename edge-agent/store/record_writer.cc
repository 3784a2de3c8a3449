#include "edge-agent/store/record_writer.h"

#include <algorithm>

#include "shared/crypto/digest.h"

namespace edcsync::edge {
namespace {

constexpr std::string_view kOutboxGaps =
    "SELECT o.revision_rowid, o.chain, p.chain FROM outbox o "
    "LEFT JOIN outbox p ON p.sequence = o.sequence - 1 "
    "LEFT JOIN revision r ON r.revision_rowid = o.revision_rowid "
    "WHERE r.revision_rowid IS NULL LIMIT ?1";
constexpr std::string_view kMarkGaps =
    "SELECT m.revision_rowid, m.mark FROM mark m "
    "LEFT JOIN revision r ON r.revision_rowid = m.revision_rowid "
    "WHERE r.revision_rowid IS NULL LIMIT ?1";

Digest DigestAt(const Statement& statement, int column) {
  Digest digest{};
  const BytesView blob = statement.Blob(column);
  if (blob.size() == digest.size()) std::copy(blob.begin(), blob.end(), digest.begin());
  return digest;
}

// The row that was this revision's; nullopt if none of `gaps` is, or it is taken by now.
Result<std::optional<std::int64_t>> OldRowOf(EdgeTables& tables, const RevisionId& id,
                                             const Digest& mark,
                                             const std::vector<RevisionGap>& gaps) {
  for (const RevisionGap& gap : gaps) {
    const bool its_own = gap.captured_here ? ChainDigest(gap.chain_before, id.view()) == gap.chain
                                           : gap.mark == mark;
    if (!its_own) continue;
    Statement statement =
        tables.database.Prepare("SELECT 1 FROM revision WHERE revision_rowid = ?1");
    EDCSYNC_ASSIGN(const bool taken, statement.Bind(1, gap.rowid).Step());
    if (!taken) return std::optional(gap.rowid);
  }
  return std::optional<std::int64_t>();
}

}  // namespace

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

Result<std::vector<RevisionGap>> FindRevisionGaps(EdgeTables& tables, std::size_t count_max) {
  std::vector<RevisionGap> gaps;
  for (const bool captured_here : {true, false}) {
    Statement statement = tables.database.Prepare(captured_here ? kOutboxGaps : kMarkGaps);
    statement.Bind(1, static_cast<std::int64_t>(count_max));
    while (true) {
      EDCSYNC_ASSIGN(const bool found, statement.Step());
      if (!found) break;
      RevisionGap& gap = gaps.emplace_back();
      gap.rowid = statement.Int(0);
      gap.captured_here = captured_here;
      (captured_here ? gap.chain : gap.mark) = DigestAt(statement, 1);
      if (captured_here) gap.chain_before = DigestAt(statement, 2);  // Zeros before the first.
    }
  }
  return gaps;
}

Result<std::optional<std::int64_t>> ReinstateRevision(EdgeTables& tables,
                                                      const KnownRevision& known,
                                                      BytesView canonical, const Digest& mark,
                                                      const std::vector<RevisionGap>& gaps,
                                                      WallTime now) {
  EDCSYNC_ASSIGN(const std::optional<RecordRow> record, tables.records.Find(known.revision.key));
  if (!record) return std::optional<std::int64_t>();
  if (std::find(record->heads.begin(), record->heads.end(), known.id) == record->heads.end()) {
    EDCSYNC_ASSIGN(const bool is_parent, tables.revisions.IsParentIn(record->record_id, known.id));
    if (!is_parent) return std::optional<std::int64_t>();
  }
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> old_row,
                 OldRowOf(tables, known.id, mark, gaps));
  EDCSYNC_ASSIGN(const std::int64_t rowid,
                 tables.revisions.Insert(record->record_id, known, canonical, now, old_row));
  return std::optional(rowid);
}

}  // namespace edcsync::edge
