// A clock that stands still until the test moves it.
#pragma once

#include <atomic>

#include "shared/base/time.h"

namespace edcsync {

// Threads: any.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime wall = {1'780'000'000'000}, MonoTime mono = {0})
      : wall_ms_(wall.ms), mono_us_(mono.us) {}

  WallTime Wall() const override { return {wall_ms_}; }
  MonoTime Mono() const override { return {mono_us_}; }
  int UtcOffsetMinutes(WallTime) const override { return 0; }

  // The wall clock alone, forwards or back: as a person or NTP sets it.
  void SetWall(WallTime wall) { wall_ms_ = wall.ms; }
  // Time passes on both.
  void Advance(std::int64_t ms) {
    wall_ms_ += ms;
    mono_us_ += ms * 1000;
  }

 private:
  std::atomic<std::int64_t> wall_ms_;
  std::atomic<std::int64_t> mono_us_;
};

}  // namespace edcsync
