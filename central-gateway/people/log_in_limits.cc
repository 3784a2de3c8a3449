#include "central-gateway/people/log_in_limits.h"

#include <algorithm>

namespace edcsync::central {
namespace {

constexpr double kSecondsPerMinute = 60;
constexpr std::size_t kForgetAt = 1024;

Status Refused(std::int64_t wait_us, const char* where) {
  const std::int64_t seconds = std::max<std::int64_t>(1, (wait_us + 999'999) / 1'000'000);
  return Fail(ErrorCode::kTooManyAttempts, std::string("too many attempts ") + where +
                                               "; the next in " + std::to_string(seconds) + " s");
}

TokenBucket Full(double per_minute, MonoTime now) {
  return TokenBucket(per_minute / kSecondsPerMinute, per_minute, now);
}

}  // namespace

LogInLimits::LogInLimits(const Options& options, MonoTime now)
    : options_(options), all_(Full(options.per_minute, now)), forget_at_(kForgetAt) {}

Status LogInLimits::Take(const std::string& address, MonoTime now) {
  const std::lock_guard lock(mutex_);
  // The gateway's bucket is asked first, but pays last: one address that is refused anyway must
  // not use up what the others have.
  if (const std::int64_t wait_us = all_.WaitUs(1, now); wait_us > 0) {
    return Refused(wait_us, "at this gateway");
  }
  if (by_address_.size() >= forget_at_) ForgetFull(now);
  TokenBucket& bucket =
      by_address_.try_emplace(address, Full(options_.per_minute_of_address, now)).first->second;
  if (!bucket.Take(1, now)) return Refused(bucket.WaitUs(1, now), "from this address");
  static_cast<void>(all_.Take(1, now));
  return Ok();
}

void LogInLimits::ForgetFull(MonoTime now) {
  std::erase_if(by_address_, [&](const auto& entry) {
    return entry.second.WaitUs(options_.per_minute_of_address, now) == 0;
  });
  // Not again before there may be as many to forget: the walk stays cheap.
  forget_at_ = std::max(kForgetAt, 2 * by_address_.size());
}

std::size_t LogInLimits::address_count() const {
  const std::lock_guard lock(mutex_);
  return by_address_.size();
}

}  // namespace edcsync::central
