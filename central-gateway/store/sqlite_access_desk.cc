// The desk's part of SqliteAccess.
#include "central-gateway/store/sqlite_access.h"

namespace edcsync::central {

Result<std::vector<QueueRow>> SqliteAccess::ListQueue(const QueueFilter& filter,
                                                      const QueueOrder& order,
                                                      const QueuePlace* after,
                                                      std::size_t count_max) {
  return tables_.queue.Page(filter, order, after, count_max);
}

Result<std::uint64_t> SqliteAccess::CountQueueRows(const QueueFilter& filter) {
  return tables_.queue.Total(filter);
}

Result<QueueCounts> SqliteAccess::CountQueue(const QueueFilter& filter, const std::string& user,
                                             WallTime now) {
  return tables_.queue.Count(filter, user, now);
}

Result<ConflictWork> SqliteAccess::WorkOn(SnowflakeId conflict) {
  return tables_.queue.FindWork(conflict);
}

Result<std::vector<SignatureRow>> SqliteAccess::SignaturesOf(const RevisionId& revision) {
  EDCSYNC_ASSIGN(const Bytes mark_key, tables_.state.MarkKey());
  return tables_.signatures.Of(revision, mark_key);
}

Result<std::vector<StudySettings>> SqliteAccess::ListStudySettings() {
  return tables_.studies.ListSettings();
}

Result<std::vector<AuditEntry>> SqliteAccess::ListAuditNewestFirst(const AuditFilter& filter) {
  return tables_.audit.NewestFirst(filter);
}

Result<std::vector<QuarantineRow>> SqliteAccess::QuarantinePage(std::optional<QuarantineEnd> state,
                                                                std::int64_t after_row,
                                                                std::size_t count_max) {
  return tables_.quarantine.Page(state, after_row, count_max);
}

Result<std::uint64_t> SqliteAccess::FeedBehind(const EdgeRow& edge) {
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> site, tables_.sites.Find(edge.site));
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> own,
                 tables_.edges.FindIncarnation(edge.edge, edge.incarnation));
  return tables_.feed.CountAfter(site, own, edge.feed_cursor);
}

Result<std::vector<SnowflakeId>> SqliteAccess::ConflictsOfRecord(std::int64_t record_id) {
  return tables_.conflicts.OfRecord(record_id);
}

Status SqliteAccess::PutWork(const ConflictWork& work) { return tables_.queue.PutWork(work); }

Status SqliteAccess::RebuildQueue() { return tables_.queue.Rebuild(); }

Status SqliteAccess::InsertSignature(const SignatureRow& signature) {
  EDCSYNC_ASSIGN(const Bytes mark_key, tables_.state.MarkKey());
  return tables_.signatures.Insert(signature, mark_key);
}

Status SqliteAccess::PutStudySettings(const StudySettings& settings) {
  EDCSYNC_TRY(tables_.studies.PutSettings(settings));
  return tables_.state.BumpRegistryGeneration();
}

Result<std::optional<ProposalRow>> SqliteAccess::FindProposal(SnowflakeId id) {
  return tables_.proposals.Find(id);
}

Result<std::optional<ProposalRow>> SqliteAccess::WaitingProposalOf(SnowflakeId conflict) {
  return tables_.proposals.WaitingOf(conflict);
}

Result<std::vector<ProposalRow>> SqliteAccess::ProposalsOf(SnowflakeId conflict) {
  return tables_.proposals.Of(conflict);
}

Result<std::optional<ReopeningRow>> SqliteAccess::ReopeningOf(SnowflakeId conflict) {
  return tables_.proposals.ReopeningOf(conflict);
}

Status SqliteAccess::InsertProposal(const ProposalRow& proposal) {
  EDCSYNC_TRY(TakeSeals(1));
  return tables_.proposals.Insert(proposal);
}

Status SqliteAccess::EndProposal(const ProposalRow& proposal) {
  EDCSYNC_TRY(TakeSeals(1));
  return tables_.proposals.End(proposal);
}

Result<std::optional<SnowflakeId>> SqliteAccess::ReopenedAs(SnowflakeId conflict) {
  return tables_.proposals.ReopenedAs(conflict);
}

Status SqliteAccess::InsertReopening(const ReopeningRow& reopening) {
  EDCSYNC_TRY(TakeSeals(1));
  return tables_.proposals.InsertReopening(reopening);
}

}  // namespace edcsync::central
