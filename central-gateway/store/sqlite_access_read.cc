#include "central-gateway/store/sql_values.h"
#include "central-gateway/store/sqlite_access.h"
#include "shared/base/check.h"

namespace edcsync::central {
namespace {

RecordState ToState(RecordRow row) {
  RecordState state;
  state.record_id = row.record_id;
  state.key = std::move(row.key);
  state.site = std::move(row.site);
  state.heads = std::move(row.heads);
  state.current = row.current;
  state.current_version = row.current_version;
  state.removed = row.removed;
  return state;
}

RevisionRow ToRow(StoredRevision stored) {
  RevisionRow row;
  row.record_id = stored.record_id;
  row.received_at = stored.received_at;
  row.known = std::move(stored.known);
  row.canonical = std::move(stored.canonical);
  return row;
}

}  // namespace

Result<std::optional<RecordState>> SqliteAccess::FindRecord(const RecordKey& key) {
  EDCSYNC_ASSIGN(std::optional<RecordRow> row, tables_.records.Find(key));
  if (!row) return std::optional<RecordState>();
  return std::optional(ToState(std::move(*row)));
}

Result<std::vector<RecordState>> SqliteAccess::ListRecords(const RecordFilter& filter,
                                                           const RecordKey* after,
                                                           std::size_t count_max) {
  const RecordTable::Filter shared{filter.study, filter.site, filter.subject, filter.form,
                                   filter.event};
  EDCSYNC_ASSIGN(std::vector<RecordRow> rows,
                 tables_.records.List(shared, after, static_cast<std::size_t>(Limit(count_max))));
  std::vector<RecordState> states;
  states.reserve(rows.size());
  for (RecordRow& row : rows) states.push_back(ToState(std::move(row)));
  return states;
}

Result<bool> SqliteAccess::HasRevision(const RevisionId& id) {
  return tables_.revisions.Contains(id);
}

Result<GraphNode> SqliteAccess::NodeOf(const RevisionId& id) {
  return tables_.revisions.NodeOf(id);
}

Status SqliteAccess::FillNote(std::int64_t revision_rowid, RevisionRow& row) {
  Statement statement = tables_.database.Prepare(
      "SELECT nonconformance, clock_suspect FROM revision_note WHERE revision_rowid = ?1");
  statement.Bind(1, revision_rowid);
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return Ok();
  row.nonconformance = TextAt(statement, 0);
  row.clock_suspect = statement.Int(1) != 0;
  return Ok();
}

Result<std::optional<RevisionRow>> SqliteAccess::FindRevision(const RevisionId& id) {
  EDCSYNC_ASSIGN(std::optional<StoredRevision> stored, tables_.revisions.Find(id));
  if (!stored) return std::optional<RevisionRow>();
  const std::int64_t rowid = stored->rowid;
  RevisionRow row = ToRow(std::move(*stored));
  EDCSYNC_TRY(FillNote(rowid, row));
  return std::optional(std::move(row));
}

Result<std::vector<RevisionRow>> SqliteAccess::RevisionsOf(std::int64_t record_id) {
  EDCSYNC_ASSIGN(std::vector<StoredRevision> list, tables_.revisions.ListOf(record_id));
  std::vector<RevisionRow> rows;
  rows.reserve(list.size());
  for (StoredRevision& stored : list) {
    const std::int64_t rowid = stored.rowid;
    rows.push_back(ToRow(std::move(stored)));
    EDCSYNC_TRY(FillNote(rowid, rows.back()));
  }
  return rows;
}

Result<std::optional<SiteOID>> SqliteAccess::SiteOfSubject(const StudyOID& study,
                                                           const SubjectKey& subject) {
  return tables_.sites.SiteOfSubject(study, subject);
}

Result<std::optional<EdgeRow>> SqliteAccess::FindEdge(const EdgeId& edge) {
  return tables_.edges.Find(edge);
}

Result<std::vector<EdgeRow>> SqliteAccess::ListEdges() { return tables_.edges.List(); }

Result<bool> SqliteAccess::HasSpoken(const EdgeId& edge, const Incarnation& incarnation) {
  return tables_.edges.HasSpoken(edge, incarnation);
}

Result<std::optional<IntakeRow>> SqliteAccess::FindIntake(const EdgeId& edge,
                                                          const Incarnation& incarnation,
                                                          Sequence sequence) {
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> number,
                 tables_.edges.FindIncarnation(edge, incarnation));
  if (!number) return std::optional<IntakeRow>();
  return tables_.intake.Find(*number, sequence);
}

Result<std::vector<IntakeRow>> SqliteAccess::ListIntake(const EdgeId& edge,
                                                        const Incarnation& incarnation,
                                                        Sequence after, std::size_t count_max) {
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> number,
                 tables_.edges.FindIncarnation(edge, incarnation));
  if (!number) return std::vector<IntakeRow>();
  return tables_.intake.List(*number, after, count_max);
}

Result<std::vector<std::string>> SqliteAccess::RevokedCertificatesPem() {
  return tables_.edges.RevokedCertificatesPem();
}

Result<std::optional<ConflictRow>> SqliteAccess::OpenConflictOf(std::int64_t record_id) {
  return tables_.conflicts.OpenOf(record_id);
}

Result<std::optional<ConflictRow>> SqliteAccess::FindConflict(SnowflakeId id) {
  return tables_.conflicts.Find(id);
}

