// Applies revisions to the central store by the merge rule (shared/model/merge_rule.h), inside
// one work of the store: revisions, heads, conflicts, quarantine, audit and feed entries of one
// incoming revision stand or fall together.
//
//   used by   central-gateway/intake/push_intake.h, central-gateway/desk
//
// Invariants: a conflict is open exactly where a record has two heads or more, or where a data
// manager opened it again; it lists the record's heads; a proposal waits only while its conflict is
// open with the heads it settles; a revision is in `revision` or in `quarantine`, never in both
// waiting; nothing that came in is dropped.
//
// Threads: one work at a time; make one Merger a work.
#pragma once

#include <deque>

#include "central-gateway/merge/registry_cache.h"
#include "central-gateway/store/central_store.h"

namespace edcsync::central {

// A revision on its way in.
struct Incoming {
  Bytes canonical;
  RevisionId id;                     // SHA-256 of `canonical`.
  Result<Revision> revision = Fail(ErrorCode::kMalformed, "not decoded");
  EdgeId edge;                       // Who sent it; empty: written at the centre.
  Incarnation incarnation;
  Sequence sequence;                 // 0: an offer, a return or the centre's own.
  SiteOID site;                      // The sending edge's; empty: any.
  bool offered = false;              // Carried the centre's mark: any writer of the site.
};

struct MergeResult {
  Outcome outcome = Outcome::kApplied;
  std::uint16_t reason = 0;          // An ErrorCode for kHeld and kQuarantined.
};

class Merger {
 public:
  // Refreshes `registry`.
  static Result<Merger> Begin(CentralWriter& writer, RegistryCache& registry);

  // The outcome is durable when the work's commit is. A known revision is kDuplicate; one known
  // to wait in quarantine gets the outcome it had. `incoming` is as before afterwards.
  Result<MergeResult> Apply(Incoming& incoming);

  // Applies a waiting revision after a person lifted its reason (kLocked, kStudyDefinition).
  // Fails with the reason that still holds otherwise.
  Result<MergeResult> Release(QuarantineRow row, const std::string& user,
                              const std::string& reason);

  // Puts a revision back that was lost here though its record tells of it, or the content of one right
  // that is here and does not open. One that nothing tells of
  // is applied as any other if `as_new`; else nothing is done: nullopt. An ancestor that came before
  // its lost descendants would be taken for a head. Only what a reconciliation asked for comes here.
  Result<std::optional<MergeResult>> Reinstate(Incoming& incoming,
                                               const std::vector<FeedGap>& gaps, bool as_new);

  // Why ApplyOwn would fail now. Writes nothing.
  Status CheckOwn(const Revision& revision);
  // Writes a revision made at the centre by `user` (origin, parents, items given) and applies
  // it. Fails with kLocked, kStudyDefinition, kVersionMismatch, kTooLarge instead of quarantine.
  Result<RevisionId> ApplyOwn(const Revision& revision);

  // Tells the feed what became of a quarantined revision.
  Status TellQuarantine(const QuarantineRow& row);
  // Tells the feed how it stands with a conflict, the proposal that waits for the site included.
  Status TellConflict(const ConflictRow& conflict);

 private:
  Merger(CentralWriter& writer, RegistryCache& registry) : writer_(writer), registry_(registry) {}

  // Why `incoming` may not be applied now, if so.
  struct Obstacle {
    Outcome outcome = Outcome::kQuarantined;
    ErrorCode reason = ErrorCode::kMalformed;
    std::string detail;
    std::optional<RevisionId> missing_parent;
  };
  struct Checked {
    std::optional<Obstacle> obstacle;
    std::optional<RecordState> record;
    std::string nonconformance;
  };
  Result<Checked> Check(const Incoming& incoming, bool lifted);
  Result<std::optional<Obstacle>> CheckParents(const Revision& revision,
                                               const std::optional<RecordState>& record);
  Result<std::optional<Obstacle>> CheckHeads(const RevisionId& id, const Revision& revision,
                                             const std::optional<RecordState>& record);
  Result<std::optional<KnownRevision>> FindReadable(const RevisionId& id);
  Result<MergeResult> Accept(Incoming& incoming, const Checked& checked);
  Result<MergeResult> Insert(Incoming& incoming, const Checked& checked);
  Status InsertRow(Incoming& incoming, const Checked& checked,
                   const std::vector<RevisionId>& heads, const WinKey& current,
                   bool current_removed);
  Result<MergeResult> Mend(const Incoming& incoming);
  Result<MergeResult> Quarantine(const Incoming& incoming, const Obstacle& obstacle);
  Status ApplyHeld();
  Status ApplyHeldRow(QuarantineRow row);
  Status KeepHeld(QuarantineRow row, const Obstacle& obstacle);
  Status EndWaiting(QuarantineRow& row, const std::string& user, const std::string& reason);
  Status UpdateConflict(const RecordState& record, const std::vector<KnownRevision>& heads,
                        const std::optional<KnownRevision>& ancestor, const Incoming& incoming);
  Status OneHeadLeft(const RecordState& before, const Incoming& incoming);
  Status EndConflict(ConflictRow conflict, const Incoming& incoming);
  Result<KnownRevision> Load(const RevisionId& id);

  CentralWriter& writer_;
  RegistryCache& registry_;
  std::deque<RevisionId> arrived_;  // Stored; held children not looked for yet.
};

// An Incoming of bytes received: hashes and decodes them.
Incoming ReadIncoming(Bytes canonical);

}  // namespace edcsync::central
