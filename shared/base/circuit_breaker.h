// A circuit breaker over a link or a peer. After so many failures in a row it opens: nothing is
// tried until a time has passed, then one trial goes through (half-open). The trial's success
// closes it, its failure opens it for the same time again.
//
//   kClosed ──failures──► kOpen ──time──► kHalfOpen ──success──► kClosed
//                           ▲                 └──────failure──────┘
//   used by   edge-agent/uplink, webhooks and mail of the central gateway
//
// Invariants: while open, Allow() is false before retry_at(); while half-open one trial is out and
// Allow() is false. A trial whose outcome never comes counts as failed once `open_us` has passed
// since it was let through, so that a lost answer cannot keep the circuit shut out for ever.
// Threads: one at a time.
#pragma once

#include <cstdint>

#include "shared/base/time.h"

namespace edcsync {

class CircuitBreaker {
 public:
  struct Options {
    int failures_to_open;  // In a row; at least 1.
    std::int64_t open_us;  // From the opening to the trial; above 0.
  };
  enum class State { kClosed, kOpen, kHalfOpen };

  explicit CircuitBreaker(Options options);

  // True if a try may be made now. When the open time is over this call is the one trial: its
  // caller must report Succeeded() or Failed().
  bool Allow(MonoTime now);

  void Succeeded();
  // A late failure of a try made before the circuit opened does not prolong the open time.
  void Failed(MonoTime now);

  State state() const { return state_; }
  // When Allow() may next be true, while not closed.
  MonoTime retry_at() const { return retry_at_; }

 private:
  void Open(MonoTime now);

  Options options_;
  State state_ = State::kClosed;
  int failure_count_ = 0;
  MonoTime retry_at_;
};

}  // namespace edcsync
