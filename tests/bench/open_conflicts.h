// Open conflicts made by the store's own calls, without the merge: many of them in seconds.
#pragma once

#include <cstdint>

#include "central-gateway/store/central_store.h"
#include "shared/base/random.h"

namespace edcsync::bench {

// Adds conflicts [0, count), of 40 sites. Abandons on any error.
void AddOpenConflicts(central::CentralStore& store, const Clock& clock, Random& random,
                      std::uint64_t count);

}  // namespace edcsync::bench
