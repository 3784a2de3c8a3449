#include "shared/base/scheduler.h"

#include <future>

#include "shared/base/check.h"

namespace edcsync {

void EventLoop::Start() {
  CHECK(!thread_.joinable());
  thread_ = std::thread([this] { Run(); });
}

void EventLoop::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void EventLoop::PostAndWait(Handler handler) {
  if (!thread_.joinable()) return handler();
  std::promise<void> ran;
  Post([&] {
    handler();
    ran.set_value();
  });
  ran.get_future().wait();
}

void EventLoop::Post(Handler handler) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(handler));
  }
  wake_.notify_one();
}

Scheduler::TimerId EventLoop::After(std::int64_t delay_us, Handler handler) {
  TimerId id;
  {
    std::lock_guard lock(mutex_);
    id = next_timer_++;
    const std::int64_t due_us = clock_.Mono().us + delay_us;
    timers_.emplace(std::pair(due_us, id), std::move(handler));
    due_us_.emplace(id, due_us);
  }
  wake_.notify_one();
  return id;
}

void EventLoop::Cancel(TimerId id) {
  std::lock_guard lock(mutex_);
  const auto found = due_us_.find(id);
  if (found == due_us_.end()) return;
  timers_.erase({found->second, id});
  due_us_.erase(found);
}

void EventLoop::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    Handler handler;
    const auto first = timers_.begin();
    if (first != timers_.end() && first->first.first <= clock_.Mono().us) {
      handler = std::move(first->second);
      due_us_.erase(first->first.second);
      timers_.erase(first);
    } else if (!queue_.empty()) {
      handler = std::move(queue_.front());
      queue_.pop_front();
    } else if (first != timers_.end()) {
      const std::int64_t wait_us = first->first.first - clock_.Mono().us;
      wake_.wait_for(lock, std::chrono::microseconds(wait_us > 0 ? wait_us : 0));
      continue;
    } else {
      wake_.wait(lock);
      continue;
    }
    lock.unlock();
    handler();
    handler = nullptr;  // What it holds is released outside the lock.
    lock.lock();
  }
}

}  // namespace edcsync
