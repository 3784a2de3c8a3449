#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "shared/base/backoff.h"
#include "shared/base/circuit_breaker.h"
#include "shared/base/token_bucket.h"

namespace edcsync {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

MonoTime At(double seconds) { return {static_cast<std::int64_t>(seconds * kSecondUs)}; }

TEST(Backoff, EachRangeDoublesUpToTheMaximum) {
  SeededRandom random(1);
  for (int world = 0; world < 500; ++world) {
    Backoff backoff(1000, 10'000, random);
    for (std::int64_t ceiling : {1000, 2000, 4000, 8000, 10'000, 10'000}) {
      const std::int64_t delay = backoff.NextDelayUs();
      EXPECT_GE(delay, 0);
      EXPECT_LE(delay, ceiling);
    }
  }
}

TEST(Backoff, DelaysReachBothEndsOfTheirRange) {
  SeededRandom random(2);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(Backoff(3, 100, random).NextDelayUs());
  EXPECT_EQ(seen, (std::set<std::int64_t>{0, 1, 2, 3}));
}

TEST(Backoff, ResetStartsAnewAtTheBase) {
  SeededRandom random(3);
  Backoff backoff(10, 1'000'000, random);
  for (int i = 0; i < 20; ++i) (void)backoff.NextDelayUs();
  for (int i = 0; i < 200; ++i) {
    backoff.Reset();
    EXPECT_LE(backoff.NextDelayUs(), 10);
  }
}

TEST(Backoff, TheLargestMaximumDoesNotOverflow) {
  SeededRandom random(4);
  Backoff backoff(1, std::numeric_limits<std::int64_t>::max() - 1, random);
  for (int i = 0; i < 200; ++i) EXPECT_GE(backoff.NextDelayUs(), 0);
}

TEST(CircuitBreaker, OpensOnlyAfterThatManyFailuresInARow) {
  CircuitBreaker breaker({.failures_to_open = 3, .open_us = 10 * kSecondUs});
  breaker.Failed(At(1));
  breaker.Failed(At(2));
  breaker.Succeeded();
  breaker.Failed(At(3));
  breaker.Failed(At(4));
  EXPECT_TRUE(breaker.Allow(At(4)));
  breaker.Failed(At(5));
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::kOpen);
  EXPECT_EQ(breaker.retry_at(), At(15));
  EXPECT_FALSE(breaker.Allow(At(14.9)));
}

TEST(CircuitBreaker, HalfOpenLetsOneTrialThrough) {
  CircuitBreaker breaker({.failures_to_open = 1, .open_us = 10 * kSecondUs});
  breaker.Failed(At(0));
  EXPECT_TRUE(breaker.Allow(At(10)));
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::kHalfOpen);
  EXPECT_FALSE(breaker.Allow(At(11)));
  breaker.Succeeded();
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::kClosed);
  EXPECT_TRUE(breaker.Allow(At(11)));
  EXPECT_TRUE(breaker.Allow(At(11)));
}

TEST(CircuitBreaker, AFailedTrialOpensItForTheWholeTimeAgain) {
  CircuitBreaker breaker({.failures_to_open = 5, .open_us = 10 * kSecondUs});
  for (int i = 0; i < 5; ++i) breaker.Failed(At(0));
  ASSERT_TRUE(breaker.Allow(At(10)));
  breaker.Failed(At(12));
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::kOpen);
  EXPECT_FALSE(breaker.Allow(At(21.9)));
  EXPECT_TRUE(breaker.Allow(At(22)));
}

TEST(CircuitBreaker, LateFailuresDoNotProlongTheOpenTime) {
  CircuitBreaker breaker({.failures_to_open = 1, .open_us = 10 * kSecondUs});
  breaker.Failed(At(0));
  breaker.Failed(At(9));
  EXPECT_TRUE(breaker.Allow(At(10)));
}

TEST(CircuitBreaker, ATrialWithoutOutcomeGivesWayToTheNextOne) {
  CircuitBreaker breaker({.failures_to_open = 1, .open_us = 10 * kSecondUs});
  breaker.Failed(At(0));
  ASSERT_TRUE(breaker.Allow(At(10)));
  EXPECT_FALSE(breaker.Allow(At(19.9)));
  EXPECT_TRUE(breaker.Allow(At(20)));
}

TEST(TokenBucket, GivesItsBurstAndThenItsRate) {
  TokenBucket bucket(2.0, 10.0, At(0));
  EXPECT_TRUE(bucket.Take(10, At(0)));
  EXPECT_FALSE(bucket.Take(1, At(0.4)));
  EXPECT_TRUE(bucket.Take(1, At(0.5)));
  EXPECT_FALSE(bucket.Take(10.5, At(1000)));  // Never fuller than the burst.
  EXPECT_TRUE(bucket.Take(10, At(1000)));
  EXPECT_FALSE(bucket.Take(0.1, At(1000)));
}

TEST(TokenBucket, WhoWaitsTheStatedTimeIsServedAndWhoComesEarlierIsNot) {
  SeededRandom random(5);
  for (int i = 0; i < 2000; ++i) {
    const double rate = 0.1 + static_cast<double>(random.Below(1000)) / 7;
    TokenBucket bucket(rate, 10.0, At(0));
    ASSERT_TRUE(bucket.Take(10, At(0)));
    const double count = 1 + static_cast<double>(random.Below(90)) / 10;
    const std::int64_t wait_us = bucket.WaitUs(count, At(0));
    TokenBucket early = bucket;
    EXPECT_FALSE(early.Take(count, {wait_us - 2}));
    EXPECT_TRUE(bucket.Take(count, {wait_us})) << rate << " " << count;
  }
}

TEST(TokenBucket, MoreThanTheBurstWaitsForEver) {
  const TokenBucket bucket(1.0, 5.0, At(0));
  EXPECT_EQ(bucket.WaitUs(5.1, At(0)), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(bucket.WaitUs(5.0, At(0)), 0);
}

TEST(TokenBucket, TimeThatRunsBackAddsNothing) {
  TokenBucket bucket(1.0, 5.0, At(10));
  ASSERT_TRUE(bucket.Take(5, At(10)));
  EXPECT_FALSE(bucket.Take(1, At(2)));
  EXPECT_FALSE(bucket.Take(1, At(10)));
  EXPECT_EQ(bucket.WaitUs(1, At(9)), 2 * kSecondUs);
  EXPECT_TRUE(bucket.Take(1, At(11)));
}

}  // namespace
}  // namespace edcsync
