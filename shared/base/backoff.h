// How long to wait before the next try: exponential backoff with full jitter. The n-th delay is
// uniform in [0, min(max, base * 2^n)], so that a thousand edges which lost the same gateway do
// not come back to it in step.
//
//   used by   edge-agent/uplink (sessions, resends), edge-agent/downlink, shared/transport
//
// Invariants: a delay is never negative and never above the maximum; Reset() starts anew at the
// base. Threads: one at a time.
#pragma once

#include <cstdint>

#include "shared/base/random.h"

namespace edcsync {

class Backoff {
 public:
  // `random` must outlive this object. REQUIRES: 0 < base_us <= max_us < INT64_MAX.
  Backoff(std::int64_t base_us, std::int64_t max_us, Random& random);

  // The delay before the next try, in microseconds. The range doubles with each call.
  std::int64_t NextDelayUs();

  // The try succeeded: the next delay is drawn from [0, base] again.
  void Reset() { ceiling_us_ = base_us_; }

 private:
  std::int64_t base_us_;
  std::int64_t max_us_;
  std::int64_t ceiling_us_;
  Random& random_;
};

}  // namespace edcsync
