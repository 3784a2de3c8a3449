// The judges of a world at rest: the invariants I1 to I9 of the design, over the databases as they
// lie on the disks, by plain SQL (database_view.h) and a second telling of the merge rule
// (merge_model.h). What shows only while a world runs (fencing, windows) is watch.h's.
#pragma once

#include "tests/simulation/world.h"

namespace edcsync::simulation {

// Adds what it finds to world.violations. REQUIRES: the world has healed.
void CheckWorld(World& world);

}  // namespace edcsync::simulation
