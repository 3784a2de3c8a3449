#include "shared/base/backoff.h"

#include <limits>

#include "shared/base/check.h"

namespace edcsync {

Backoff::Backoff(std::int64_t base_us, std::int64_t max_us, Random& random)
    : base_us_(base_us), max_us_(max_us), ceiling_us_(base_us), random_(random) {
  CHECK(base_us > 0 && base_us <= max_us);
  CHECK(max_us < std::numeric_limits<std::int64_t>::max());
}

std::int64_t Backoff::NextDelayUs() {
  const auto bound = static_cast<std::uint64_t>(ceiling_us_) + 1;
  const auto delay_us = static_cast<std::int64_t>(random_.Below(bound));
  ceiling_us_ = ceiling_us_ > max_us_ / 2 ? max_us_ : ceiling_us_ * 2;
  return delay_us;
}

}  // namespace edcsync
