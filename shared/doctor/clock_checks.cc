#include "shared/doctor/clock_checks.h"

#include <sys/timex.h>

#include "shared/base/limits.h"

namespace edcsync::doctor {
namespace {

// Below it no revision is marked and no notice told; a disciplined clock is far better.
constexpr std::int64_t kDriftWarningMs = 10'000;
constexpr char kSetClock[] =
    "Set the clock and keep it by a time service (`timedatectl set-ntp true`, chrony or ntpsec). "
    "Captured times stay as they were recorded; which version wins does not depend on them.";

}  // namespace

KernelClock ReadKernelClock() {
  timex state{};  // modes 0: reads only.
  const int result = ::adjtimex(&state);
  if (result < 0) return {};
  KernelClock clock;
  clock.known = true;
  clock.synchronised = result != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  clock.error_ms_max = state.maxerror / 1000;
  return clock;
}

Finding CheckKernelClock(const KernelClock& kernel) {
  const std::string check = "clock.synchronised";
  if (!kernel.known) return NotChecked(check, "The kernel does not tell the state of its clock.");
  if (!kernel.synchronised) {
    return Warning(check, "No time service disciplines this machine's clock.", kSetClock);
  }
  return Sound(check, "A time service disciplines the clock, to within " +
                          std::to_string(kernel.error_ms_max) + " ms.");
}

Finding CheckDrift(const Drift& drift, WallTime now) {
  const std::string check = "clock.drift";
  if (!drift.ms || !drift.measured_at) {
    return NotChecked(check, "There was no session with the centre to compare clocks in.");
  }
  const std::string when = FormatUtc(*drift.measured_at);
  if (now < WallTime{drift.measured_at->ms - kDriftWarningMs}) {
    return Problem(check, "The clock says " + FormatUtc(now) + ", yet the last contact was at " + when +
                              ": it was set back.", kSetClock);
  }
  const std::string found = "The clock was " + std::to_string(*drift.ms) +
                            " ms from the centre's at the last contact (" + when + ").";
  const std::int64_t off = *drift.ms < 0 ? -*drift.ms : *drift.ms;
  if (off > limits::kClockSkewMsMax) return Problem(check, found, kSetClock);
  if (off > kDriftWarningMs) return Warning(check, found, kSetClock);
  return Sound(check, found);
}

}  // namespace edcsync::doctor
