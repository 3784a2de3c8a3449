// What reconciliation does in a world at rest: it finds both sides equal; what then is lost or damaged
// behind a database's back is found by it, named as what it is and nothing else, and mended.
#pragma once

#include "tests/simulation/world.h"

namespace edcsync::simulation {

// REQUIRES: the world is at rest; it is again when this returns, or there is a violation.
void Reconcile(World& world);

}  // namespace edcsync::simulation
