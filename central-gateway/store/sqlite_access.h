// CentralReader and CentralWriter over the tables of one connection. A work gets it as a writer,
// inside the group's transaction; a reader gets it as a CentralReader, on a snapshot.
// Private to this folder. Threads: as its tables.
#pragma once

#include <map>
#include <set>

#include "central-gateway/store/central_tables.h"

namespace edcsync::central {

class SqliteAccess final : public CentralWriter {
 public:
  // Seals one transaction may make: room is reserved when it begins, as a reservation made inside
  // a work would be undone with that work. 512 works of 512 revisions, each of them joined, fit.
  static constexpr std::uint64_t kSealCountMax = 1 << 19;

  // `seals` counts those of the transaction. All outlive this object.
  SqliteAccess(CentralTables& tables, WallTime now, std::uint64_t& seals)
      : tables_(tables), now_(now), seals_(seals) {}

  Result<std::optional<RecordState>> FindRecord(const RecordKey& key) override;
  Result<std::vector<RecordState>> ListRecords(const RecordFilter& filter, const RecordKey* after,
                                               std::size_t count_max) override;
  Result<bool> HasRevision(const RevisionId& id) override;
  Result<GraphNode> NodeOf(const RevisionId& id) override;
  Result<std::optional<RevisionRow>> FindRevision(const RevisionId& id) override;
  Result<std::vector<RevisionRow>> RevisionsOf(std::int64_t record_id) override;
  Result<std::optional<SiteOID>> SiteOfSubject(const StudyOID& study,
                                               const SubjectKey& subject) override;

  Result<std::optional<EdgeRow>> FindEdge(const EdgeId& edge) override;
  Result<std::vector<EdgeRow>> ListEdges() override;
  Result<bool> HasSpoken(const EdgeId& edge, const Incarnation& incarnation) override;
  Result<std::optional<IntakeRow>> FindIntake(const EdgeId& edge, const Incarnation& incarnation,
                                              Sequence sequence) override;
  Result<std::vector<IntakeRow>> ListIntake(const EdgeId& edge, const Incarnation& incarnation,
                                            Sequence after, std::size_t count_max) override;
  Result<std::vector<std::string>> RevokedCertificatesPem() override;

  Result<std::optional<ConflictRow>> OpenConflictOf(std::int64_t record_id) override;
  Result<std::optional<ConflictRow>> FindConflict(SnowflakeId id) override;
  Result<std::vector<ConflictRow>> ListConflicts(const ConflictFilter& filter) override;
  Result<std::optional<QuarantineRow>> FindQuarantine(const RevisionId& id) override;
  Result<std::vector<QuarantineRow>> ListQuarantine(bool all, std::size_t count_max) override;
  Result<std::vector<QuarantineRow>> HeldFor(const RevisionId& parent) override;
  Result<bool> IsLocked(const RecordKey& key, const SiteOID& site) override;
  Result<std::vector<LockRow>> ListLocks() override;
  Result<std::vector<StudyRow>> ListStudies(bool with_xml) override;
  Result<MergePolicy> PolicyFor(const StudyOID& study, const FormOID& form) override;
  Result<std::vector<PolicyRow>> ListPolicies() override;

  Result<std::vector<QueueRow>> ListQueue(const QueueFilter& filter, const QueueOrder& order,
                                          const QueuePlace* after, std::size_t count_max) override;
  Result<std::uint64_t> CountQueueRows(const QueueFilter& filter) override;
  Result<QueueCounts> CountQueue(const QueueFilter& filter, const std::string& user,
                                 WallTime now) override;
  Result<ConflictWork> WorkOn(SnowflakeId conflict) override;
  Result<std::vector<QuarantineRow>> QuarantinePage(std::optional<QuarantineEnd> state,
                                                    std::int64_t after_row,
                                                    std::size_t count_max) override;
  Result<std::uint64_t> FeedBehind(const EdgeRow& edge) override;
  Result<std::vector<SnowflakeId>> ConflictsOfRecord(std::int64_t record_id) override;
  Result<std::vector<SignatureRow>> SignaturesOf(const RevisionId& revision) override;
  Result<std::vector<StudySettings>> ListStudySettings() override;
  Result<std::optional<ProposalRow>> FindProposal(SnowflakeId id) override;
  Result<std::optional<ProposalRow>> WaitingProposalOf(SnowflakeId conflict) override;
  Result<std::vector<ProposalRow>> ProposalsOf(SnowflakeId conflict) override;
  Result<std::optional<ReopeningRow>> ReopeningOf(SnowflakeId conflict) override;
  Result<std::optional<SnowflakeId>> ReopenedAs(SnowflakeId conflict) override;

