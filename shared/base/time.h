// Wall time (UTC, may jump) and monotonic time (never runs back), kept apart by type, and the
// clock that gives them. A rule never reads a clock: it is handed a time.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edcsync {

struct WallTime {
  std::int64_t ms = 0;  // Milliseconds since 1970-01-01T00:00:00Z.
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
};

struct MonoTime {
  std::int64_t us = 0;  // Microseconds since an unspecified start.
  friend auto operator<=>(const MonoTime&, const MonoTime&) = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Wall() const = 0;
  virtual MonoTime Mono() const = 0;
  // Offset of local time from UTC at `at`, in minutes, east positive.
  virtual int UtcOffsetMinutes(WallTime at) const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime Wall() const override;
  MonoTime Mono() const override;
  int UtcOffsetMinutes(WallTime at) const override;
};

// "2026-11-21T08:15:30.123Z" (ISO 8601, as ODM's datetime).
std::string FormatUtc(WallTime time);

// The same instant in local time: "2026-11-21T11:15:30.123+03:00".
std::string FormatLocal(WallTime time, int offset_minutes);

// Parses what FormatUtc and FormatLocal write; nullopt for anything else.
std::optional<WallTime> ParseTime(std::string_view text);

}  // namespace edcsync
