// Hybrid logical time (Kulkarni et al., "Logical Physical Clocks", 2014): close to UTC, never
// running backwards at one edge, so that a clock set back cannot make a later edit look earlier.
#pragma once

#include "shared/model/revision.h"

namespace edcsync {

// The edit time to give now, later than `last` and not earlier than `now`.
inline EditTime NextEditTime(EditTime last, WallTime now) {
  if (now.ms > last.ms) return {now.ms, 0};
  return {last.ms, last.counter + 1};
}

}  // namespace edcsync
