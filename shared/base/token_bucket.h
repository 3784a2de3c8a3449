// A token bucket: a steady rate with bursts up to a bound. The gateway holds one per edge, in
// frames or bytes, so that one loud edge cannot crowd out the others.
//
//   used by   central-gateway/intake (credit per edge), central-gateway/admin (login attempts)
//
// Invariants: 0 <= level <= burst; time that runs back adds nothing. A bucket starts full.
// Threads: one at a time.
#pragma once

#include <cstdint>

#include "shared/base/time.h"

namespace edcsync {

class TokenBucket {
 public:
  // REQUIRES: per_second > 0, burst > 0.
  TokenBucket(double per_second, double burst, MonoTime now);

  // Takes `count` tokens and returns true, or takes none and returns false.
  // REQUIRES: count >= 0.
  bool Take(double count, MonoTime now);

  // Microseconds until Take(count) would succeed if nothing else were taken; 0 if it would now.
  // INT64_MAX if it never would: `count` is above the burst.
  std::int64_t WaitUs(double count, MonoTime now) const;

 private:
  double LevelAt(MonoTime now) const;

  double per_second_;
  double burst_;
  double level_;
  MonoTime filled_at_;
};

}  // namespace edcsync
