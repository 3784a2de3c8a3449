#include "central-gateway/store/sql_values.h"
#include "central-gateway/store/sqlite_access.h"
#include "shared/base/planted_defect.h"

namespace edcsync::central {
namespace {

// More sessions than an edge opens between a backup and its restore.
constexpr std::int64_t kEpochsPerHistory = 1'000'000'000;
// And by chance so many more, so that two lives that begin with the same backup give other epochs; a
// history's id is random. 2^63 has room for eight million restores.
constexpr std::size_t kChanceBytes = 5;

std::int64_t EpochsBefore(const HistoryId& history) {
  std::int64_t chance = 0;
  for (std::size_t i = 0; i < kChanceBytes; ++i) chance = chance * 256 + history.bytes[i];
  return kEpochsPerHistory + chance;
}

}  // namespace

Status SqliteAccess::TakeSeals(std::uint64_t more) {
  if (more > kSealCountMax - seals_) {
    return Fail(ErrorCode::kTooLarge, "one transaction takes at most " +
                                          std::to_string(kSealCountMax) + " sealed fields");
  }
  seals_ += more;
  return Ok();
}

Result<std::optional<std::int64_t>> SqliteAccess::OriginOf(const EdgeId& edge,
                                                           const Incarnation& incarnation) {
  if (edge.empty()) return std::optional<std::int64_t>();
  EDCSYNC_ASSIGN(const std::int64_t number, tables_.edges.IncarnationNumber(edge, incarnation));
  return std::optional(number);
}

Status SqliteAccess::InsertNote(std::int64_t revision_rowid, const RevisionRow& row) {
  if (row.nonconformance.empty() && !row.clock_suspect) return Ok();
  Statement statement = tables_.database.Prepare(
      "INSERT INTO revision_note (revision_rowid, nonconformance, clock_suspect) "
      "VALUES (?1, ?2, ?3)");
  EDCSYNC_TRY(statement.Bind(1, revision_rowid)
                  .Bind(2, row.nonconformance)
                  .Bind(3, std::int64_t{row.clock_suspect})
                  .Run());
  return Ok();
}

Result<std::int64_t> SqliteAccess::InsertRevision(const NewRevision& revision) {
  const Revision& content = revision.row.known.revision;
  EDCSYNC_TRY(TakeSeals(1));
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> origin,
                 OriginOf(revision.origin_edge, revision.origin_incarnation));
  RecordRow record;
  record.record_id = revision.row.record_id;
  record.heads = revision.heads;
  record.current = revision.current;
  record.current_version = revision.current_version;
  record.removed = revision.current_removed;
  if (record.record_id == 0) {
    EDCSYNC_TRY(tables_.sites.BindSubject(content.key.study, content.key.subject, content.site));
    record.key = content.key;
    record.site = content.site;
    EDCSYNC_ASSIGN(record.record_id, tables_.records.Insert(record));
  } else {
    EDCSYNC_TRY(tables_.records.Update(record));
  }
  EDCSYNC_ASSIGN(const std::int64_t rowid,
                 tables_.revisions.Insert(record.record_id, revision.row.known,
                                          revision.row.canonical, revision.row.received_at));
  EDCSYNC_TRY(InsertNote(rowid, revision.row));
  EDCSYNC_ASSIGN(const std::int64_t site, tables_.sites.NumberOf(content.site));
  EDCSYNC_TRY(tables_.feed.AppendRevision(site, origin, rowid));
  return record.record_id;
}

Status SqliteAccess::InsertEdge(const EdgeRow& edge) {
  EDCSYNC_TRY(tables_.edges.Insert(edge));
  return tables_.state.BumpRegistryGeneration();
}

Status SqliteAccess::AddCertificate(const EdgeId& edge, const std::string& pem) {
  EDCSYNC_TRY(tables_.edges.AddCertificate(edge, pem));
  return tables_.state.BumpRegistryGeneration();
}

Status SqliteAccess::SetEdgeStanding(const EdgeId& edge, EdgeStanding standing,
                                     const std::string& reason) {
  EDCSYNC_TRY(tables_.edges.SetStanding(edge, standing, reason, now_));
  return tables_.state.BumpRegistryGeneration();
}

Result<Epoch> SqliteAccess::BindSession(const EdgeId& edge, const GatewayId& gateway,
                                        const std::string& release, WallTime now,
                                        std::optional<std::int64_t> clock_drift_ms) {
  return tables_.edges.BindSession(edge, gateway, release, now, clock_drift_ms);
}