Result<std::vector<ConflictRow>> SqliteAccess::ListConflicts(const ConflictFilter& filter) {
  return tables_.conflicts.List(filter);
}

Result<std::optional<QuarantineRow>> SqliteAccess::FindQuarantine(const RevisionId& id) {
  return tables_.quarantine.Find(id);
}

Result<std::vector<QuarantineRow>> SqliteAccess::ListQuarantine(bool all, std::size_t count_max) {
  return tables_.quarantine.List(all, count_max);
}

Result<std::vector<QuarantineRow>> SqliteAccess::HeldFor(const RevisionId& parent) {
  return tables_.quarantine.HeldFor(parent);
}

Result<bool> SqliteAccess::IsLocked(const RecordKey& key, const SiteOID& site) {
  return tables_.locks.IsLocked(key, site);
}

Result<std::vector<LockRow>> SqliteAccess::ListLocks() { return tables_.locks.List(); }

Result<std::vector<StudyRow>> SqliteAccess::ListStudies(bool with_xml) {
  return tables_.studies.List(with_xml);
}

Result<MergePolicy> SqliteAccess::PolicyFor(const StudyOID& study, const FormOID& form) {
  return tables_.studies.PolicyFor(study, form);
}

Result<std::vector<CentralReader::PolicyRow>> SqliteAccess::ListPolicies() {
  return tables_.studies.ListPolicies();
}

Result<CentralReader::FeedPage> SqliteAccess::FeedAfter(const SiteOID& site, const EdgeId& edge,
                                                        const Incarnation& incarnation,
                                                        FeedCursor after, std::size_t count_max,
                                                        std::size_t bytes_max) {
  std::optional<std::int64_t> site_number;
  if (!site.empty()) {
    EDCSYNC_ASSIGN(site_number, tables_.sites.Find(site));
  }
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> skip,
                 tables_.edges.FindIncarnation(edge, incarnation));
  return tables_.feed.After(site_number, skip, after, count_max, bytes_max);
}

Result<FeedCursor> SqliteAccess::FeedHead() { return tables_.feed.Head(); }

Result<bool> SqliteAccess::ToldEverySite(BytesView lock_detail) {
  return tables_.feed.ToldEverySite(lock_detail);
}

Result<std::vector<FeedRow>> SqliteAccess::FeedAll(FeedCursor after, std::size_t count_max) {
  return tables_.feed.All(after, count_max);
}

Result<HistoryId> SqliteAccess::History() { return tables_.state.History(); }
Result<Bytes> SqliteAccess::MarkKey() { return tables_.state.MarkKey(); }

Result<std::vector<AuditEntry>> SqliteAccess::ListAudit(const std::string& object,
                                                        std::uint64_t after_number,
                                                        std::size_t count_max) {
  AuditTable::Filter filter;
  filter.object = object;
  filter.after_number = after_number;
  filter.count_max = static_cast<std::size_t>(Limit(count_max));
  return tables_.audit.List(filter);
}

Result<CentralReader::Figures> SqliteAccess::CountAll() {
  // Records, revisions and audit entries are never removed, and their row numbers have no gaps:
  // the greatest is the count, without a walk through the table.
  Statement statement = tables_.database.Prepare(
      "SELECT coalesce((SELECT max(record_id) FROM record), 0), "
      "coalesce((SELECT max(revision_rowid) FROM revision), 0), "
      "(SELECT count(*) FROM open_conflict), "
      "(SELECT count(*) FROM conflict), "  // By its smallest index.
      "(SELECT count(*) FROM quarantine WHERE state = 1), "
      "coalesce((SELECT max(number) FROM audit), 0), "
      "(SELECT count(*) FROM open_conflict WHERE severity = 2), "
      "(SELECT min(opened_at_ms) FROM open_conflict), "
      "(SELECT received_at_ms FROM quarantine WHERE state = 1 ORDER BY quarantine_rowid LIMIT 1)");
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  CHECK(found);
  Figures figures;
  figures.records = Unsigned(statement.Int(0));
  figures.revisions = Unsigned(statement.Int(1));
  figures.conflicts_open = Unsigned(statement.Int(2));
  figures.conflicts_ended = Unsigned(statement.Int(3)) - figures.conflicts_open;
  figures.quarantine_waiting = Unsigned(statement.Int(4));
  figures.audit_entries = Unsigned(statement.Int(5));
  figures.conflicts_open_hard = Unsigned(statement.Int(6));
  if (!statement.IsNull(7)) figures.oldest_conflict = WallTime{statement.Int(7)};
  if (!statement.IsNull(8)) figures.oldest_quarantine = WallTime{statement.Int(8)};
  EDCSYNC_ASSIGN(figures.duplicates, tables_.state.Duplicates());
  Statement reasons = tables_.database.Prepare(
      "SELECT reason, count(*) FROM (SELECT reason FROM quarantine WHERE state = 1 "
      "ORDER BY quarantine_rowid LIMIT ?1) GROUP BY reason");
  reasons.Bind(1, Figures::kReasonsCountedMax);
  while (true) {
    EDCSYNC_ASSIGN(const bool more, reasons.Step());
    if (!more) return figures;
    figures.quarantine_by_reason.emplace_back(static_cast<std::uint16_t>(reasons.Int(0)),
                                              Unsigned(reasons.Int(1)));
  }
}

Result<std::uint64_t> SqliteAccess::RegistryGeneration() {
  return tables_.state.RegistryGeneration();
}

}  // namespace edcsync::central
