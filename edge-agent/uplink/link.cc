#include "edge-agent/uplink/link.h"

#include <algorithm>

namespace edcsync::edge {

Link::Link(LinkOptions options, Transport& transport, Scheduler& scheduler, Random& random)
    : transport_(transport),
      scheduler_(scheduler),
      backoff_(options.retry_base_us, options.retry_max_us, random),
      breaker_(options.breaker) {
  transport_.Listen({[this] {
                       state_ = State::kUp;
                       if (on_up) on_up();
                     },
                     [this](Error why) { Fell(why); },
                     [this](Message message) {
                       if (state_ == State::kUp && on_message) on_message(std::move(message));
                     }});
}

void Link::Open() {
  if (state_ != State::kClosed) return;
  Attempt();
}

void Link::Close() {
  scheduler_.Cancel(timer_);
  if (state_ == State::kUp || state_ == State::kConnecting) transport_.Disconnect();
  state_ = State::kClosed;
}

void Link::Hurry() {
  if (state_ != State::kWaiting) return;
  scheduler_.Cancel(timer_);
  Attempt();
}

void Link::Attempt() {
  if (!breaker_.Allow(scheduler_.Now())) return RetryLater();
  state_ = State::kConnecting;
  transport_.Connect();
}

void Link::RetryLater() {
  state_ = State::kWaiting;
  std::int64_t wait_us = backoff_.NextDelayUs();
  if (breaker_.state() == CircuitBreaker::State::kOpen) {
    wait_us = std::max(wait_us, breaker_.retry_at().us - scheduler_.Now().us);
  }
  timer_ = scheduler_.After(wait_us, [this] { Attempt(); });
}

void Link::Fell(const Error& why) {
  if (state_ == State::kClosed) return;
  breaker_.Failed(scheduler_.Now());
  RetryLater();
  if (on_down) on_down(why);
}

void Link::Useless(const Error& why) {
  if (state_ != State::kUp) return;
  transport_.Disconnect();
  Fell(why);
}

void Link::Proven() {
  breaker_.Succeeded();
  backoff_.Reset();
}

Status Link::Send(const std::string& topic, BytesView payload, bool retained,
                  std::function<void(Status)> confirmed) {
  if (state_ != State::kUp) return Fail(ErrorCode::kNotConnected, "The link is down");
  return transport_.Publish(topic, payload, retained, std::move(confirmed));
}

Status Link::SendTraced(const std::string& topic, BytesView payload,
                        const std::string& trace_parent) {
  if (state_ != State::kUp) return Fail(ErrorCode::kNotConnected, "The link is down");
  return transport_.PublishTraced(topic, payload, trace_parent, [](Status) {});
}

}  // namespace edcsync::edge