Status SqliteAccess::SetIncarnation(const EdgeId& edge, const Incarnation& incarnation) {
  EDCSYNC_TRY(tables_.edges.SetIncarnation(edge, incarnation, now_));
  return tables_.state.BumpRegistryGeneration();
}

Status SqliteAccess::CheckEpoch(const EdgeId& edge, Epoch epoch) {
  if (EDCSYNC_DEFECT("epoch-unchecked")) return Ok();
  return tables_.edges.CheckEpoch(edge, epoch);
}

Status SqliteAccess::InsertIntake(const EdgeId& edge, const Incarnation& incarnation,
                                  const IntakeRow& row) {
  EDCSYNC_ASSIGN(const std::int64_t number, tables_.edges.IncarnationNumber(edge, incarnation));
  return tables_.intake.Insert(number, row);
}

Status SqliteAccess::SetIntakeOutcome(const EdgeId& edge, const Incarnation& incarnation,
                                      Sequence sequence, Outcome outcome, std::uint16_t reason) {
  EDCSYNC_ASSIGN(const std::int64_t number, tables_.edges.IncarnationNumber(edge, incarnation));
  return tables_.intake.SetOutcome(number, sequence, outcome, reason);
}

Status SqliteAccess::AdvanceEdge(const EdgeId& edge, Sequence acknowledged_through,
                                 const Digest& chain, WallTime now) {
  return tables_.edges.Advance(edge, acknowledged_through, chain, now);
}

Status SqliteAccess::SetEdgeFeedCursor(const EdgeId& edge, FeedCursor cursor, WallTime now) {
  return tables_.edges.SetFeedCursor(edge, cursor, now);
}

Status SqliteAccess::CountDuplicates(std::uint64_t more) {
  return tables_.state.CountDuplicates(more);
}

Status SqliteAccess::InsertConflict(const ConflictRow& conflict) {
  return tables_.conflicts.Insert(conflict);
}

Status SqliteAccess::UpdateConflict(const ConflictRow& conflict) {
  return tables_.conflicts.Update(conflict);
}

Status SqliteAccess::InsertQuarantine(const QuarantineRow& row) {
  EDCSYNC_TRY(TakeSeals(2));
  return tables_.quarantine.Insert(row);
}

Status SqliteAccess::UpdateQuarantine(const QuarantineRow& row) {
  EDCSYNC_TRY(TakeSeals(1));
  return tables_.quarantine.Update(row);
}

Status SqliteAccess::SetLock(const LockRow& lock) {
  EDCSYNC_TRY(tables_.locks.Set(lock));
  return tables_.state.BumpRegistryGeneration();
}

Status SqliteAccess::ClearLock(const LockRow& lock) {
  EDCSYNC_TRY(tables_.locks.Clear(lock));
  return tables_.state.BumpRegistryGeneration();
}

Status SqliteAccess::PutStudy(const StudyRow& study) {
  EDCSYNC_TRY(tables_.studies.Put(study));
  return tables_.state.BumpRegistryGeneration();
}

Status SqliteAccess::PutPolicy(const PolicyRow& policy) {
  EDCSYNC_TRY(tables_.studies.PutPolicy(policy));
  return tables_.state.BumpRegistryGeneration();
}

Status SqliteAccess::AppendFeed(const FeedRow& row) {
  std::int64_t site = SiteTable::kEverySite;
  if (!row.site.empty()) {
    EDCSYNC_ASSIGN(site, tables_.sites.NumberOf(row.site));
  }
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> origin,
                 OriginOf(row.origin_edge, row.origin_incarnation));
  return tables_.feed.Append(row, site, origin);
}

Status SqliteAccess::SetHistory(const HistoryId& history) {
  // A session of the life before must not fit by chance: its epoch may be one that this history
  // would give again.
  EDCSYNC_TRY(tables_.edges.PassOverEpochs(EpochsBefore(history)));
  return tables_.state.SetHistory(history);
}

Status SqliteAccess::AppendAudit(const std::string& actor, const std::string& action,
                                 const std::string& object, const std::string& detail) {
  EDCSYNC_ASSIGN(const SnowflakeId id, tables_.ids.NextForAudit(now_));
  AuditEntry entry;
  entry.id = id.value();
  entry.at = now_;
  entry.actor = actor;
  entry.action = action;
  entry.object = object;
  entry.detail = detail;
  return tables_.audit.Append(std::move(entry));
}

Result<SnowflakeId> SqliteAccess::NewId() { return tables_.ids.Next(now_); }

}  // namespace edcsync::central
