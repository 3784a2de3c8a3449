// The reconciliations' part of SqliteAccess.
#include <algorithm>
#include <map>
#include <set>

#include "central-gateway/store/sql_values.h"
#include "central-gateway/store/sqlite_access.h"
#include "shared/crypto/revision_tree.h"
#include "shared/storage/revision_scan.h"

namespace edcsync::central {

Result<std::optional<ReconciliationRow>> SqliteAccess::FindReconciliation(SnowflakeId id) {
  return tables_.reconciliations.Find(id);
}

Result<std::vector<ReconciliationRow>> SqliteAccess::ListReconciliations(const std::string& edge,
                                                                         const std::string& site,
                                                                         std::size_t count_max) {
  return tables_.reconciliations.List(edge, site, count_max);
}

Result<std::vector<ReconciliationRow>> SqliteAccess::ListUnfinishedReconciliations() {
  return tables_.reconciliations.ListUnfinished();
}

Result<std::vector<ReconciliationRow>> SqliteAccess::RecentReconciliations(const EdgeId& edge,
                                                                           std::size_t count_max) {
  return tables_.reconciliations.Recent(edge, count_max);
}

Result<LastComparison> SqliteAccess::LastComparisonOf(const EdgeId& edge) {
  return tables_.reconciliations.LastOf(edge);
}

Result<std::vector<DifferenceRow>> SqliteAccess::ListDifferences(SnowflakeId id,
                                                                 const RevisionId* after,
                                                                 std::size_t count_max) {
  return tables_.reconciliations.Differences(id, after, count_max);
}

// What came after the point: fed since, or sent since. What the edge had sent by the point is not
// new to it, however late it was fed.
Result<std::set<RevisionId>> SqliteAccess::RevisionsAfter(const SiteCountOptions& options,
                                                          std::optional<std::int64_t> incarnation,
                                                          std::int64_t site) {
  std::set<RevisionId> later;
  Statement fed = tables_.database.Prepare(
      "SELECT r.revision_id FROM feed f JOIN revision r ON r.revision_rowid = f.revision_rowid "
      "WHERE f.site_id = ?1 AND f.cursor > ?2 AND f.kind = 1");
  fed.Bind(1, site).Bind(2, Signed(options.cursor.value()));
  while (true) {
    EDCSYNC_ASSIGN(const bool found, fed.Step());
    if (!found) break;
    later.insert(RevisionIdFromBytes(fed.Blob(0)));
  }
  if (!incarnation) return later;
  Statement sent = tables_.database.Prepare(
      "SELECT sequence, revision_id FROM intake WHERE incarnation_id = ?1 AND sequence > ?2 "
      "ORDER BY sequence");
  sent.Bind(1, *incarnation).Bind(2, Signed(options.settled.value()));
  while (true) {
    EDCSYNC_ASSIGN(const bool found, sent.Step());
    if (!found) return later;
    const RevisionId id = RevisionIdFromBytes(sent.Blob(1));
    if (Unsigned(sent.Int(0)) > options.through.value()) {
      later.insert(id);
    } else {
      later.erase(id);
    }
  }
}

// What this incarnation sent by the point and quarantine took, decided or not. What a former one
// had sent keeps that one's row when it comes again.
Result<std::map<RevisionId, SqliteAccess::QuarantinedHere>> SqliteAccess::QuarantinedOf(
    const SiteCountOptions& options, std::optional<std::int64_t> incarnation) {
  std::map<RevisionId, QuarantinedHere> quarantined, former;
  Statement statement = tables_.database.Prepare(
      "SELECT revision_id, record_key, incarnation = ?2, state FROM quarantine "
      "WHERE edge_id = ?1 AND (incarnation <> ?2 OR sequence <= ?3) AND record_key IS NOT NULL");
  statement.Bind(1, std::string_view(options.edge.str()))
      .Bind(2, options.incarnation.view())
      .Bind(3, Signed(options.through.value()));
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) break;
    Result<RecordKey> key = ParseRecordKey(statement.Text(1));
    if (!key.ok()) continue;
    const bool applied = statement.Int(3) == Number(QuarantineEnd::kApplied);
    (statement.Int(2) != 0 ? quarantined : former)
        .emplace(RevisionIdFromBytes(statement.Blob(0)), QuarantinedHere{std::move(*key), applied});
  }
  if (former.empty() || !incarnation) return quarantined;
  Statement sent = tables_.database.Prepare(
      "SELECT revision_id FROM intake WHERE incarnation_id = ?1 AND sequence <= ?2");
  sent.Bind(1, *incarnation).Bind(2, Signed(options.through.value()));
  while (true) {
    EDCSYNC_ASSIGN(const bool found, sent.Step());
    if (!found) return quarantined;
    auto again = former.extract(RevisionIdFromBytes(sent.Blob(0)));
    if (!again.empty()) quarantined.insert(std::move(again));
  }
}

