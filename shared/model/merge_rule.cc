#include "shared/model/merge_rule.h"

#include <algorithm>
#include <map>
#include <set>

#include "shared/base/check.h"
#include "shared/base/limits.h"
#include "shared/base/planted_defect.h"

namespace edcsync {
namespace {

// The gateway's revision that joins two heads. Everything in it follows from its parents, so two
// gateways that join the same heads write the same revision.
Revision Join(Origin origin, const KnownRevision& a, const KnownRevision& b, FormItems items) {
  const KnownRevision& winner = WinKeyOf(a) < WinKeyOf(b) ? b : a;
  Revision joined;
  joined.key = winner.revision.key;
  joined.site = winner.revision.site;
  joined.origin = origin;
  joined.removed = a.revision.removed && b.revision.removed;
  joined.version = winner.revision.version + 1;
  joined.parents = {std::min(a.id, b.id), std::max(a.id, b.id)};
  joined.metadata_version = winner.revision.metadata_version;
  joined.edited_at = std::max(a.revision.edited_at, b.revision.edited_at);
  ++joined.edited_at.counter;
  joined.utc_offset_minutes = 0;
  joined.reason_for_change = origin == Origin::kConvergence
                                 ? "Two revisions made apart have the same content."
                                 : "Two revisions made apart changed different items.";
  // Random, since both are, and known only to who knows the parents' contents.
  for (std::size_t i = 0; i < joined.salt.size(); ++i) {
    joined.salt[i] = a.revision.salt[i] ^ b.revision.salt[i];
  }
  joined.items = std::move(items);
  return joined;
}

// Two heads of the largest size may not fit one revision together: then no rule settles them.
bool FitsOneRevision(const Revision& joined) {
  return CheckRevision(joined).ok() && EncodeRevision(joined).size() <= limits::kRevisionBytesMax;
}

// `ancestor` with both sides' changes, or nullopt if an item was given two values.
std::optional<FormItems> MergeItems(const Revision& ancestor, const Revision& a,
                                    const Revision& b) {
  if (ancestor.removed || a.removed || b.removed) return std::nullopt;
  FormItems items = ancestor.items;
  const auto changes_a = Diff(ancestor.items, a.items);
  for (const auto& [path, state] : changes_a) SetState(items, path, state);
  for (const auto& [path, state] : Diff(ancestor.items, b.items)) {
    const auto other = changes_a.find(path);
    if (other != changes_a.end() && !(other->second == state)) return std::nullopt;
    SetState(items, path, state);
  }
  return items;
}

}  // namespace

std::string_view ToString(Outcome outcome) {
  switch (outcome) {
    case Outcome::kApplied: return "applied";
    case Outcome::kDuplicate: return "duplicate";
    case Outcome::kHeld: return "held";
    case Outcome::kQuarantined: return "quarantined";
    case Outcome::kConverged: return "converged";
    case Outcome::kMerged: return "merged";
    case Outcome::kConflictWon: return "conflict_won";
    case Outcome::kConflictLost: return "conflict_lost";
  }
  return "applied";
}

std::string_view ToString(MergePolicy policy) {
  return policy == MergePolicy::kFlag ? "flag" : "merge_disjoint";
}

std::string_view ToString(Severity severity) {
  return severity == Severity::kHard ? "hard" : "soft";
}

const KnownRevision& Winner(const std::vector<KnownRevision>& heads) {
  CHECK(!heads.empty());
  return *std::max_element(heads.begin(), heads.end(),
                           [](const KnownRevision& a, const KnownRevision& b) {
                             if (EDCSYNC_DEFECT("wrong-tie-break") &&
                                 a.revision.version == b.revision.version) {
                               return WinKeyOf(b) < WinKeyOf(a);
                             }
                             return WinKeyOf(a) < WinKeyOf(b);
                           });
}

std::vector<RevisionId> NextHeads(const std::vector<RevisionId>& heads,
                                  const std::vector<RevisionId>& parents,
                                  const RevisionId& incoming) {
  std::vector<RevisionId> next;
  for (const RevisionId& head : heads) {
    if (std::find(parents.begin(), parents.end(), head) == parents.end()) next.push_back(head);
  }
  next.insert(std::upper_bound(next.begin(), next.end(), incoming), incoming);
  return next;
}

bool SameContent(const Revision& a, const Revision& b) {
  return a.removed == b.removed && a.items == b.items;
}

Dispute FindDispute(const std::vector<KnownRevision>& heads, const Revision* ancestor) {
  CHECK(heads.size() >= 2);
  Dispute dispute;
  static const FormItems kNone;
  const FormItems& base = ancestor == nullptr ? kNone : ancestor->items;
  std::set<ItemPath> differing;
  for (std::size_t i = 1; i < heads.size(); ++i) {
    for (const auto& [path, state] : Diff(heads[0].revision.items, heads[i].revision.items)) {
      differing.insert(path);
    }
  }
  for (const ItemPath& path : differing) {
    const ItemState before = StateAt(base, path);
    std::optional<ItemState> changed_to;
    for (const KnownRevision& head : heads) {
      const ItemState now = StateAt(head.revision.items, path);
      if (now == before) continue;
      if (changed_to && !(*changed_to == now)) dispute.severity = Severity::kHard;
      changed_to = now;
    }
  }
  const auto removed = [](const KnownRevision& head) { return head.revision.removed; };
  if (std::any_of(heads.begin(), heads.end(), removed) &&
      !std::all_of(heads.begin(), heads.end(), removed)) {
    dispute.severity = Severity::kHard;
  }
  dispute.items.assign(differing.begin(), differing.end());
  return dispute;
}

MergeDecision DecideMerge(const std::vector<KnownRevision>& heads, const RevisionId& incoming,
                          const Revision* ancestor, MergePolicy policy) {
  const auto self = std::find_if(heads.begin(), heads.end(),
                                 [&](const KnownRevision& head) { return head.id == incoming; });
  CHECK(self != heads.end());
  if (heads.size() == 1) return {Outcome::kApplied, std::nullopt};
  for (const KnownRevision& head : heads) {
    if (head.id == incoming || !SameContent(head.revision, self->revision)) continue;
    Revision joined = Join(Origin::kConvergence, head, *self, head.revision.items);
    if (!FitsOneRevision(joined)) break;
    return {Outcome::kConverged, std::move(joined)};
  }
  if (policy == MergePolicy::kMergeDisjoint && heads.size() == 2 && ancestor != nullptr) {
    auto items = MergeItems(*ancestor, heads[0].revision, heads[1].revision);
    if (items) {
      Revision joined = Join(Origin::kMerge, heads[0], heads[1], std::move(*items));
      if (FitsOneRevision(joined)) return {Outcome::kMerged, std::move(joined)};
    }
  }
  const bool won = Winner(heads).id == incoming;
  return {won ? Outcome::kConflictWon : Outcome::kConflictLost, std::nullopt};
}

Result<std::optional<RevisionId>> BestCommonAncestor(
    const std::vector<RevisionId>& ids,
    const std::function<Result<GraphNode>(const RevisionId&)>& node_of) {
  // How many of `ids` reach each revision (a revision reaches itself).
  std::map<RevisionId, std::size_t> reached_by;
  std::map<RevisionId, GraphNode> nodes;
  for (const RevisionId& start : ids) {
    std::set<RevisionId> seen;
    std::vector<RevisionId> open{start};
    while (!open.empty()) {
      const RevisionId id = open.back();
      open.pop_back();
      if (!seen.insert(id).second) continue;
      ++reached_by[id];
      auto node = nodes.find(id);
      if (node == nodes.end()) {
        EDCSYNC_ASSIGN(GraphNode loaded, node_of(id));
        node = nodes.emplace(id, std::move(loaded)).first;
      }
      open.insert(open.end(), node->second.parents.begin(), node->second.parents.end());
    }
  }
  std::optional<RevisionId> best;
  for (const auto& [id, count] : reached_by) {
    if (count != ids.size()) continue;
    if (!best || nodes[*best].version <= nodes[id].version) best = id;
  }
  return best;
}

Status CheckVersion(const Revision& revision, const std::vector<std::uint32_t>& parent_versions) {
  std::uint32_t highest = 0;
  for (const std::uint32_t version : parent_versions) highest = std::max(highest, version);
  if (revision.version == highest + 1) return Ok();
  return Fail(ErrorCode::kVersionMismatch,
              "Version " + std::to_string(revision.version) + " does not follow its parents' " +
                  std::to_string(highest));
}

}  // namespace edcsync