  Result<FeedPage> FeedAfter(const SiteOID& site, const EdgeId& edge,
                             const Incarnation& incarnation, FeedCursor after,
                             std::size_t count_max, std::size_t bytes_max) override;
  Result<FeedCursor> FeedHead() override;
  Result<bool> ToldEverySite(BytesView lock_detail) override;
  Result<std::vector<FeedRow>> FeedAll(FeedCursor after, std::size_t count_max) override;
  Result<HistoryId> History() override;
  Result<Bytes> MarkKey() override;
  Result<std::vector<AuditEntry>> ListAudit(const std::string& object, std::uint64_t after_number,
                                            std::size_t count_max) override;
  Result<std::vector<AuditEntry>> ListAuditNewestFirst(const AuditFilter& filter) override;
  Result<Figures> CountAll() override;
  Result<std::uint64_t> RegistryGeneration() override;

  Result<std::optional<AccountRow>> FindAccount(const std::string& user) override;
  Result<std::vector<AccountRow>> ListAccounts() override;
  Result<std::optional<std::uint64_t>> CredentialGeneration(const std::string& user) override;
  Result<std::optional<AccountRow>> FindAccountBySubject(const std::string& issuer,
                                                         const std::string& subject) override;
  Result<std::optional<AccountRow>> FindAccountByProviderName(const std::string& issuer,
                                                              const std::string& name) override;
  Result<std::vector<SavedViewRow>> ListSavedViews(const std::string& user) override;
  Status InsertAccount(const AccountRow& account) override;
  Status UpdateAccount(const AccountRow& account) override;
  Status SetRights(const std::string& user, const std::vector<RightRow>& rights) override;
  Status LinkAccount(const std::string& user, const std::string& issuer,
                     const std::string& name) override;
  Status BindAccount(const std::string& user, const std::string& subject) override;
  Status UnlinkAccount(const std::string& user) override;
  Status PutSavedViews(const std::string& user, const std::vector<SavedViewRow>& views) override;

  Result<std::optional<NoticesState>> FindNoticesState() override;
  Result<NoticeChanges> NoticeChangesAfter(FeedCursor after, std::size_t count_max) override;
  Result<std::vector<ConflictRow>> OverdueUntold(const DueTimes& due_times, WallTime now,
                                                 std::size_t count_max) override;
  Result<bool> HasNotice(const std::string& id) override;
  Result<std::vector<NoticeEdgeRow>> ListNoticeEdges() override;
  Result<std::optional<NoticeMessageRow>> WaitingMessage(const std::string& channel) override;
  Result<NoticeBacklog> BacklogOf(const std::string& channel) override;
  Result<std::vector<NoticeRow>> NoticesIn(SnowflakeId message, std::size_t count_max) override;
  Result<std::vector<NoticeKindCount>> CountNoticesIn(SnowflakeId message) override;
  Result<std::vector<NoticeMessageRow>> ListFailedMessages(std::size_t count_max) override;
  Result<std::optional<NoticeChannelRow>> FindNoticeChannel(const std::string& channel) override;
  Result<std::vector<std::string>> ListNoticeChannels() override;
  Status PutNoticesState(const NoticesState& state) override;
  Result<bool> InsertNotice(const NoticeRow& notice,
                            const std::vector<std::string>& channels) override;
  Status PutNoticeEdge(const NoticeEdgeRow& row) override;
  Status FormMessage(const NoticeMessageRow& message) override;
  Status UpdateMessage(const NoticeMessageRow& message) override;
  Status PutNoticeChannel(const NoticeChannelRow& row) override;
  Status RequeueMessage(SnowflakeId message) override;
  Result<std::uint64_t> PruneNotices(WallTime before, std::size_t count_max) override;

  Result<std::optional<ReconciliationRow>> FindReconciliation(SnowflakeId id) override;
  Result<std::vector<ReconciliationRow>> ListReconciliations(const std::string& edge,
                                                             const std::string& site,
                                                             std::size_t count_max) override;
  Result<std::vector<ReconciliationRow>> ListUnfinishedReconciliations() override;
  Result<std::vector<ReconciliationRow>> RecentReconciliations(const EdgeId& edge,
                                                               std::size_t count_max) override;
  Result<LastComparison> LastComparisonOf(const EdgeId& edge) override;
  Result<std::vector<DifferenceRow>> ListDifferences(SnowflakeId id, const RevisionId* after,
                                                     std::size_t count_max) override;
  Result<std::uint64_t> CountSite(
      const SiteCountOptions& options,
      const std::function<Status(const CountedRevision&)>& each) override;
  Result<std::vector<FeedGap>> FindFeedGaps(const SiteOID& site, std::size_t count_max) override;
  Result<bool> IsRevisionWhole(const RevisionId& id) override;
  Result<bool> IsRemembered(const RecordState& record, const RevisionId& id) override;
  Status InsertReconciliation(const ReconciliationRow& row) override;
  Status UpdateReconciliation(const ReconciliationRow& row) override;
  Status PutDifference(SnowflakeId id, const DifferenceRow& row) override;
  Status MendRevision(const RevisionRow& row) override;
  Status ReinstateRevision(const RecordState& record, const RevisionRow& row,
                           const std::vector<FeedGap>& gaps) override;

