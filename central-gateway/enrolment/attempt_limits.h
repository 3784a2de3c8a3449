// How often one may ask, by name (an address, an edge): a token bucket each, in memory.
//
// Bounded: a name is remembered only while its bucket is not full, and past kNamesMax names those
// with full buckets are forgotten; if none is full, who is new must wait.
//
// Threads: any. The mutex is a leaf.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "shared/base/status.h"
#include "shared/base/token_bucket.h"

namespace edcsync::central {

class AttemptLimits {
 public:
  AttemptLimits(double per_minute, double burst) : per_minute_(per_minute), burst_(burst) {}

  // kTooManyAttempts, which says after how many seconds the next one is let through.
  Status Take(const std::string& name, MonoTime now);

 private:
  static constexpr std::size_t kNamesMax = 10'000;

  const double per_minute_;
  const double burst_;
  std::mutex mutex_;
  std::map<std::string, TokenBucket> buckets_;
};

}  // namespace edcsync::central
