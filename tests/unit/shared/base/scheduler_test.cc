#include "shared/base/scheduler.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>

namespace edcsync {
namespace {

class EventLoopTest : public testing::Test {
 protected:
  // Returns when everything posted so far has run.
  void Settle() {
    std::promise<void> done;
    loop_.Post([&done] { done.set_value(); });
    done.get_future().wait();
  }
  SystemClock clock_;
  EventLoop loop_{clock_};
};

TEST_F(EventLoopTest, HandlersOfOneThreadRunInTheirOrderOnOneThread) {
  std::vector<int> ran;  // Touched by the loop's thread only.
  for (int i = 0; i < 500; ++i) loop_.Post([&ran, i] { ran.push_back(i); });
  loop_.Start();
  for (int i = 500; i < 1000; ++i) loop_.Post([&ran, i] { ran.push_back(i); });
  Settle();
  ASSERT_EQ(ran.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ran[static_cast<std::size_t>(i)], i);
}

TEST_F(EventLoopTest, TimersRunInTheOrderTheyAreDue) {
  std::vector<int> ran;
  std::promise<void> done;
  loop_.After(30'000, [&] { ran.push_back(3), done.set_value(); });
  loop_.After(1'000, [&] { ran.push_back(1); });
  loop_.After(15'000, [&] { ran.push_back(2); });
  loop_.Start();
  done.get_future().wait();
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
}

TEST_F(EventLoopTest, ATimerNeverRunsBeforeItsTime) {
  loop_.Start();
  std::promise<MonoTime> ran;
  const MonoTime begun = loop_.Now();
  loop_.After(20'000, [&] { ran.set_value(loop_.Now()); });
  EXPECT_GE(ran.get_future().get().us, begun.us + 20'000);
}

TEST_F(EventLoopTest, ACancelledTimerDoesNotRunEvenIfItIsDue) {
  bool ran = false;
  std::promise<void> done;
  loop_.Post([&] {
    const auto doomed = loop_.After(0, [&ran] { ran = true; });
    loop_.Cancel(doomed);
    loop_.Cancel(doomed);
    loop_.Cancel(0);
    loop_.After(1, [&done] { done.set_value(); });
  });
  loop_.Start();
  done.get_future().wait();
  EXPECT_FALSE(ran);
}

TEST_F(EventLoopTest, StopDropsWhatIsQueuedAndReleasesIt) {
  auto held = std::make_shared<int>(1);
  {
    EventLoop other(clock_);
    other.Start();
    other.Stop();
    other.Stop();
    other.Post([held] { ++*held; });
    other.After(0, [held] { ++*held; });
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 1);
}

}  // namespace
}  // namespace edcsync
