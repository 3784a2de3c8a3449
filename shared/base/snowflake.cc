#include "shared/base/snowflake.h"

#include <algorithm>

#include "shared/base/check.h"
#include "shared/base/limits.h"

namespace edcsync {
namespace {

constexpr int kSequenceBits = 12;
constexpr int kWorkerBits = 10;
constexpr int kTimeShift = kSequenceBits + kWorkerBits;
constexpr std::uint64_t kSequenceCount = std::uint64_t{1} << kSequenceBits;
constexpr std::int64_t kMsEnd = std::int64_t{1} << 41;

std::int64_t MsOf(SnowflakeId id) { return static_cast<std::int64_t>(id.value() >> kTimeShift); }

}  // namespace

Snowflake::Snowflake(const Clock& clock, std::uint32_t worker, SnowflakeId last_seen)
    : clock_(clock),
      worker_(worker),
      seen_ms_(MsOf(last_seen)),
      last_ms_(MsOf(last_seen)),
      // Another worker may have made it: the rest of its millisecond is passed over.
      next_sequence_(kSequenceCount) {
  CHECK(worker <= kWorkerMax);
}

Result<SnowflakeId> Snowflake::Next() {
  const std::int64_t now_ms = clock_.Wall().ms - kEpochMs;
  if (now_ms < 0 || now_ms >= kMsEnd) {
    return Fail(ErrorCode::kClock, "The clock reads " + FormatUtc(clock_.Wall()) +
                                       ", outside the years ids can be made in");
  }
  if (seen_ms_ - now_ms > limits::kSnowflakeBackwardsMsMax) {
    return Fail(ErrorCode::kClock, "The clock ran back by " + std::to_string(seen_ms_ - now_ms) +
                                       " ms; no id is made until it has caught up");
  }
  std::int64_t ms = std::max(now_ms, last_ms_);
  std::uint64_t sequence = ms > last_ms_ ? 0 : next_sequence_;
  if (sequence == kSequenceCount) {
    ++ms;
    sequence = 0;
  }
  if (ms - std::max(now_ms, seen_ms_) > limits::kSnowflakeBackwardsMsMax) {
    return Fail(ErrorCode::kBusy, "More ids were asked for than these milliseconds hold");
  }
  seen_ms_ = std::max(seen_ms_, now_ms);
  last_ms_ = ms;
  next_sequence_ = sequence + 1;
  return SnowflakeId((static_cast<std::uint64_t>(ms) << kTimeShift) | (worker_ << kSequenceBits) |
                     sequence);
}

WallTime Snowflake::TimeOf(SnowflakeId id) { return {MsOf(id) + kEpochMs}; }

}  // namespace edcsync
