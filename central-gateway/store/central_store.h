// The central store as the stages see it: one transaction holds revisions, heads, conflicts, audit
// entries, feed entries and the edge's cursor together. An interface: SQLite by default
// (sqlite_central_store.h, embedded, one machine); a server engine can stand behind it for many.
//
//   written by   central-gateway/intake (through merge), desk, admin, people, notices,
//                enrolment
//   read by      central-gateway/feed, desk, admin, people, notices,
//                enrolment, app
//
// Invariants the store itself keeps: revisions and audit entries are never altered; feed cursors
// follow commit order without gaps a reader could miss; at most one open conflict a record; the
// fencing token of a lease only rises.
//
// Threads: Submit, Write and Read from any; a CentralWriter only inside its work.
#pragma once

#include <functional>
#include <memory>

#include "central-gateway/store/enrolment_store.h"
#include "central-gateway/store/notice_store.h"
#include "central-gateway/store/people_store.h"
#include "central-gateway/store/reconciliation_store.h"
#include "shared/model/audit_entry.h"
#include "shared/base/status.h"
#include "shared/crypto/field_cipher.h"

namespace edcsync::central {

class CentralReader : public PeopleReader,
                      public DeskReader,
                      public NoticeReader,
                      public ReconciliationReader,
                      public EnrolmentReader {
 public:
  // --- records and revisions ---
  virtual Result<std::optional<RecordState>> FindRecord(const RecordKey& key) = 0;
  struct RecordFilter {
    std::string study, site, subject, form;  // Empty: any.
    std::string event = {};                  // Likewise.
  };
  // In key order after `after` (nullptr: from the start).
  virtual Result<std::vector<RecordState>> ListRecords(const RecordFilter& filter,
                                                       const RecordKey* after,
                                                       std::size_t count_max) = 0;
  virtual Result<bool> HasRevision(const RevisionId& id) = 0;
  virtual Result<GraphNode> NodeOf(const RevisionId& id) = 0;  // kNotFound.
  virtual Result<std::optional<RevisionRow>> FindRevision(const RevisionId& id) = 0;
  virtual Result<std::vector<RevisionRow>> RevisionsOf(std::int64_t record_id) = 0;
  // The site a subject belongs to: that of its first revision. nullopt: a new subject.
  virtual Result<std::optional<SiteOID>> SiteOfSubject(const StudyOID& study,
                                                       const SubjectKey& subject) = 0;

  // --- edges ---
  virtual Result<std::optional<EdgeRow>> FindEdge(const EdgeId& edge) = 0;
  virtual Result<std::vector<EdgeRow>> ListEdges() = 0;
  // True if this database of the edge speaks for it, or once did.
  virtual Result<bool> HasSpoken(const EdgeId& edge, const Incarnation& incarnation) = 0;
  virtual Result<std::optional<IntakeRow>> FindIntake(const EdgeId& edge,
                                                      const Incarnation& incarnation,
                                                      Sequence sequence) = 0;
  // Revisions of an incarnation after `after`, in order.
  virtual Result<std::vector<IntakeRow>> ListIntake(const EdgeId& edge,
                                                    const Incarnation& incarnation,
                                                    Sequence after, std::size_t count_max) = 0;
  // The certificates that were revoked, for the CRL.
  virtual Result<std::vector<std::string>> RevokedCertificatesPem() = 0;

  // --- conflicts, quarantine, locks, studies ---
  virtual Result<std::optional<ConflictRow>> OpenConflictOf(std::int64_t record_id) = 0;
  virtual Result<std::optional<ConflictRow>> FindConflict(SnowflakeId id) = 0;
  struct ConflictFilter {
    bool open_only = true;
    std::string study, site, subject;
    SnowflakeId after;
    std::size_t count_max = 100;
  };
  virtual Result<std::vector<ConflictRow>> ListConflicts(const ConflictFilter& filter) = 0;
  virtual Result<std::optional<QuarantineRow>> FindQuarantine(const RevisionId& id) = 0;
  // Waiting ones only unless `all`; oldest first. `bytes` and `decision_reason` are filled.
  virtual Result<std::vector<QuarantineRow>> ListQuarantine(bool all, std::size_t count_max) = 0;
  // Waiting rows whose missing_parent is `parent`.
  virtual Result<std::vector<QuarantineRow>> HeldFor(const RevisionId& parent) = 0;
  virtual Result<bool> IsLocked(const RecordKey& key, const SiteOID& site) = 0;
  virtual Result<std::vector<LockRow>> ListLocks() = 0;
  virtual Result<std::vector<StudyRow>> ListStudies(bool with_xml) = 0;
  virtual Result<MergePolicy> PolicyFor(const StudyOID& study, const FormOID& form) = 0;
  struct PolicyRow {
    StudyOID study;
    FormOID form;  // Empty: every form of the study without one of its own.
    MergePolicy policy = MergePolicy::kFlag;
  };
  virtual Result<std::vector<PolicyRow>> ListPolicies() = 0;

  // --- feed, audit, figures ---
  // Entries for `site` (and for every site) after the cursor, but no revisions of (edge,
  // incarnation) itself; at most `count_max` entries and `bytes_max` bytes of revisions (at least
  // one entry). `next` is set to where to go on.
  struct FeedPage {
    std::vector<FeedRow> rows;
    FeedCursor next;
    bool more = false;
  };
  virtual Result<FeedPage> FeedAfter(const SiteOID& site, const EdgeId& edge,
                                     const Incarnation& incarnation, FeedCursor after,
                                     std::size_t count_max, std::size_t bytes_max) = 0;
  virtual Result<FeedCursor> FeedHead() = 0;
  // True if a lock's entry with this detail was for every site.
  virtual Result<bool> ToldEverySite(BytesView lock_detail) = 0;
  // Every entry of every site, for `feed tail`.
  virtual Result<std::vector<FeedRow>> FeedAll(FeedCursor after, std::size_t count_max) = 0;
  virtual Result<HistoryId> History() = 0;
  virtual Result<Bytes> MarkKey() = 0;  // 32 bytes: HMAC key of the centre's marks.
  virtual Result<std::vector<AuditEntry>> ListAudit(const std::string& object,
                                                    std::uint64_t after_number,
                                                    std::size_t count_max) = 0;
  struct Figures {
    std::uint64_t records = 0, revisions = 0, conflicts_open = 0, conflicts_ended = 0;
    std::uint64_t quarantine_waiting = 0, audit_entries = 0, duplicates = 0;
    std::uint64_t conflicts_open_hard = 0;  // Of those open.
    std::optional<WallTime> oldest_conflict, oldest_quarantine;  // Of those open, waiting.
    // Waiting ones; those that have waited longest, kReasonsCountedMax at most.
    std::vector<std::pair<std::uint16_t, std::uint64_t>> quarantine_by_reason;
    static constexpr std::int64_t kReasonsCountedMax = 10'000;
  };
  // No walk through a table that grows with the trial, but through an index with all conflicts.
  virtual Result<Figures> CountAll() = 0;
  // Changes whenever edges, locks, studies or policies change, by whichever process.
  virtual Result<std::uint64_t> RegistryGeneration() = 0;
};

class CentralWriter : public CentralReader, public PeopleWriter, public DeskWriter,
                      public NoticeWriter, public ReconciliationWriter,
                      public EnrolmentWriter {
 public:
  // Inserts a revision of an existing record (or of a new one if record_id is 0, which makes the
  // record and binds the subject to the site) with its heads after it, its feed entry included.
  // `row.canonical` hashes to `row.known.id`. Returns the record's id.
  struct NewRevision {
    RevisionRow row;
    std::vector<RevisionId> heads;
    RevisionId current;
    std::uint32_t current_version = 0;
    bool current_removed = false;
    EdgeId origin_edge;               // Empty for the centre's own.
    Incarnation origin_incarnation;
  };
  virtual Result<std::int64_t> InsertRevision(const NewRevision& revision) = 0;

  // --- edges ---
  virtual Status InsertEdge(const EdgeRow& edge) = 0;  // kAlreadyExists.
  // One more that the edge may sign with, beside those it has: for a renewal. kUnknownEdge.
  virtual Status AddCertificate(const EdgeId& edge, const std::string& pem) = 0;
  virtual Status SetEdgeStanding(const EdgeId& edge, EdgeStanding standing,
                                 const std::string& reason) = 0;  // Bumps RegistryGeneration.
  // Binds the edge to `gateway` with the next epoch and returns that.
  virtual Result<Epoch> BindSession(const EdgeId& edge, const GatewayId& gateway,
                                    const std::string& release, WallTime now,
                                    std::optional<std::int64_t> clock_drift_ms) = 0;
  // A new incarnation may speak for the edge from now on; its cursor starts at 0.
  virtual Status SetIncarnation(const EdgeId& edge, const Incarnation& incarnation) = 0;
  // kStaleEpoch unless `epoch` is the edge's. Call in the transaction that acts on it.
  virtual Status CheckEpoch(const EdgeId& edge, Epoch epoch) = 0;
  virtual Status InsertIntake(const EdgeId& edge, const Incarnation& incarnation,
                              const IntakeRow& row) = 0;
  virtual Status SetIntakeOutcome(const EdgeId& edge, const Incarnation& incarnation,
                                  Sequence sequence, Outcome outcome, std::uint16_t reason) = 0;
  virtual Status AdvanceEdge(const EdgeId& edge, Sequence acknowledged_through,
                             const Digest& chain, WallTime now) = 0;
  virtual Status SetEdgeFeedCursor(const EdgeId& edge, FeedCursor cursor, WallTime now) = 0;
  virtual Status CountDuplicates(std::uint64_t more) = 0;

  // --- conflicts, quarantine, locks, studies ---
  virtual Status InsertConflict(const ConflictRow& conflict) = 0;  // kInvariant if one is open.
  virtual Status UpdateConflict(const ConflictRow& conflict) = 0;  // Never lowers severity.
  virtual Status InsertQuarantine(const QuarantineRow& row) = 0;   // Idempotent by revision.
  // Ends a waiting row; or, back to kWaiting with another reason, keeps it.
  virtual Status UpdateQuarantine(const QuarantineRow& row) = 0;
  virtual Status SetLock(const LockRow& lock) = 0;      // kAlreadyExists.
  virtual Status ClearLock(const LockRow& lock) = 0;    // kNotFound. By scope, study, object.
  virtual Status PutStudy(const StudyRow& study) = 0;   // Replaces the same metadata version.
  virtual Status PutPolicy(const PolicyRow& policy) = 0;
  // A feed entry that is no revision. `row.cursor` is given by the store.
  virtual Status AppendFeed(const FeedRow& row) = 0;
  // Begins a new history: no session of the former one fits any more.
  virtual Status SetHistory(const HistoryId& history) = 0;

  // --- audit, numbers, leases ---
  virtual Status AppendAudit(const std::string& actor, const std::string& action,
                             const std::string& object, const std::string& detail) = 0;
  virtual Result<SnowflakeId> NewId() = 0;  // kClock if the clock went back too far.
  virtual WallTime Now() const = 0;         // One time for the whole work.
};

class CentralStore {
 public:
  using Work = std::function<Status(CentralWriter&)>;
  using Done = std::function<void(Status)>;

