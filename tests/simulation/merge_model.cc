#include "tests/simulation/merge_model.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

namespace edcsync::simulation {
namespace {

// "GROUP[REPEAT]/ITEM" to its value, "=text" or "?" for not done.
using Flat = std::map<std::string, std::string>;

Flat Flatten(const Revision& revision) {
  Flat flat;
  for (const auto& [group, items] : revision.items) {
    for (const auto& [item, value] : items) {
      flat[group.oid.str() + "[" + group.repeat.str() + "]/" + item.str()] =
          value ? "=" + *value : "?";
    }
  }
  return flat;
}

// What `flat` has at `path`: nothing, or its value.
std::string At(const Flat& flat, const std::string& path) {
  const auto found = flat.find(path);
  return found == flat.end() ? "" : found->second;
}

std::set<std::string> Paths(const std::vector<Flat>& flats) {
  std::set<std::string> paths;
  for (const Flat& flat : flats) {
    for (const auto& [path, value] : flat) paths.insert(path);
  }
  return paths;
}

std::set<RevisionId> AncestorsOf(const RevisionSet& revisions, const RevisionId& id) {
  std::set<RevisionId> seen;
  std::vector<RevisionId> open{id};
  while (!open.empty()) {
    const RevisionId next = open.back();
    open.pop_back();
    if (!seen.insert(next).second) continue;
    const auto& parents = revisions.at(next).parents;
    open.insert(open.end(), parents.begin(), parents.end());
  }
  return seen;
}

// Of what all have in their past, the greatest by (version, id).
std::optional<RevisionId> CommonAncestor(const RevisionSet& revisions,
                                         const std::vector<RevisionId>& ids) {
  std::set<RevisionId> common = AncestorsOf(revisions, ids.at(0));
  for (const RevisionId& id : ids) {
    const std::set<RevisionId> its = AncestorsOf(revisions, id);
    std::erase_if(common, [&](const RevisionId& candidate) { return !its.contains(candidate); });
  }
  if (common.empty()) return std::nullopt;
  return *std::max_element(common.begin(), common.end(),
                           [&](const RevisionId& a, const RevisionId& b) {
                             return std::pair(revisions.at(a).version, a) <
                                    std::pair(revisions.at(b).version, b);
                           });
}

bool SaySame(const Revision& a, const Revision& b) {
  return a.removed == b.removed && Flatten(a) == Flatten(b);
}

// The three-way merge, if no item was given two values.
std::optional<Flat> Merged(const Flat& base, const Flat& a, const Flat& b) {
  Flat merged;
  for (const std::string& path : Paths({base, a, b})) {
    const std::string was = At(base, path);
    const std::string left = At(a, path);
    const std::string right = At(b, path);
    if (left != was && right != was && left != right) return std::nullopt;
    const std::string now = left != was ? left : right;
    if (!now.empty()) merged[path] = now;
  }
  return merged;
}

// What may be joined of two revisions by rule, if anything.
std::optional<Flat> DisjointMerge(const RevisionSet& revisions, const RevisionId& a,
                                  const RevisionId& b) {
  const auto ancestor = CommonAncestor(revisions, {a, b});
  if (!ancestor) return std::nullopt;
  const Revision& base = revisions.at(*ancestor);
  const Revision& left = revisions.at(a);
  const Revision& right = revisions.at(b);
  if (base.removed || left.removed || right.removed) return std::nullopt;
  return Merged(Flatten(base), Flatten(left), Flatten(right));
}

std::string CheckJoin(const RevisionSet& revisions, const RevisionId& id, bool merge_disjoint) {
  const Revision& join = revisions.at(id);
  const std::string name = id.ToHex();
  if (join.parents.size() != 2) return "a join of not two parents: " + name;
  const Revision& a = revisions.at(join.parents[0]);
  const Revision& b = revisions.at(join.parents[1]);
  if (join.origin == Origin::kConvergence) {
    const bool right = SaySame(a, b) && SaySame(a, join);
    return right ? "" : "a convergence of what is not the same: " + name;
  }
  const auto merged = DisjointMerge(revisions, join.parents[0], join.parents[1]);
  if (!merge_disjoint) return "a merge the policy does not allow: " + name;
  if (!merged || *merged != Flatten(join)) return "a merge its parents do not give: " + name;
  return "";
}

}  // namespace

ModelView ViewOf(const RevisionSet& revisions) {
  std::set<RevisionId> has_child;
  for (const auto& [id, revision] : revisions) {
    has_child.insert(revision.parents.begin(), revision.parents.end());
  }
  ModelView view;
  const auto rank = [&](const RevisionId& id) {
    const Revision& revision = revisions.at(id);
    return std::tuple(revision.version, revision.edited_at.ms, revision.edited_at.counter, id);
  };
  for (const auto& [id, revision] : revisions) {
    if (has_child.contains(id)) continue;
    if (view.heads.empty() || rank(view.current) < rank(id)) view.current = id;
    view.heads.push_back(id);
  }
  return view;
}

std::vector<std::string> FaultsOf(const RevisionSet& revisions, bool merge_disjoint) {
  std::vector<std::string> faults;
  for (const auto& [id, revision] : revisions) {
    std::uint32_t highest = 0;
    bool whole = true;
    for (const RevisionId& parent : revision.parents) {
      const auto found = revisions.find(parent);
      whole = whole && found != revisions.end();
      if (found != revisions.end()) highest = std::max(highest, found->second.version);
    }
    if (!whole) {
      faults.push_back("a parent is not there: of " + id.ToHex());
      return faults;  // Nothing below can be computed.
    }
    if (revision.version != highest + 1) faults.push_back("a wrong version: " + id.ToHex());
    if (revision.origin != Origin::kConvergence && revision.origin != Origin::kMerge) continue;
    std::string fault = CheckJoin(revisions, id, merge_disjoint);
    if (!fault.empty()) faults.push_back(std::move(fault));
  }
  const std::vector<RevisionId> heads = ViewOf(revisions).heads;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    for (std::size_t k = i + 1; k < heads.size(); ++k) {
      if (!SaySame(revisions.at(heads[i]), revisions.at(heads[k]))) continue;
      faults.push_back("two heads say the same: " + heads[i].ToHex() + " " + heads[k].ToHex());
    }
  }
  if (heads.size() == 2 && merge_disjoint && DisjointMerge(revisions, heads[0], heads[1])) {
    faults.push_back("two heads that merge: " + heads[0].ToHex() + " " + heads[1].ToHex());
  }
  return faults;
}

