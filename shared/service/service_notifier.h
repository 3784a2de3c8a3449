// Tells the service manager (systemd, Type=notify) how the service fares: ready, stopping, and, if
// the unit has a watchdog, that the event loop still runs its handlers. The pings are timers of
// that loop: a handler that hangs, or a loop that died, is seen, and systemd starts the service
// again. Without a service manager nothing happens.
//
// Only this folder includes libsystemd. Threads: made, used and ended on one; the pings run on the
// loop's.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "shared/base/scheduler.h"

namespace edcsync {

class ServiceNotifier {
 public:
  // `loop` outlives it.
  explicit ServiceNotifier(Scheduler& loop);
  ~ServiceNotifier();
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  // The service does its work; `state` is shown by `systemctl status`. Begins the pings.
  void Ready(const std::string& state);
  // The service ends in order. Ends the pings; systemd then waits TimeoutStopSec.
  void Stopping();

 private:
  void Ping();

  Scheduler& loop_;
  std::int64_t ping_us_ = 0;  // 0: the unit has no watchdog.
  std::shared_ptr<std::atomic<bool>> alive_ = std::make_shared<std::atomic<bool>>(true);
};

}  // namespace edcsync