  virtual ~CentralStore() = default;
  // Works of many callers share a commit; `done` runs after it, on the store's thread. A work
  // that fails is rolled back alone. kBusy when too many wait. `bytes`: about how much memory it holds.
  virtual Status Submit(Work work, Done done, std::size_t bytes) = 0;
  // Submits and waits; mostly a person does, so it goes before the works of Submit() that wait. Not
  // from a work or a Done.
  virtual Status Write(Work work) = 0;
  // How many works wait for the writer. Threads: any.
  virtual std::size_t WorksWaiting() const { return 0; }
  // On a stable snapshot. Not from a work.
  virtual Status Read(const std::function<Status(CentralReader&)>& read) = 0;

  // Wraps every data key by `next` instead, in one transaction with the audit entry "key.rotated".
  // Returns how many. Beside running gateways, which find `next` when they need it.
  virtual Result<std::size_t> RewrapKeys(WrappingKey& next, const std::string& actor,
                                         const std::string& detail) = 0;
  virtual Result<FieldCipher::Keys> DescribeKeys() = 0;

  virtual Status Backup(const std::string& path, const std::function<void(int)>& progress) = 0;
  // Everything that must hold of the stored data; the findings, empty if it holds.
  virtual Result<std::vector<std::string>> Check(
      const std::function<void(std::string_view, int)>& progress) = 0;
  virtual Result<std::vector<std::string>> VerifyAudit(
      std::uint64_t& entry_count, const std::function<void(std::uint64_t)>& progress) = 0;
};

}  // namespace edcsync::central
