#include "shared/base/token_bucket.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "shared/base/check.h"

namespace edcsync {
namespace {

constexpr double kUsPerSecond = 1e6;
// Rates such as 0.1 have no exact binary form: whoever waited WaitUs() is not sent off again for a
// rounding error. One part in 10^9 of the burst.
constexpr double kTolerance = 1e-9;

}  // namespace

TokenBucket::TokenBucket(double per_second, double burst, MonoTime now)
    : per_second_(per_second), burst_(burst), level_(burst), filled_at_(now) {
  CHECK(per_second > 0 && burst > 0);
}

double TokenBucket::LevelAt(MonoTime now) const {
  if (now <= filled_at_) return level_;
  const double passed_us = static_cast<double>(now.us - filled_at_.us);
  return std::min(burst_, level_ + passed_us * per_second_ / kUsPerSecond);
}

bool TokenBucket::Take(double count, MonoTime now) {
  CHECK(count >= 0);
  level_ = LevelAt(now);
  filled_at_ = std::max(filled_at_, now);
  if (count > level_ + burst_ * kTolerance) return false;
  level_ = std::max(0.0, level_ - count);
  return true;
}

std::int64_t TokenBucket::WaitUs(double count, MonoTime now) const {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  if (count > burst_) return kNever;
  const double missing = count - LevelAt(now);
  if (missing <= burst_ * kTolerance) return 0;
  // Time that ran back adds nothing until it has caught up.
  const double behind_us = now < filled_at_ ? static_cast<double>(filled_at_.us - now.us) : 0.0;
  const double wait_us = std::ceil(missing * kUsPerSecond / per_second_) + behind_us;
  return wait_us >= static_cast<double>(kNever) ? kNever : static_cast<std::int64_t>(wait_us);
}

}  // namespace edcsync
