// The merge rule told a second time, from the design's text alone, over whole sets of revisions:
// what the product computes step by step is compared with what this computes at once. It shares
// no code with shared/model/merge_rule.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "shared/model/revision.h"

namespace edcsync::simulation {

// Revisions of one record, by id.
using RevisionSet = std::map<RevisionId, Revision>;

struct ModelView {
  std::vector<RevisionId> heads;  // Ascending.
  RevisionId current;
};
// REQUIRES: not empty.
ModelView ViewOf(const RevisionSet& revisions);

// What is wrong with the set itself: a version that is not 1 + its parents' highest, a parent of
// another record, a convergence or merge that its parents do not justify, two heads that a rule
// should have settled (`merge_disjoint`: the study lets it). Empty if nothing.
std::vector<std::string> FaultsOf(const RevisionSet& revisions, bool merge_disjoint);

// True if the heads give one item two values since their best common ancestor, or one removes
// what another keeps. REQUIRES: two heads or more.
bool IsHard(const RevisionSet& revisions, const std::vector<RevisionId>& heads);

// How often the record went from one head to several that no rule joined at once, with its
// revisions arriving in this order: so many conflicts it must have had. A join right after what it
// joins is taken for the rule's own work, unless not `joins_count`: a restored centre is offered
// joins of its former life.
std::size_t ConflictsOf(const std::vector<RevisionId>& order, const RevisionSet& revisions,
                        bool joins_count);

}  // namespace edcsync::simulation
