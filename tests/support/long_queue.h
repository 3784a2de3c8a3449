// A queue of many open conflicts in a central store, as after a long outage of many sites: for the
// benchmark of the desk's server and for its page. The records are written as the store takes them,
// without edges, so that a hundred thousand take seconds.
//
//   used by   tests/bench/desk.h, tests/browser/seed_queue.cc
#pragma once

#include <cstdint>

#include "central-gateway/store/central_store.h"
#include "shared/base/random.h"

namespace edcsync::testing {

// Adds `count` open conflicts of study CDISCPILOT01 at 40 sites, two heads each; a third are soft,
// half are somebody's, their ages go up to five weeks. REQUIRES: a store without a writer's thread,
// and without such records.
Status AddOpenConflicts(central::CentralStore& store, const Clock& clock, Random& random,
                        std::uint64_t count);

}  // namespace edcsync::testing
