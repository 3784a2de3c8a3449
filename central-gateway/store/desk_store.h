// The conflict desk's part of the central store: the queue, whose work a conflict is, signatures,
// what a study agreed on for the desk. Part of central_store.h, which stages include.
//
//   kept in   tables `conflict_work`, `signature`, `study_setting`, schema/central/0003_desk.sql;
//             `proposal`, `reopening`, schema/central/0004_proposals.sql
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "central-gateway/store/central_types.h"
#include "shared/model/proposal_state.h"
#include "shared/storage/audit_table.h"

namespace edcsync::central {

// Whose work a conflict is.
struct ConflictWork {
  SnowflakeId conflict;
  std::string assignee;             // Empty: nobody's.
  std::string claimed_by;           // Empty: nobody's.
  WallTime claim_expires_at;        // From then on `claimed_by` counts no more.
  std::uint64_t fencing_token = 0;  // Rises with each claim by another.
};

// A part of the trial; an empty OID is all of them.
struct Scope {
  StudyOID study;
  SiteOID site;
  friend auto operator<=>(const Scope&, const Scope&) = default;
};

// True if nothing of the trial lies outside of them.
inline bool CoversAll(const std::vector<Scope>& scopes) {
  return std::find(scopes.begin(), scopes.end(), Scope()) != scopes.end();
}

// When an open conflict should be decided, after its opening.
struct DueTimes {
  std::int64_t hard_ms = 3LL * 24 * 3600 * 1000;
  std::int64_t soft_ms = 10LL * 24 * 3600 * 1000;

  WallTime DueAt(const ConflictRow& conflict) const {
    return {conflict.opened_at.ms + (conflict.severity == Severity::kHard ? hard_ms : soft_ms)};
  }
};

struct QueueFilter {
  std::optional<ConflictEnd> state = ConflictEnd::kOpen;  // nullopt: any.
  std::optional<Severity> severity;
  std::string study, site, subject, event, form;  // OIDs and key; empty: any.
  std::string item;                               // ItemOID in dispute; empty: any.
  std::optional<std::string> assignee;            // "": nobody's.
  std::optional<WallTime> due_before;
  std::vector<std::string> words;  // Each is part of site, subject, event, form, items or assignee.
  std::vector<Scope> scopes;       // Within one of these; none: nothing at all.
  DueTimes due_times;
  // true: only those with a proposal that waits for the site; false: only those without.
  std::optional<bool> at_site = {};
};

enum class QueueSort : std::uint8_t {
  kSeverity, kStudy, kSite, kSubject, kEvent, kForm, kItems, kOpenedAt, kDue, kAssignee,
};

// Where a page begins: behind this row of the order asked for.
struct QueuePlace {
  std::string value;  // Of the column sorted by.
  SnowflakeId conflict;
};

struct QueueOrder {
  QueueSort sort = QueueSort::kDue;
  bool descending = false;
};

struct QueueRow {
  ConflictRow conflict;
  ConflictWork work;
  std::string sort_value;  // What QueuePlace repeats.
  bool at_site = false;    // A proposal waits for the site's answer.
};

struct QueueCounts {
  // Ages of `by_age`, each from its own to the next one's: under 1 day, 1, 3, 7, 14 and 28 days.
  static constexpr std::array<int, 6> kFromHours = {0, 24, 72, 168, 336, 672};
  struct Ages {
    std::uint64_t hard = 0, soft = 0;
  };
  std::uint64_t total = 0, hard = 0, soft = 0, overdue = 0, mine = 0, unassigned = 0, at_site = 0;
  std::array<Ages, kFromHours.size()> by_age;
  struct Site {
    SiteOID site;
    std::uint64_t count = 0;
  };
  std::vector<Site> by_site;  // In the order of their OIDs.
};

// An electronic signature (21 CFR 11.50, 11.70).
struct SignatureRow {
  RevisionId revision;
  std::string user;
  std::string full_name;
  std::string meaning;  // "decided", "approved", "reviewed", "released", "rejected".
  WallTime signed_at;
  bool valid = true;    // Read: its fields still fit together.
};

// What a data manager proposed to the site.
struct ProposalRow {
  SnowflakeId id;
  SnowflakeId conflict;
  RevisionId revision;
  Bytes canonical;           // The resolution's encoding. Sealed at rest.
  std::string proposed_by;
  std::string full_name;     // As signed; empty: by a command.
  WallTime proposed_at;
  ProposalState state = ProposalState::kWaiting;
  std::optional<WallTime> ended_at = {};
  std::string ended_by = {};     // Who answered at the site, or withdrew it.
  EdgeId edge = {};              // Where it was answered.
  std::optional<WallTime> answered_at = {};  // By that edge's clock.
  std::string answer_reason = {};            // Sealed at rest.
};

// Who had an ended conflict decided anew.
struct ReopeningRow {
  SnowflakeId conflict;  // The new one.
  SnowflakeId reopens;
  std::string user;
  WallTime reopened_at;
  std::string reason;    // Sealed at rest.
};

// How a study settles its conflicts (ICH E6(R3) 3.16.1(i)).
enum class ResolutionMode : std::uint8_t {
  kCentral = 1,       // A data manager decides, by a rule agreed beforehand.
  kSiteEndorsed = 2,  // A data manager proposes, the site endorses.
};
std::string_view ToString(ResolutionMode mode);  // "central", "site_endorsed".

// What a study has agreed on for the desk, besides its definition.
struct StudySettings {
  StudyOID study;
  std::vector<ItemOID> blinded_items;  // Only who may see them does.
  std::string reasons;                 // JSON, as in schema/central/0003_desk.sql; empty: none.
  ResolutionMode resolution = ResolutionMode::kCentral;
  std::string resolution_rule = {};    // The agreed rule's text; empty: none was recorded.
};

using AuditFilter = AuditTable::Search;

// The part of CentralReader that is the desk's.
class DeskReader {
 public:
  virtual ~DeskReader() = default;

