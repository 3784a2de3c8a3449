#include "shared/base/time.h"

#include <gtest/gtest.h>

#include "shared/base/random.h"

namespace edcsync {
namespace {

constexpr std::int64_t kMorningMs = 1'795'248'930'123;  // 2026-11-21T08:15:30.123Z

TEST(Time, IsWrittenAsOdmDatetime) {
  EXPECT_EQ(FormatUtc({kMorningMs}), "2026-11-21T08:15:30.123Z");
  EXPECT_EQ(FormatLocal({kMorningMs}, 180), "2026-11-21T11:15:30.123+03:00");
  EXPECT_EQ(FormatLocal({kMorningMs}, -570), "2026-11-20T22:45:30.123-09:30");
  EXPECT_EQ(FormatLocal({kMorningMs}, 345), "2026-11-21T14:00:30.123+05:45");
  EXPECT_EQ(FormatLocal({kMorningMs}, 0), "2026-11-21T08:15:30.123+00:00");
}

TEST(Time, BeforeTheEpochMillisecondsStillCountForward) {
  EXPECT_EQ(FormatUtc({-1}), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(ParseTime("1969-12-31T23:59:59.999Z"), WallTime{-1});
}

TEST(Time, WhatIsWrittenIsReadBackTheSame) {
  SeededRandom random(11);
  for (int i = 0; i < 2000; ++i) {
    const WallTime time{static_cast<std::int64_t>(random.Below(4'000'000'000'000))};
    const int offset = static_cast<int>(random.Below(24 * 60 + 1)) - 12 * 60;
    EXPECT_EQ(ParseTime(FormatUtc(time)), time);
    EXPECT_EQ(ParseTime(FormatLocal(time, offset)), time) << FormatLocal(time, offset);
  }
}

TEST(Time, AnythingElseIsRefused) {
  for (const char* text :
       {"", "2026-11-21", "2026-11-21T08:15:30Z", "2026-11-21T08:15:30.123",
        "2026-11-21T08:15:30.123z", "2026-11-21 08:15:30.123Z", "2026-11-21T08:15:30.123Z ",
        "2026-13-21T08:15:30.123Z", "2026-02-30T08:15:30.123Z", "2026-11-21T24:00:00.000Z",
        "2026-11-21T08:60:30.123Z", "2026-11-21T08:15:60.123Z", "2026-11-21T 8:15:30.123Z",
        "2026-11-21T+8:15:30.123Z", "2026-11-21T08:15:30.123+3:00", "2026-11-21T08:15:30.123+0300",
        "2026-11-21T08:15:30.123 03:00", "2026-11-21T08:15:30.123+03:60",
        "2026-11-21T08:15:30.123+-3:00", "-026-11-21T08:15:30.123Z"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace edcsync
