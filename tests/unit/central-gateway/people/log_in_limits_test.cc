#include "central-gateway/people/log_in_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;

MonoTime Second(double s) { return {static_cast<std::int64_t>(s * 1e6)}; }

int Taken(LogInLimits& limits, const std::string& address, int attempts, MonoTime now) {
  int taken = 0;
  for (int i = 0; i < attempts; ++i) taken += limits.Take(address, now).ok();
  return taken;
}

TEST(LogInLimits, TwentyAMinuteAreLetThroughFromOneAddress) {
  LogInLimits limits({}, Second(0));
  EXPECT_EQ(Taken(limits, "192.0.2.1", 30, Second(0)), 20);
  EXPECT_EQ(Taken(limits, "192.0.2.2", 1, Second(0)), 1);
  EXPECT_EQ(Taken(limits, "192.0.2.1", 5, Second(3)), 1);
  EXPECT_EQ(Taken(limits, "192.0.2.1", 30, Second(63)), 20);
}

TEST(LogInLimits, TheRefusalSaysHowLongToWait) {
  LogInLimits limits({}, Second(0));
  Taken(limits, "192.0.2.1", 20, Second(0));
  const Status refused = limits.Take("192.0.2.1", Second(1.5));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kTooManyAttempts);
  EXPECT_THAT(refused.error().message, HasSubstr("the next in 2 s"));
}

TEST(LogInLimits, TwoHundredAMinuteAreLetThroughFromAllTogether) {
  LogInLimits limits({}, Second(0));
  int taken = 0;
  for (int i = 0; i < 300; ++i) taken += Taken(limits, std::to_string(i), 1, Second(0));
  EXPECT_EQ(taken, 200);
  EXPECT_EQ(limits.Take("one more", Second(0)).error().code, ErrorCode::kTooManyAttempts);
  EXPECT_EQ(Taken(limits, "one more", 300, Second(60)), 20);
}

TEST(LogInLimits, WhatOneAddressIsRefusedIsNotTakenFromTheOthers) {
  LogInLimits limits({}, Second(0));
  EXPECT_EQ(Taken(limits, "192.0.2.1", 1000, Second(0)), 20);
  int taken = 0;
  for (int i = 0; i < 300; ++i) taken += Taken(limits, std::to_string(i), 1, Second(0));
  EXPECT_EQ(taken, 180);
}

TEST(LogInLimits, AddressesThatAreQuietAreForgotten) {
  LogInLimits limits({}, Second(0));
  std::size_t most = 0;
  for (int minute = 0; minute < 60; ++minute) {
    for (int i = 0; i < 200; ++i) {
      Taken(limits, std::to_string(minute) + ":" + std::to_string(i), 1, Second(60.0 * minute));
    }
    most = std::max(most, limits.address_count());
  }
  EXPECT_LT(most, 1500u);  // Of 12,000.
}

}  // namespace
}  // namespace edcsync::central
