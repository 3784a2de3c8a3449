// Makes OpenSSL and SQLite draw their random numbers from a seed, so that keys, nonces and the
// sizes of signatures are the same whenever a world is replayed. For the simulation's process only:
// there is no way back.
#pragma once

#include <cstdint>

namespace edcsync::simulation {

void SeedLibraries(std::uint64_t seed);

}  // namespace edcsync::simulation
