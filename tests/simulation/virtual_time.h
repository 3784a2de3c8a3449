// Virtual time: the world's clock and scheduler, the clock of one machine (which may be wrong), and
// the loop of one process (which may hang or be killed). Handlers run one after another on the
// test's own thread; when none is left the world's clock jumps to the next timer. The same seed
// replays the same world.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "shared/base/scheduler.h"

namespace edcsync::simulation {

inline constexpr std::int64_t kSecond = 1'000'000;  // In microseconds, as all durations here.

class WorldClock final : public Clock {
 public:
  WallTime Wall() const override { return {1'780'000'000'000 + us_ / 1000}; }
  MonoTime Mono() const override { return {us_}; }
  int UtcOffsetMinutes(WallTime) const override { return 180; }
  void MoveTo(std::int64_t us) { us_ = us; }

 private:
  std::int64_t us_ = 0;
};

// A machine's clock: its wall time is off by an offset, and drifts.
class MachineClock final : public Clock {
 public:
  explicit MachineClock(const WorldClock& world) : world_(world) {}
  WallTime Wall() const override {
    const std::int64_t since_us = world_.Mono().us - set_at_us_;
    return {world_.Wall().ms + offset_ms_ + since_us / 1000 * drift_ppm_ / 1'000'000};
  }
  MonoTime Mono() const override { return world_.Mono(); }
  int UtcOffsetMinutes(WallTime at) const override { return world_.UtcOffsetMinutes(at); }
  void Set(std::int64_t offset_ms, std::int64_t drift_ppm) {
    offset_ms_ = offset_ms;
    drift_ppm_ = drift_ppm;
    set_at_us_ = world_.Mono().us;
  }

 private:
  const WorldClock& world_;
  std::int64_t offset_ms_ = 0;
  std::int64_t drift_ppm_ = 0;
  std::int64_t set_at_us_ = 0;
};

class WorldScheduler final : public Scheduler {
 public:
  explicit WorldScheduler(WorldClock& clock) : clock_(clock) {}

  void Post(Handler handler) override { queue_.push_back(std::move(handler)); }
  TimerId After(std::int64_t delay_us, Handler handler) override {
    const TimerId id = next_timer_++;
    const std::pair at{clock_.Mono().us + delay_us, id};
    timers_.emplace(at, std::move(handler));
    due_us_.emplace(id, at.first);
    return id;
  }
  void Cancel(TimerId id) override {
    const auto due = due_us_.find(id);
    if (due == due_us_.end()) return;
    timers_.erase({due->second, id});
    due_us_.erase(due);
  }
  MonoTime Now() const override { return clock_.Mono(); }

  // True as soon as `reached` is, which is asked every `step_us`; false if `us_max` have passed.
  bool RunUntil(const std::function<bool()>& reached, std::int64_t step_us, std::int64_t us_max) {
    for (std::int64_t passed = 0; passed < us_max; passed += step_us) {
      if (reached()) return true;
      RunFor(step_us);
    }
    return reached();
  }
  void RunFor(std::int64_t us) {
    const std::int64_t end = clock_.Mono().us + us;
    RunQueue();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      auto first = timers_.extract(timers_.begin());
      due_us_.erase(first.key().second);
      clock_.MoveTo(std::max(clock_.Mono().us, first.key().first));
      queue_.push_back(std::move(first.mapped()));
      RunQueue();
    }
    clock_.MoveTo(end);
  }
  std::uint64_t handlers_run() const { return handlers_run_; }

 private:
  void RunQueue() {
    while (!queue_.empty()) {
      Handler next = std::move(queue_.front());
      queue_.pop_front();
      ++handlers_run_;
      next();
    }
  }

  WorldClock& clock_;
  std::deque<Handler> queue_;
  std::map<std::pair<std::int64_t, TimerId>, Handler> timers_;
  std::map<TimerId, std::int64_t> due_us_;
  TimerId next_timer_ = 1;
  std::uint64_t handlers_run_ = 0;
};

// The loop of one process. Handlers of a process that hangs (SIGSTOP) wait and run, in order, when
// it goes on; those of a killed one never run. `after_each` runs after every handler: writers
// without a thread drain there, as theirs would.
class ProcessLoop final : public Scheduler {
 public:
  ProcessLoop(Scheduler& world, std::function<void()> after_each)
      : world_(world), after_each_(std::move(after_each)) {}
  ~ProcessLoop() override { *alive_ = false; }

  void Post(Handler handler) override {
    world_.Post(Guarded([this, run = std::move(handler)] { RunOrPark(run); }));
  }
  TimerId After(std::int64_t delay_us, Handler handler) override {
    auto id = std::make_shared<TimerId>(0);
    *id = world_.After(delay_us, Guarded([this, id, run = std::move(handler)] {
      RunOrPark([this, id, run] {
        if (armed_.erase(*id) > 0) run();
      });
    }));
    armed_.insert(*id);
    return *id;
  }
  void Cancel(TimerId id) override {
    if (armed_.erase(id) > 0) world_.Cancel(id);
  }
  MonoTime Now() const override { return world_.Now(); }

  bool hanging() const { return hanging_; }
  void Hang(bool hang) {
    hanging_ = hang;
    if (hang) return;
    for (Handler& handler : std::exchange(parked_, {})) Post(std::move(handler));
  }

 private:
  Handler Guarded(Handler handler) {
    return [alive = alive_, run = std::move(handler)] {
      if (*alive) run();
    };
  }
  void RunOrPark(const Handler& run) {
    if (hanging_) {
      parked_.push_back(run);
      return;
    }
    const std::shared_ptr<bool> alive = alive_;
    run();
    if (*alive && after_each_) after_each_();
  }

  Scheduler& world_;
  std::function<void()> after_each_;
  bool hanging_ = false;
  std::vector<Handler> parked_;
  std::set<TimerId> armed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace edcsync::simulation
