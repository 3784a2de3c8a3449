// Is this machine's clock right? Asked of the kernel (does anything discipline it) and of the other
// side (how far off it was when they last spoke).
#pragma once

#include <optional>

#include "shared/base/time.h"
#include "shared/doctor/finding.h"

namespace edcsync::doctor {

// What adjtimex(2) tells.
struct KernelClock {
  bool known = false;         // False: the kernel does not tell here.
  bool synchronised = false;  // A time service disciplines the clock.
  std::int64_t error_ms_max = 0;
};
KernelClock ReadKernelClock();

Finding CheckKernelClock(const KernelClock& kernel);

struct Drift {
  std::optional<std::int64_t> ms;        // This machine's clock minus the centre's.
  std::optional<WallTime> measured_at;   // By this machine's clock.
};
// "clock.drift": against the centre in the last session; and the clock must not have gone back
// behind that session.
Finding CheckDrift(const Drift& drift, WallTime now);

}  // namespace edcsync::doctor
