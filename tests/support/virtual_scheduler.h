// A Scheduler in virtual time, on the test's own thread: handlers run one after another, and when
// none is left the clock jumps to the next timer. The same seed replays the same world.
#pragma once

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "shared/base/scheduler.h"

namespace edcsync::testing {

class VirtualClock final : public Clock {
 public:
  WallTime Wall() const override { return {1'780'000'000'000 + us_ / 1000}; }
  MonoTime Mono() const override { return {us_}; }
  int UtcOffsetMinutes(WallTime) const override { return 180; }
  void MoveTo(std::int64_t us) { us_ = us; }

 private:
  std::int64_t us_ = 0;
};

class VirtualScheduler final : public Scheduler {
 public:
  explicit VirtualScheduler(VirtualClock& clock) : clock_(clock) {}

  // Runs after each handler: writers without a thread drain here, in order, as theirs would.
  std::vector<std::function<void()>> after_each;

  void Post(Handler handler) override { queue_.push_back(std::move(handler)); }
  TimerId After(std::int64_t delay_us, Handler handler) override {
    const TimerId id = next_timer_++;
    timers_.emplace(std::pair{clock_.Mono().us + delay_us, id}, std::move(handler));
    return id;
  }
  void Cancel(TimerId id) override {
    std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; });
  }
  MonoTime Now() const override { return clock_.Mono(); }

  // True as soon as `reached` is; false if `us_max` of virtual time has passed before.
  bool RunUntil(const std::function<bool()>& reached, std::int64_t us_max) {
    const std::int64_t end = clock_.Mono().us + us_max;
    Settle();
    while (!reached()) {
      if (timers_.empty() || timers_.begin()->first.first > end) {
        clock_.MoveTo(end);
        return false;
      }
      auto first = timers_.extract(timers_.begin());
      clock_.MoveTo(std::max(clock_.Mono().us, first.key().first));
      queue_.push_back(std::move(first.mapped()));
      Settle();
    }
    return true;
  }
  void RunFor(std::int64_t us) {
    (void)RunUntil([] { return false; }, us);
  }

 private:
  void Settle() {
    for (const auto& run : after_each) run();
    while (!queue_.empty()) {
      Handler next = std::move(queue_.front());
      queue_.pop_front();
      next();
      for (const auto& run : after_each) run();
    }
  }

  VirtualClock& clock_;
  std::deque<Handler> queue_;
  std::map<std::pair<std::int64_t, TimerId>, Handler> timers_;
  TimerId next_timer_ = 1;
};

}  // namespace edcsync::testing
