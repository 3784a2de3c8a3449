#include "shared/service/service_notifier.h"

#include <systemd/sd-daemon.h>

namespace edcsync {
namespace {

// A failure means that nobody listens: there is nothing to do about it.
void Tell(const std::string& state) { static_cast<void>(sd_notify(0, state.c_str())); }

}  // namespace

ServiceNotifier::ServiceNotifier(Scheduler& loop) : loop_(loop) {
  std::uint64_t watchdog_us = 0;
  if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
    ping_us_ = static_cast<std::int64_t>(watchdog_us / 3);  // One may be late.
  }
}

ServiceNotifier::~ServiceNotifier() { alive_->store(false); }

void ServiceNotifier::Ready(const std::string& state) {
  Tell("READY=1\nSTATUS=" + state);
  if (ping_us_ > 0) Ping();
}

void ServiceNotifier::Stopping() {
  if (alive_->exchange(false)) Tell("STOPPING=1\nSTATUS=Stopping");
}

void ServiceNotifier::Ping() {
  loop_.After(ping_us_, [this, alive = alive_] {
    if (!alive->load()) return;
    Tell("WATCHDOG=1");
    Ping();
  });
}

}  // namespace edcsync
