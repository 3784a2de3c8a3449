// Runs handlers one after another. Whatever comes from outside (a transport's thread, an HTTP
// request, a finished commit) is posted here; each handler runs to its end. In production an
// EventLoop with one thread; in the simulation virtual time on the test's own thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <deque>

#include "shared/base/time.h"

namespace edcsync {

class Scheduler {
 public:
  using Handler = std::function<void()>;
  using TimerId = std::uint64_t;  // Never 0.

  virtual ~Scheduler() = default;
  // Queues `handler`; handlers posted by one thread run in that order. Threads: any.
  virtual void Post(Handler handler) = 0;
  // Runs `handler` once, `delay_us` from now or later. Threads: any.
  virtual TimerId After(std::int64_t delay_us, Handler handler) = 0;
  // After this returns on the scheduler's own thread the handler will not run. An id that has
  // fired or is 0 is passed over.
  virtual void Cancel(TimerId id) = 0;
  virtual MonoTime Now() const = 0;
};

// A Scheduler with a thread of its own.
class EventLoop final : public Scheduler {
 public:
  explicit EventLoop(const Clock& clock) : clock_(clock) {}
  ~EventLoop() override { Stop(); }

  // Starts the thread. REQUIRES: not started before.
  void Start();
  // Ends the thread after the handler that runs now; what is queued is dropped. Idempotent.
  // REQUIRES: not called from a handler.
  void Stop();

  // Posts and waits until it ran; at once if the thread was never started or has ended.
  // REQUIRES: not called from a handler.
  void PostAndWait(Handler handler);

  void Post(Handler handler) override;
  TimerId After(std::int64_t delay_us, Handler handler) override;
  void Cancel(TimerId id) override;
  MonoTime Now() const override { return clock_.Mono(); }

 private:
  void Run();

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Handler> queue_;
  std::map<std::pair<std::int64_t, TimerId>, Handler> timers_;
  std::map<TimerId, std::int64_t> due_us_;
  TimerId next_timer_ = 1;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace edcsync
