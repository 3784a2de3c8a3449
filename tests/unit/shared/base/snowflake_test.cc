#include "shared/base/snowflake.h"

#include <gtest/gtest.h>

#include <set>

#include "shared/base/limits.h"
#include "shared/base/random.h"

namespace edcsync {
namespace {

class SetClock final : public Clock {
 public:
  WallTime Wall() const override { return {ms}; }
  MonoTime Mono() const override { return {ms * 1000}; }
  int UtcOffsetMinutes(WallTime) const override { return 0; }
  std::int64_t ms = Snowflake::kEpochMs + 86'400'000;
};

TEST(Snowflake, TheEpochIsTheFirstMillisecondOf2026) {
  EXPECT_EQ(FormatUtc(Snowflake::TimeOf(SnowflakeId(0))), "2026-01-01T00:00:00.000Z");
}

TEST(Snowflake, AnIdHoldsTimeWorkerAndSequenceInTheirBits) {
  SetClock clock;
  Snowflake ids(clock, 1023, SnowflakeId(0));
  ASSERT_TRUE(ids.Next().ok());
  const std::uint64_t second = ids.Next()->value();
  EXPECT_EQ(second >> 22, 86'400'000u);
  EXPECT_EQ((second >> 12) & 0x3FF, 1023u);
  EXPECT_EQ(second & 0xFFF, 1u);
  EXPECT_EQ(Snowflake::TimeOf(SnowflakeId(second)).ms, clock.ms);
}

TEST(Snowflake, IdsRiseWhileTheClockWandersWithinItsBound) {
  SetClock clock;
  SeededRandom random(7);
  Snowflake ids(clock, 5, SnowflakeId(0));
  std::int64_t latest_ms = clock.ms;
  SnowflakeId last(0);
  for (int i = 0; i < 100'000; ++i) {
    if (random.Below(50) == 0) latest_ms += static_cast<std::int64_t>(random.Below(3));
    clock.ms = latest_ms - static_cast<std::int64_t>(random.Below(11));
    const Result<SnowflakeId> id = ids.Next();
    if (!id.ok()) {
      ASSERT_EQ(id.error().code, ErrorCode::kBusy);
      continue;
    }
    ASSERT_GT(*id, last);
    last = *id;
  }
}

TEST(Snowflake, AClockFurtherBackIsRefusedUntilItHasCaughtUp) {
  SetClock clock;
  Snowflake ids(clock, 5, SnowflakeId(0));
  const SnowflakeId before = *ids.Next();
  clock.ms -= limits::kSnowflakeBackwardsMsMax + 1;
  ASSERT_FALSE(ids.Next().ok());
  EXPECT_EQ(ids.Next().error().code, ErrorCode::kClock);
  clock.ms += 1;
  EXPECT_GT(*ids.Next(), before);
}

TEST(Snowflake, AfterARestartNoIdIsRepeatedEvenByAnotherWorkersPlaceInTheMillisecond) {
  SetClock clock;
  SnowflakeId last(0);
  {
    Snowflake ids(clock, 900, SnowflakeId(0));
    for (int i = 0; i < 5000; ++i) last = *ids.Next();  // Borrows from the next millisecond.
  }
  Snowflake restarted(clock, 3, last);
  EXPECT_GT(*restarted.Next(), last);
  clock.ms -= 60'000;
  Snowflake set_back(clock, 3, last);
  EXPECT_EQ(set_back.Next().error().code, ErrorCode::kClock);
}

TEST(Snowflake, ABurstBorrowsAFewMillisecondsAndIsThenToldToWait) {
  SetClock clock;
  Snowflake ids(clock, 1, SnowflakeId(0));
  std::set<SnowflakeId> made;
  Result<SnowflakeId> id = ids.Next();
  for (; id.ok(); id = ids.Next()) made.insert(*id);
  EXPECT_EQ(id.error().code, ErrorCode::kBusy);
  EXPECT_EQ(made.size(), 4096u * (1 + limits::kSnowflakeBackwardsMsMax));
  clock.ms += 1;
  EXPECT_GT(*ids.Next(), *made.rbegin());
}

TEST(Snowflake, AClockBefore2026IsRefused) {
  SetClock clock;
  clock.ms = Snowflake::kEpochMs - 1;
  Snowflake ids(clock, 1, SnowflakeId(0));
  EXPECT_EQ(ids.Next().error().code, ErrorCode::kClock);
}

}  // namespace
}  // namespace edcsync
