// The laws of the merge rule, over random histories of one record. A history is built as edges
// apart would: each new revision descends from some of those before it.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "shared/crypto/revision_id.h"
#include "shared/model/merge_rule.h"
#include "tests/property/pick.h"

namespace edcsync {
namespace {

using History = std::vector<KnownRevision>;  // Parents before their children.

const ItemGroupKey kGroup{ItemGroupOID("IG"), RepeatKey("1")};
ItemOID Item(int number) { return ItemOID("IT." + std::to_string(number)); }

Revision Blank() {
  Revision revision;
  revision.key = {StudyOID("S"), SubjectKey("01"), StudyEventOID("E"), RepeatKey("1"),
                  FormOID("F"), RepeatKey("1")};
  revision.site = SiteOID("SITE.702");
  revision.edge = EdgeId("kisumu-1");
  return revision;
}

KnownRevision Known(Revision revision) {
  const RevisionId id = IdOf(EncodeRevision(revision));
  return {id, std::move(revision)};
}

const KnownRevision& Find(const History& history, const RevisionId& id) {
  return *std::find_if(history.begin(), history.end(),
                       [&](const KnownRevision& known) { return known.id == id; });
}

// A child of `parents` with some items changed, or removed.
KnownRevision Child(const History& parents) {
  Revision revision = Blank();
  std::uint32_t highest = 0;
  for (const KnownRevision& parent : parents) {
    revision.parents.push_back(parent.id);
    if (parent.revision.version >= highest) revision.items = parent.revision.items;
    highest = std::max(highest, parent.revision.version);
  }
  std::sort(revision.parents.begin(), revision.parents.end());
  revision.version = highest + 1;
  revision.edited_at = {Pick<std::int64_t>(0, 5), 0};
  for (auto& byte : revision.salt) byte = Pick<std::uint8_t>(0, 255);
  if (Pick(0, 12) == 0) {
    revision.removed = true;
    revision.items.clear();
    return Known(std::move(revision));
  }
  const int changes = Pick(0, 4);
  for (int i = 0; i < changes; ++i) {
    const ItemPath path{kGroup, Item(Pick(0, 5))};
    const int value = Pick(-2, 3);
    if (value == -2) {
      SetState(revision.items, path, {});
    } else {
      SetState(revision.items, path,
               {true, value == -1 ? ItemValue() : ItemValue(std::to_string(value))});
    }
  }
  return Known(std::move(revision));
}

History AnyHistory() {
  History history{Child({})};
  const std::size_t count = Pick<std::size_t>(1, 12);
  while (history.size() < count) {
    std::set<std::size_t> places;
    const int parents = Pick(1, 3);
    for (int i = 0; i < parents; ++i) {
      places.insert(Pick<std::size_t>(0, history.size()));
    }
    History chosen;
    for (const std::size_t place : places) chosen.push_back(history[place]);
    history.push_back(Child(chosen));
  }
  return history;
}

// One end of the sync: what it knows and its heads. Revisions whose parents are unknown wait.
class World {
 public:
  void Deliver(const KnownRevision& incoming) {
    if (known_.contains(incoming.id)) return;
    for (const RevisionId& parent : incoming.revision.parents) {
      if (!known_.contains(parent)) {
        waiting_.push_back(incoming);
        return;
      }
    }
    known_.emplace(incoming.id, incoming);
    heads_ = NextHeads(heads_, incoming.revision.parents, incoming.id);
    const History waited = std::exchange(waiting_, {});
    for (const KnownRevision& one : waited) Deliver(one);
  }
  const std::vector<RevisionId>& heads() const { return heads_; }
  History Heads() const {
    History heads;
    for (const RevisionId& id : heads_) heads.push_back(known_.at(id));
    return heads;
  }
  const Revision* Ancestor() const {
    const auto best = BestCommonAncestor(heads_, [&](const RevisionId& id) -> Result<GraphNode> {
      return GraphNode{known_.at(id).revision.version, known_.at(id).revision.parents};
    });
    return *best ? &known_.at(**best).revision : nullptr;
  }