  Result<std::optional<InvitationRow>> FindInvitation(const EdgeId& edge) override;
  Result<std::vector<InvitationRow>> ListOpenInvitations() override;
  Result<std::vector<EdgeCredential>> ListEdgeCredentials() override;
  Status InsertInvitation(const InvitationRow& invitation) override;
  Status UpdateInvitation(const InvitationRow& invitation) override;
  Status PutEdgeCredential(const EdgeCredential& credential) override;
  Result<std::uint64_t> RevokeCertificatesBut(const EdgeId& edge,
                                              const std::string& kept_pem) override;
  Status RevokeCertificate(const EdgeId& edge, const std::string& pem) override;

  Result<std::int64_t> InsertRevision(const NewRevision& revision) override;

  Status InsertEdge(const EdgeRow& edge) override;
  Status AddCertificate(const EdgeId& edge, const std::string& pem) override;
  Status SetEdgeStanding(const EdgeId& edge, EdgeStanding standing,
                         const std::string& reason) override;
  Result<Epoch> BindSession(const EdgeId& edge, const GatewayId& gateway,
                            const std::string& release, WallTime now,
                            std::optional<std::int64_t> clock_drift_ms) override;
  Status SetIncarnation(const EdgeId& edge, const Incarnation& incarnation) override;
  Status CheckEpoch(const EdgeId& edge, Epoch epoch) override;
  Status InsertIntake(const EdgeId& edge, const Incarnation& incarnation,
                      const IntakeRow& row) override;
  Status SetIntakeOutcome(const EdgeId& edge, const Incarnation& incarnation, Sequence sequence,
                          Outcome outcome, std::uint16_t reason) override;
  Status AdvanceEdge(const EdgeId& edge, Sequence acknowledged_through, const Digest& chain,
                     WallTime now) override;
  Status SetEdgeFeedCursor(const EdgeId& edge, FeedCursor cursor, WallTime now) override;
  Status CountDuplicates(std::uint64_t more) override;

  Status InsertConflict(const ConflictRow& conflict) override;
  Status UpdateConflict(const ConflictRow& conflict) override;
  Status InsertQuarantine(const QuarantineRow& row) override;
  Status UpdateQuarantine(const QuarantineRow& row) override;
  Status SetLock(const LockRow& lock) override;
  Status ClearLock(const LockRow& lock) override;
  Status PutStudy(const StudyRow& study) override;
  Status PutPolicy(const PolicyRow& policy) override;
  Status AppendFeed(const FeedRow& row) override;
  Status SetHistory(const HistoryId& history) override;

  Status PutWork(const ConflictWork& work) override;
  Status RebuildQueue() override;
  Status InsertSignature(const SignatureRow& signature) override;
  Status PutStudySettings(const StudySettings& settings) override;
  Status InsertProposal(const ProposalRow& proposal) override;
  Status EndProposal(const ProposalRow& proposal) override;
  Status InsertReopening(const ReopeningRow& reopening) override;

  Status AppendAudit(const std::string& actor, const std::string& action, const std::string& object,
                     const std::string& detail) override;
  Result<SnowflakeId> NewId() override;
  WallTime Now() const override { return now_; }

 private:
  // Counts `more` seals of the transaction; kTooLarge past what was reserved.
  Status TakeSeals(std::uint64_t more);
  Status FillNote(std::int64_t revision_rowid, RevisionRow& row);
  Status InsertNote(std::int64_t revision_rowid, const RevisionRow& row);
  Result<std::set<RevisionId>> RevisionsAfter(const SiteCountOptions& options,
                                              std::optional<std::int64_t> incarnation,
                                              std::int64_t site);
  struct QuarantinedHere {
    RecordKey key;
    bool applied = false;
  };
  Result<std::map<RevisionId, QuarantinedHere>> QuarantinedOf(
      const SiteCountOptions& options, std::optional<std::int64_t> incarnation);
  Result<std::optional<std::int64_t>> OriginOf(const EdgeId& edge, const Incarnation& incarnation);

  CentralTables& tables_;
  WallTime now_;
  std::uint64_t& seals_;
};

}  // namespace edcsync::central