  // At most `count_max` rows behind `after` (nullptr: from the start).
  virtual Result<std::vector<QueueRow>> ListQueue(const QueueFilter& filter,
                                                  const QueueOrder& order, const QueuePlace* after,
                                                  std::size_t count_max) = 0;
  virtual Result<std::uint64_t> CountQueueRows(const QueueFilter& filter) = 0;
  // `mine` counts this user's; `now` decides age and what is overdue.
  virtual Result<QueueCounts> CountQueue(const QueueFilter& filter, const std::string& user,
                                         WallTime now) = 0;
  virtual Result<ConflictWork> WorkOn(SnowflakeId conflict) = 0;  // Empty if there was none.
  // Oldest first. `state` nullopt: any. `bytes` and `decision_reason` are filled.
  virtual Result<std::vector<QuarantineRow>> QuarantinePage(std::optional<QuarantineEnd> state,
                                                            std::int64_t after_row,
                                                            std::size_t count_max) = 0;
  // How many entries of the feed the edge has still to fetch; beyond 20,000 perhaps more.
  virtual Result<std::uint64_t> FeedBehind(const EdgeRow& edge) = 0;
  virtual Result<std::vector<SnowflakeId>> ConflictsOfRecord(std::int64_t record_id) = 0;
  virtual Result<std::vector<SignatureRow>> SignaturesOf(const RevisionId& revision) = 0;
  virtual Result<std::vector<StudySettings>> ListStudySettings() = 0;
  virtual Result<std::optional<ProposalRow>> FindProposal(SnowflakeId id) = 0;
  virtual Result<std::optional<ProposalRow>> WaitingProposalOf(SnowflakeId conflict) = 0;
  virtual Result<std::vector<ProposalRow>> ProposalsOf(SnowflakeId conflict) = 0;  // Oldest first.
  virtual Result<std::optional<ReopeningRow>> ReopeningOf(SnowflakeId conflict) = 0;
  // The latest conflict that reopened this one.
  virtual Result<std::optional<SnowflakeId>> ReopenedAs(SnowflakeId conflict) = 0;
  virtual Result<std::vector<AuditEntry>> ListAuditNewestFirst(const AuditFilter& filter) = 0;
};

// The part of CentralWriter that is the desk's. The caller appends the audit entries.
class DeskWriter {
 public:
  virtual ~DeskWriter() = default;

  virtual Status PutWork(const ConflictWork& work) = 0;  // The token never falls.
  // Makes anew what the queue repeats of conflicts, records and whose work they are.
  virtual Status RebuildQueue() = 0;
  virtual Status InsertSignature(const SignatureRow& signature) = 0;
  virtual Status PutStudySettings(const StudySettings& settings) = 0;
  virtual Status InsertProposal(const ProposalRow& proposal) = 0;
  virtual Status EndProposal(const ProposalRow& proposal) = 0;  // kStale if it has ended.
  virtual Status InsertReopening(const ReopeningRow& reopening) = 0;
};

}  // namespace edcsync::central