Result<std::uint64_t> SqliteAccess::CountSite(
    const SiteCountOptions& options, const std::function<Status(const CountedRevision&)>& each) {
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> site, tables_.sites.Find(options.site));
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> incarnation,
                 tables_.edges.FindIncarnation(options.edge, options.incarnation));
  // No row has site -1.
  EDCSYNC_ASSIGN(const std::set<RevisionId> later,
                 RevisionsAfter(options, incarnation, site.value_or(-1)));
  using Quarantined = std::map<RevisionId, QuarantinedHere>;
  EDCSYNC_ASSIGN(Quarantined quarantined, QuarantinedOf(options, incarnation));
  std::uint64_t records = 0;
  Digest last{};  // No key hashes to zeros.
  EDCSYNC_TRY(ScanRevisions(
      tables_.database, tables_.revisions, options.site,
      [&](const ScannedRevision& scanned) -> Status {
        const bool was_quarantined = quarantined.erase(scanned.id) > 0;
        if (!was_quarantined && later.contains(scanned.id)) return Ok();
        if (last != scanned.key_hash) ++records;
        last = scanned.key_hash;
        return each({scanned.key, scanned.key_hash, scanned.id, scanned.whole});
      }));
  for (const auto& [id, here] : quarantined) {
    if (here.applied) continue;  // It must be among the revisions: it is lost.
    const Digest key_hash = KeyHash(here.key);
    EDCSYNC_TRY(each({here.key, key_hash, id, true}));
  }
  return records;
}

Result<std::vector<FeedGap>> SqliteAccess::FindFeedGaps(const SiteOID& site,
                                                        std::size_t count_max) {
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> number, tables_.sites.Find(site));
  return tables_.reconciliations.FindFeedGaps(number.value_or(-1), count_max);
}

Result<bool> SqliteAccess::IsRemembered(const RecordState& record, const RevisionId& id) {
  if (std::find(record.heads.begin(), record.heads.end(), id) != record.heads.end()) return true;
  return tables_.revisions.IsParentIn(record.record_id, id);
}

Result<bool> SqliteAccess::IsRevisionWhole(const RevisionId& id) {
  return tables_.revisions.IsWhole(id);
}

Status SqliteAccess::InsertReconciliation(const ReconciliationRow& row) {
  return tables_.reconciliations.Insert(row);
}

Status SqliteAccess::UpdateReconciliation(const ReconciliationRow& row) {
  return tables_.reconciliations.Update(row);
}

Status SqliteAccess::PutDifference(SnowflakeId id, const DifferenceRow& row) {
  return tables_.reconciliations.PutDifference(id, row);
}

Status SqliteAccess::ReinstateRevision(const RecordState& record, const RevisionRow& row,
                                       const std::vector<FeedGap>& gaps) {
  EDCSYNC_TRY(TakeSeals(1));
  const Revision& revision = row.known.revision;
  const EdgeId writer = revision.origin == Origin::kSite ? revision.edge : EdgeId();
  std::optional<std::int64_t> old_row;
  // The feed names no edge for what was offered to a restored centre.
  for (const EdgeId& fed_as : {writer, EdgeId()}) {
    for (const FeedGap& gap : gaps) {
      if (old_row || gap.edge != fed_as) continue;
      Statement taken =
          tables_.database.Prepare("SELECT 1 FROM revision WHERE revision_rowid = ?1");
      EDCSYNC_ASSIGN(const bool is_taken, taken.Bind(1, gap.revision_rowid).Step());
      if (!is_taken) old_row = gap.revision_rowid;
    }
  }
  EDCSYNC_ASSIGN(const std::int64_t rowid,
                 tables_.revisions.Insert(record.record_id, row.known, row.canonical,
                                          row.received_at, old_row));
  Statement forget =
      tables_.database.Prepare("DELETE FROM revision_note WHERE revision_rowid = ?1");
  EDCSYNC_TRY(forget.Bind(1, rowid).Run());
  EDCSYNC_TRY(InsertNote(rowid, row));
  EDCSYNC_ASSIGN(const std::int64_t site, tables_.sites.NumberOf(record.site));
  return tables_.feed.AppendRevision(site, std::nullopt, rowid);
}

Status SqliteAccess::MendRevision(const RevisionRow& row) {
  EDCSYNC_TRY(TakeSeals(1));
  EDCSYNC_TRY(tables_.revisions.Mend(row.known, row.canonical));
  EDCSYNC_ASSIGN(const std::int64_t rowid, tables_.revisions.RowOf(row.known.id));
  EDCSYNC_ASSIGN(const std::int64_t site, tables_.sites.NumberOf(row.known.revision.site));
  return tables_.feed.AppendRevision(site, std::nullopt, rowid);
}

}  // namespace edcsync::central
