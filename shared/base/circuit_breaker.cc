#include "shared/base/circuit_breaker.h"

#include "shared/base/check.h"

namespace edcsync {

CircuitBreaker::CircuitBreaker(Options options) : options_(options) {
  CHECK(options.failures_to_open >= 1);
  CHECK(options.open_us > 0);
}

bool CircuitBreaker::Allow(MonoTime now) {
  if (state_ == State::kClosed) return true;
  if (now < retry_at_) return false;
  state_ = State::kHalfOpen;
  retry_at_ = {now.us + options_.open_us};  // By then this trial counts as failed.
  return true;
}

void CircuitBreaker::Succeeded() {
  state_ = State::kClosed;
  failure_count_ = 0;
}

void CircuitBreaker::Failed(MonoTime now) {
  switch (state_) {
    case State::kClosed:
      if (++failure_count_ >= options_.failures_to_open) Open(now);
      return;
    case State::kHalfOpen:
      Open(now);
      return;
    case State::kOpen:
      return;
  }
}

void CircuitBreaker::Open(MonoTime now) {
  state_ = State::kOpen;
  failure_count_ = 0;
  retry_at_ = {now.us + options_.open_us};
}

}  // namespace edcsync