bool IsHard(const RevisionSet& revisions, const std::vector<RevisionId>& heads) {
  const auto ancestor = CommonAncestor(revisions, heads);
  const Flat base = ancestor ? Flatten(revisions.at(*ancestor)) : Flat();
  std::vector<Flat> flats;
  std::set<bool> removed;
  for (const RevisionId& head : heads) {
    flats.push_back(Flatten(revisions.at(head)));
    removed.insert(revisions.at(head).removed);
  }
  if (removed.size() == 2) return true;
  for (const std::string& path : Paths(flats)) {
    std::set<std::string> changed_to;
    for (const Flat& flat : flats) {
      if (At(flat, path) != At(base, path)) changed_to.insert(At(flat, path));
    }
    if (changed_to.size() > 1) return true;
  }
  return false;
}

std::size_t ConflictsOf(const std::vector<RevisionId>& order, const RevisionSet& revisions,
                        bool joins_count) {
  std::size_t count = 0;
  bool open = false;
  std::set<RevisionId> heads;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Revision& revision = revisions.at(order[i]);
    for (const RevisionId& parent : revision.parents) heads.erase(parent);
    heads.insert(order[i]);
    // A join is written in the transaction of the revision that it joins, right after it.
    bool joined = false;
    if (joins_count && i + 1 < order.size()) {
      const Revision& next = revisions.at(order[i + 1]);
      joined = (next.origin == Origin::kConvergence || next.origin == Origin::kMerge) &&
               std::count(next.parents.begin(), next.parents.end(), order[i]) > 0;
    }
    if (heads.size() > 1 && !joined && !open) {
      open = true;
      ++count;
    }
    if (heads.size() == 1) open = false;
  }
  return count;
}

}  // namespace edcsync::simulation
