// The reconciliations' part of the central store: what was asked for and came of it, what differed,
// and the walk over a site's revisions as of a point. Part of central_store.h, which stages
// include.
//
//   written by   central-gateway/reconcile, app (the command that asks for one)
//   kept in      tables `reconciliation*`, schema/central/0009_reconciliation.sql
//
// Invariants: at most one of an edge is unfinished; one that ended never alters.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "central-gateway/store/central_types.h"

namespace edcsync::central {

enum class ReconciliationState : std::uint8_t {
  kWaiting = 1,
  kRunning = 2,
  kEqual = 3,
  kMended = 4,  // What differed was brought back; site and centre are equal now.
  kDifferent = 5,
  kFailed = 6,
};
std::string_view ToString(ReconciliationState state);

struct ReconciliationRow {
  SnowflakeId id;
  SiteOID site;
  EdgeId edge;
  std::string asked_by;
  std::string reason;
  WallTime asked_at;
  ReconciliationState state = ReconciliationState::kWaiting;
  std::string step;
  std::uint64_t rounds = 0;
  WallTime changed_at;
  std::optional<WallTime> started_at, ended_at;
  std::uint64_t site_revisions = 0, centre_revisions = 0, explained = 0;
  std::uint64_t bytes_down = 0, bytes_up = 0;
  std::string report;  // Empty: none yet.
  Bytes centre_signature, site_signature;
  std::string centre_pem, site_pem;

  bool unfinished() const { return state <= ReconciliationState::kRunning; }
};

enum class DifferenceKind : std::uint8_t {
  kMissingAtSite = 1,
  kMissingAtCentre = 2,
  kDamagedAtSite = 3,
  kDamagedAtCentre = 4,
};
std::string_view ToString(DifferenceKind kind);

enum class DifferenceOutcome : std::uint8_t { kFound = 1, kBroughtBack = 2, kNotBroughtBack = 3 };
std::string_view ToString(DifferenceOutcome outcome);

struct DifferenceRow {
  RevisionId revision;
  std::string record_key;
  DifferenceKind kind = DifferenceKind::kMissingAtSite;
  DifferenceOutcome outcome = DifferenceOutcome::kFound;
  std::string detail;
  WallTime found_at;
};

// Which revisions of a site count: those that its edge must have at a point of its own.
struct SiteCountOptions {
  SiteOID site;
  EdgeId edge;
  Incarnation incarnation;
  Sequence through;   // Of its outbox.
  FeedCursor cursor;  // Of its feed.
  // Of one snapshot before the point: what the edge sent up to `settled` was in the feed by a
  // cursor no later than the point's, or in quarantine.
  Sequence settled;
};

struct CountedRevision {
  const RecordKey& key;
  const Digest& key_hash;
  RevisionId id;
  bool whole = true;  // False: its content does not open, or hashes to something else.
};

// How an edge's data were last found.
struct LastComparison {
  std::optional<ReconciliationRow> ended;  // The newest that ended, however.
  std::uint64_t differences = 0;           // That it named,
  std::uint64_t not_brought_back = 0;      // and those of them that stand.
  std::optional<WallTime> compared_at;     // The newest that could be finished ended then.
};

// True if the schedule was not kept: a quarter of its period after an edge was due at the latest, it
// was not compared. `added_at`: of an edge that never was. `every_ms` 0: there is no schedule.
inline bool IsComparisonOverdue(const LastComparison& last, WallTime added_at,
                                std::int64_t every_ms, WallTime now) {
  return every_ms > 0 &&
         now.ms - last.compared_at.value_or(added_at).ms > every_ms + every_ms / 4;
}

// A feed entry whose revision is gone.
struct FeedGap {
  std::int64_t revision_rowid = 0;
  EdgeId edge;  // Who captured it; empty: the centre.
};

class ReconciliationReader {
 public:
  virtual ~ReconciliationReader() = default;

  virtual Result<std::optional<ReconciliationRow>> FindReconciliation(SnowflakeId id) = 0;
  // Newest first; of every edge and site if empty.
  virtual Result<std::vector<ReconciliationRow>> ListReconciliations(const std::string& edge,
                                                                     const std::string& site,
                                                                     std::size_t count_max) = 0;
  virtual Result<std::vector<ReconciliationRow>> ListUnfinishedReconciliations() = 0;
  // The edge's newest by the time they were asked for.
  virtual Result<std::vector<ReconciliationRow>> RecentReconciliations(const EdgeId& edge,
                                                                       std::size_t count_max) = 0;
  virtual Result<LastComparison> LastComparisonOf(const EdgeId& edge) = 0;
  // In order of record key; after `after` (nullptr: from the start).
  virtual Result<std::vector<DifferenceRow>> ListDifferences(SnowflakeId id,
                                                             const RevisionId* after,
                                                             std::size_t count_max) = 0;
  // Calls `each` once for every revision that counts, those in quarantine included; returns how
  // many records they are of.
  virtual Result<std::uint64_t> CountSite(
      const SiteCountOptions& options,
      const std::function<Status(const CountedRevision&)>& each) = 0;
  virtual Result<std::vector<FeedGap>> FindFeedGaps(const SiteOID& site, std::size_t count_max) = 0;
  // False if it is here and does not open, or hashes to something else. kNotFound.
  virtual Result<bool> IsRevisionWhole(const RevisionId& id) = 0;
  // True if the record's rows show that this revision was once here: a head, or a parent of one
  // that is.
  virtual Result<bool> IsRemembered(const RecordState& record, const RevisionId& id) = 0;
};

class ReconciliationWriter {
 public:
  virtual ~ReconciliationWriter() = default;

  virtual Status InsertReconciliation(const ReconciliationRow& row) = 0;  // kAlreadyExists.
  virtual Status UpdateReconciliation(const ReconciliationRow& row) = 0;  // kStale if it ended.
  virtual Status PutDifference(SnowflakeId id, const DifferenceRow& row) = 0;
  // Puts a lost revision that IsRemembered back, in the row of a feed entry that lost its own, if
  // one of `gaps` fits; heads and current revision stay as they are. `row.canonical` hashes to its
  // id. It enters the feed again, for readers that had to pass it over.
  virtual Status ReinstateRevision(const RecordState& record, const RevisionRow& row,
                                   const std::vector<FeedGap>& gaps) = 0;
  // Puts the content of a revision that is here and does not open right; the feed likewise.
  // kInvariant if it opens.
  virtual Status MendRevision(const RevisionRow& row) = 0;
};

}  // namespace edcsync::central