 private:
  std::map<RevisionId, KnownRevision> known_;
  std::vector<RevisionId> heads_;
  History waiting_;
};

// The definition, from the whole set: what nobody names as parent.
std::vector<RevisionId> NaiveHeads(const History& history) {
  std::set<RevisionId> heads;
  for (const KnownRevision& known : history) heads.insert(known.id);
  for (const KnownRevision& known : history) {
    for (const RevisionId& parent : known.revision.parents) heads.erase(parent);
  }
  return {heads.begin(), heads.end()};
}

std::set<RevisionId> Ancestry(const History& history, const RevisionId& id) {
  std::set<RevisionId> all{id};
  for (const RevisionId& parent : Find(history, id).revision.parents) {
    all.merge(Ancestry(history, parent));
  }
  return all;
}

// An item was given two values: each path's set of states that are not the ancestor's.
bool NaivelyHard(const History& heads, const Revision* ancestor) {
  std::set<bool> removed;
  for (const KnownRevision& head : heads) removed.insert(head.revision.removed);
  if (removed.size() == 2) return true;
  for (int item = 0; item < 5; ++item) {
    const ItemPath path{kGroup, Item(item)};
    const ItemState before = ancestor ? StateAt(ancestor->items, path) : ItemState();
    std::set<std::pair<bool, ItemValue>> given;
    for (const KnownRevision& head : heads) {
      const ItemState now = StateAt(head.revision.items, path);
      if (!(now == before)) given.emplace(now.present, now.value);
    }
    if (given.size() > 1) return true;
  }
  return false;
}

RC_GTEST_PROP(MergeLaw, HeadsAndCurrentFollowFromTheSetAloneNotFromOrderOrRepeats, ()) {
  const History history = AnyHistory();
  World in_order;
  for (const KnownRevision& known : history) in_order.Deliver(known);
  RC_ASSERT(in_order.heads() == NaiveHeads(history));

  World shuffled;
  History deliveries = history;
  deliveries.insert(deliveries.end(), history.begin(), history.end());
  for (std::size_t i = deliveries.size(); i > 1; --i) {
    std::swap(deliveries[i - 1], deliveries[Pick<std::size_t>(0, i)]);
  }
  for (const KnownRevision& known : deliveries) shuffled.Deliver(known);
  RC_ASSERT(shuffled.heads() == in_order.heads());
  RC_ASSERT(Winner(shuffled.Heads()).id == Winner(in_order.Heads()).id);
  History reversed = in_order.Heads();
  std::reverse(reversed.begin(), reversed.end());
  RC_ASSERT(Winner(reversed).id == Winner(in_order.Heads()).id);
}

RC_GTEST_PROP(MergeLaw, AFastForwardIsNeverFlaggedAndADivergenceAlwaysIs, ()) {
  const History history = AnyHistory();
  World world;
  for (const KnownRevision& known : history) {
    const std::vector<RevisionId> before = world.heads();
    world.Deliver(known);
    const History heads = world.Heads();
    const MergeDecision decision = DecideMerge(
        heads, known.id, heads.size() > 1 ? world.Ancestor() : nullptr, MergePolicy::kFlag);
    const bool descends_from_all = std::ranges::all_of(before, [&](const RevisionId& head) {
      return Ancestry(history, known.id).contains(head);
    });
    const bool same = std::ranges::any_of(heads, [&](const KnownRevision& head) {
      return head.id != known.id && head.revision.removed == known.revision.removed &&
             head.revision.items == known.revision.items;
    });
    if (descends_from_all) {
      RC_ASSERT(decision.outcome == Outcome::kApplied);
    } else if (same) {
      RC_ASSERT(decision.outcome == Outcome::kConverged);
    } else {
      RC_ASSERT(decision.outcome == (Winner(heads).id == known.id ? Outcome::kConflictWon
                                                                  : Outcome::kConflictLost));
    }
  }
}

RC_GTEST_PROP(MergeLaw, AJoinedRevisionIsWellFormedTheSameFromEitherSideAndLosesNoChange, ()) {
  const History base{Child({})};
  const KnownRevision a = Child(base);
  const KnownRevision b = Child(base);
  RC_PRE(a.id != b.id);
  const Revision* ancestor = &base[0].revision;
  const auto joined =
      DecideMerge({a, b}, b.id, ancestor, MergePolicy::kMergeDisjoint).joined;
  RC_ASSERT(DecideMerge({b, a}, a.id, ancestor, MergePolicy::kMergeDisjoint).joined == joined);
  const bool hard = FindDispute({a, b}, ancestor).severity == Severity::kHard;
  const bool removal = ancestor->removed || a.revision.removed || b.revision.removed;
  if (!SameContent(a.revision, b.revision)) RC_ASSERT(joined.has_value() == !(hard || removal));
  if (!joined) return;
  RC_ASSERT(CheckRevision(*joined).ok());
  RC_ASSERT(CheckVersion(*joined, {a.revision.version, b.revision.version}).ok());
  RC_ASSERT(NextHeads({std::min(a.id, b.id), std::max(a.id, b.id)}, joined->parents,
                      Known(*joined).id)
                .size() == 1u);
  for (const KnownRevision& side : {a, b}) {
    for (const auto& [path, state] : Diff(ancestor->items, side.revision.items)) {
      RC_ASSERT(StateAt(joined->items, path) == state);
    }
  }
  for (const auto& [path, state] : Diff(ancestor->items, joined->items)) {
    RC_ASSERT(StateAt(a.revision.items, path) == state ||
              StateAt(b.revision.items, path) == state);
  }
}

RC_GTEST_PROP(MergeLaw, AResolutionWinsEverywhereAndLeavesOneHead, ()) {
  History history = AnyHistory();
  World centre;
  for (const KnownRevision& known : history) centre.Deliver(known);
  const KnownRevision resolution = Child(centre.Heads());
  history.push_back(resolution);
  World edge;
  for (std::size_t i = history.size(); i > 0; --i) edge.Deliver(history[i - 1]);  // Backwards.
  centre.Deliver(resolution);
  RC_ASSERT(centre.heads() == std::vector{resolution.id});
  RC_ASSERT(edge.heads() == std::vector{resolution.id});
  for (const KnownRevision& known : history) {
    RC_ASSERT(known.id == resolution.id || Winner({known, resolution}).id == resolution.id ||
              known.revision.version >= resolution.revision.version);
  }
  RC_ASSERT(Winner(edge.Heads()).id == resolution.id);
}

RC_GTEST_PROP(MergeLaw, SeverityIsHardExactlyIfOneItemHasTwoValues, ()) {
  const History history = AnyHistory();
  World world;
  for (const KnownRevision& known : history) world.Deliver(known);
  for (int i = 0; i < 2; ++i) world.Deliver(Child({history[0]}));  // At least two heads,
  RC_PRE(world.heads().size() > 1);                                // but for equal twins.
  const Revision* ancestor = world.Ancestor();
  const Dispute dispute = FindDispute(world.Heads(), ancestor);
  RC_ASSERT((dispute.severity == Severity::kHard) == NaivelyHard(world.Heads(), ancestor));
  RC_ASSERT(std::ranges::is_sorted(dispute.items));
}

RC_GTEST_PROP(MergeLaw, TheBestCommonAncestorIsTheGreatestOfAllCommonOnes, ()) {
  const History history = AnyHistory();
  World world;
  for (const KnownRevision& known : history) world.Deliver(known);
  std::vector<KnownRevision> common;
  for (const KnownRevision& known : history) {
    const bool of_all = std::ranges::all_of(world.heads(), [&](const RevisionId& head) {
      return Ancestry(history, head).contains(known.id);
    });
    if (of_all) common.push_back(known);
  }
  const auto greatest = std::ranges::max_element(common, {}, [](const KnownRevision& known) {
    return std::pair(known.revision.version, known.id);
  });
  RC_ASSERT(greatest != common.end());  // All descend from the first.
  RC_ASSERT(*world.Ancestor() == greatest->revision);
}

}  // namespace
}  // namespace edcsync
