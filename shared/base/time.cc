#include "shared/base/time.h"

#include <cstdio>
#include <ctime>

namespace edcsync {
namespace {

std::int64_t Read(clockid_t id, std::int64_t units_per_second) {
  timespec now{};
  clock_gettime(id, &now);
  return now.tv_sec * units_per_second + now.tv_nsec / (1'000'000'000 / units_per_second);
}

std::string FormatFields(std::int64_t ms) {
  std::int64_t seconds = ms / 1000;
  std::int64_t rest = ms % 1000;
  if (rest < 0) rest += 1000, --seconds;
  const std::time_t time = seconds;
  std::tm fields{};
  gmtime_r(&time, &fields);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03d", fields.tm_year + 1900,
                fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min, fields.tm_sec,
                static_cast<int>(rest));
  return text;
}

}  // namespace

WallTime SystemClock::Wall() const { return {Read(CLOCK_REALTIME, 1000)}; }
MonoTime SystemClock::Mono() const { return {Read(CLOCK_MONOTONIC, 1'000'000)}; }

int SystemClock::UtcOffsetMinutes(WallTime at) const {
  const std::time_t time = at.ms / 1000;
  std::tm fields{};
  localtime_r(&time, &fields);
  return static_cast<int>(fields.tm_gmtoff / 60);
}

std::string FormatUtc(WallTime time) { return FormatFields(time.ms) + "Z"; }

std::string FormatLocal(WallTime time, int offset_minutes) {
  const int magnitude = offset_minutes < 0 ? -offset_minutes : offset_minutes;
  char offset[16];
  std::snprintf(offset, sizeof offset, "%c%02d:%02d", offset_minutes < 0 ? '-' : '+',
                magnitude / 60 % 100, magnitude % 60);
  return FormatFields(time.ms + std::int64_t{offset_minutes} * 60'000) + offset;
}

std::optional<WallTime> ParseTime(std::string_view text) {
  if (text.size() != 24 && text.size() != 29) return std::nullopt;
  if (text[0] < '0' || text[0] > '9') return std::nullopt;
  const std::string copy(text);
  std::tm fields{};
  int ms = 0;
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &fields.tm_year, &fields.tm_mon,
                  &fields.tm_mday, &fields.tm_hour, &fields.tm_min, &fields.tm_sec, &ms) != 7) {
    return std::nullopt;
  }
  fields.tm_year -= 1900;
  fields.tm_mon -= 1;
  const std::int64_t local_ms = std::int64_t{timegm(&fields)} * 1000 + ms;
  // sscanf takes blanks and signs, timegm a 31st of February: only what comes out again the same
  // was a time.
  const std::string zone = copy.substr(23);
  if (zone.size() == 1) {
    const WallTime time{local_ms};
    return FormatUtc(time) == text ? std::optional(time) : std::nullopt;
  }
  char sign = 0;
  int hours = 0;
  int minutes = 0;
  if (std::sscanf(zone.c_str(), "%c%2d:%2d", &sign, &hours, &minutes) != 3) return std::nullopt;
  const int offset_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
  const WallTime time{local_ms - std::int64_t{offset_minutes} * 60'000};
  return FormatLocal(time, offset_minutes) == text ? std::optional(time) : std::nullopt;
}

}  // namespace edcsync
