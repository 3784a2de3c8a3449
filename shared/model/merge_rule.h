// The merge rule: higher version wins, nothing is thrown away, and what a rule cannot settle is
// flagged (design: "The merge rule"). Pure functions without I/O or clock, the same at the edge
// and at the centre; their laws are in tests/property.
//
//   used by   central-gateway/merge/merger.h, edge-agent/downlink/feed_applier.h
//
// Heads(set) are the revisions no other revision of the set names as parent. Given the heads H
// and an incoming revision r whose parents P are all known:
//   H \ P empty                    r is the only head                             applied
//   a head has r's content         a convergence revision joins them              converged
//   policy allows, items disjoint  a merge revision joins them                    merged
//   otherwise                      both stay; the winner is current  conflict_won / conflict_lost
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "shared/model/revision.h"

namespace edcsync {

// Numbers are stored and sent.
enum class Outcome : std::uint8_t {
  kApplied = 1,
  kDuplicate = 2,
  kHeld = 3,         // A parent is unknown; waits in quarantine until it comes.
  kQuarantined = 4,  // Waits for a data manager; the reason is an ErrorCode.
  kConverged = 5,
  kMerged = 6,
  kConflictWon = 7,
  kConflictLost = 8,
};
std::string_view ToString(Outcome outcome);

enum class MergePolicy : std::uint8_t { kFlag = 1, kMergeDisjoint = 2 };
enum class Severity : std::uint8_t { kSoft = 1, kHard = 2 };
std::string_view ToString(MergePolicy policy);
std::string_view ToString(Severity severity);

// A revision with its id.
struct KnownRevision {
  RevisionId id;
  Revision revision;
};

// The order of winning: (version, edited_at, revision id), greatest wins.
struct WinKey {
  std::uint32_t version = 0;
  EditTime edited_at;
  RevisionId id;
  friend auto operator<=>(const WinKey&, const WinKey&) = default;
};
inline WinKey WinKeyOf(const KnownRevision& known) {
  return {known.revision.version, known.revision.edited_at, known.id};
}
// REQUIRES: heads not empty.
const KnownRevision& Winner(const std::vector<KnownRevision>& heads);

// (H \ P) with `incoming` added, ascending: the heads once `incoming` is known.
std::vector<RevisionId> NextHeads(const std::vector<RevisionId>& heads,
                                  const std::vector<RevisionId>& parents,
                                  const RevisionId& incoming);

// True if two revisions say the same about the patient.
bool SameContent(const Revision& a, const Revision& b);

// What divides heads from one another.
struct Dispute {
  Severity severity = Severity::kSoft;
  std::vector<ItemPath> items;  // Where heads differ, ascending; empty if only by removal.
};
// Hard if one item was given two values since `ancestor` (nullptr: none), or one head removes
// what another changed. REQUIRES: two heads or more.
Dispute FindDispute(const std::vector<KnownRevision>& heads, const Revision* ancestor);

struct MergeDecision {
  Outcome outcome = Outcome::kApplied;
  // The gateway's convergence or merge revision, for kConverged and kMerged. Its parents are
  // among the heads and `incoming`; apply it next, as any other revision.
  std::optional<Revision> joined;
};

// REQUIRES: heads = NextHeads(...) in full, `incoming` among them. `ancestor`: the best common
// ancestor of all heads, nullptr if none (used for kMergeDisjoint and never needed when one head
// is left). Not `held`, `duplicate` or `quarantined`: those are the caller's, before this.
MergeDecision DecideMerge(const std::vector<KnownRevision>& heads, const RevisionId& incoming,
                          const Revision* ancestor, MergePolicy policy);

// Of all common ancestors of `ids` the one with the greatest (version, id); nullopt if none.
// `parents_of` returns version and parents of a revision; a failure is passed on. Visits at most
// every ancestor once.
struct GraphNode {
  std::uint32_t version = 0;
  std::vector<RevisionId> parents;
};
Result<std::optional<RevisionId>> BestCommonAncestor(
    const std::vector<RevisionId>& ids,
    const std::function<Result<GraphNode>(const RevisionId&)>& node_of);

// kVersionMismatch unless version = 1 + highest of `parent_versions` (1 if none).
Status CheckVersion(const Revision& revision, const std::vector<std::uint32_t>& parent_versions);

}  // namespace edcsync
