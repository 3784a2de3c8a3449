// Ids that sort by time and need no common counter: sign 1 bit (0), milliseconds since 2026-01-01
// 41 bits, worker 10 bits, sequence 12 bits. They name conflicts, audit entries and online
// submissions. Worker numbers are leased from the central store, so no two makers share one.
//
//   worker leased by   central-gateway/store (leases)
//
// Invariants: every id is greater than `last_seen` and than the one before it, whatever the clock
// does. The clock may run back by limits::kSnowflakeBackwardsMsMax: ids then go on in the last
// millisecond. More than 4096 ids in one millisecond borrow from the next ones, by the same bound.
// Threads: one at a time.
#pragma once

#include <cstdint>

#include "shared/base/ids.h"
#include "shared/base/status.h"
#include "shared/base/time.h"

namespace edcsync {

class Snowflake {
 public:
  static constexpr std::uint32_t kWorkerMax = 1023;
  static constexpr std::int64_t kEpochMs = 1'767'225'600'000;  // 2026-01-01T00:00:00Z.

  // `last_seen` is the greatest id known to have been made (0: none), so that a restart on a clock
  // set back repeats none. `clock` must outlive this object. REQUIRES: worker <= kWorkerMax.
  Snowflake(const Clock& clock, std::uint32_t worker, SnowflakeId last_seen);

  // A new id. Fails with kClock if the clock ran back by more than the bound or lies outside
  // 2026 to 2095 (raise an alarm), with kBusy if the milliseconds that may be borrowed are used up.
  Result<SnowflakeId> Next();

  // The millisecond in which `id` was made, as far as its maker's clock knew.
  static WallTime TimeOf(SnowflakeId id);

 private:
  const Clock& clock_;
  std::uint64_t worker_;
  std::int64_t seen_ms_;  // The latest reading of the clock, since the epoch.
  std::int64_t last_ms_;  // Of the last id; ahead of seen_ms_ by what was borrowed.
  std::uint64_t next_sequence_;
};

}  // namespace edcsync
