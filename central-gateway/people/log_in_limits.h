// How often passwords may be tried, by address and by the whole gateway. What is refused here costs
// nothing: neither a hash nor a row of the audit trail.
//
// Bounded: an address is remembered only while its bucket is not full, for a minute after its last
// attempt, and only attempts that the gateway's own bucket lets through make new ones.
//
// Threads: any. The mutex is a leaf.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "shared/base/status.h"
#include "shared/base/token_bucket.h"

namespace edcsync::central {

class LogInLimits {
 public:
  struct Options {
    double per_minute_of_address = 20;
    double per_minute = 200;
  };

  LogInLimits(const Options& options, MonoTime now);

  // kTooManyAttempts, which says after how many seconds the next one is let through.
  Status Take(const std::string& address, MonoTime now);

  std::size_t address_count() const;

 private:
  void ForgetFull(MonoTime now);

  const Options options_;
  mutable std::mutex mutex_;
  TokenBucket all_;
  std::map<std::string, TokenBucket> by_address_;
  std::size_t forget_at_;
};

}  // namespace edcsync::central
