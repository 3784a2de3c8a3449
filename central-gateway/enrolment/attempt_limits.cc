#include "central-gateway/enrolment/attempt_limits.h"

namespace edcsync::central {
namespace {

tl::unexpected<Error> WaitFor(std::int64_t wait_us) {
  return Fail(ErrorCode::kTooManyAttempts, "Too many attempts; the next one is let through in " +
                                               std::to_string(wait_us / 1'000'000 + 1) + " s");
}

}  // namespace

Status AttemptLimits::Take(const std::string& name, MonoTime now) {
  const std::lock_guard lock(mutex_);
  auto found = buckets_.find(name);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kNamesMax) {
      std::erase_if(buckets_,
                    [&](const auto& entry) { return entry.second.WaitUs(burst_, now) == 0; });
    }
    if (buckets_.size() >= kNamesMax) return WaitFor(60'000'000);
    found = buckets_.emplace(name, TokenBucket(per_minute_ / 60, burst_, now)).first;
  }
  if (found->second.Take(1, now)) return Ok();
  return WaitFor(found->second.WaitUs(1, now));
}

}  // namespace edcsync::central
