// The link to the broker, kept up for as long as it is wanted: exponential backoff with full
// jitter between attempts, a circuit breaker over them. A connection that the session above
// calls useless (nobody answers) counts as a failed attempt.
//
//   used by   edge-agent/uplink/sync_session.h
//
// Threads: the scheduler's only.
#pragma once

#include "shared/base/backoff.h"
#include "shared/base/circuit_breaker.h"
#include "shared/base/scheduler.h"
#include "shared/transport/transport.h"

namespace edcsync::edge {

struct LinkOptions {
  std::int64_t retry_base_us = 250'000;
  std::int64_t retry_max_us = 30'000'000;
  CircuitBreaker::Options breaker{12, 60'000'000};
};

class Link {
 public:
  enum class State { kClosed, kWaiting, kConnecting, kUp };

  Link(LinkOptions options, Transport& transport, Scheduler& scheduler, Random& random);

  std::function<void()> on_up;
  std::function<void(const Error&)> on_down;   // Lost, or an attempt failed. Retried by itself.
  std::function<void(Message)> on_message;

  // Wants the link up from now on. Idempotent.
  void Open();
  // Wants it down. No event follows.
  void Close();
  // Tries now instead of when the backoff says; no effect unless waiting.
  void Hurry();
  // Up, but of no use: disconnects and tries again later.
  void Useless(const Error& why);
  // Of use: a session was opened over it.
  void Proven();

  Status Send(const std::string& topic, BytesView payload, bool retained,
              std::function<void(Status)> confirmed);
  // The same, not retained, with a traceparent beside it (shared/telemetry/trace_context.h).
  Status SendTraced(const std::string& topic, BytesView payload, const std::string& trace_parent);

  State state() const { return state_; }
  CircuitBreaker::State breaker() const { return breaker_.state(); }

 private:
  void Attempt();
  void RetryLater();
  void Fell(const Error& why);

  Transport& transport_;
  Scheduler& scheduler_;
  Backoff backoff_;
  CircuitBreaker breaker_;
  State state_ = State::kClosed;
  Scheduler::TimerId timer_ = 0;
};

}  // namespace edcsync::edge
