// Runs the managed broker as a child: starts it, waits until it accepts, starts it again when it
// ends, and takes it along when the gateway ends, however the gateway ends.
//
//   configured by   central-gateway/admin/broker_files.h
//
// Invariants: at most one child; a signal goes only to a child that is not yet reaped, so never
// to a stranger with a reused number. The kernel's parent-death signal is tied to the thread that
// spawned, so one thread of this object spawns, watches and lives as long as it.
//
// Threads: Start and Stop from one; the rest from any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <sys/types.h>

#include "shared/base/backoff.h"
#include "shared/base/random.h"
#include "shared/base/status.h"

namespace edcsync {

// The path of executable `name`, looked for in `search_path` (as PATH) and then in the system's
// sbin folders, which are not in an ordinary user's PATH. Fails with kBroker.
Result<std::string> FindBrokerProgram(const std::string& name, const std::string& search_path);

class BrokerSupervisor {
 public:
  struct Options {
    std::string config_file;
    std::string log_file;      // The broker's output; emptied past 8 MiB, one old copy kept.
    std::string bind_address;  // As in the configuration.
    int port = 0;
    std::int64_t ready_timeout_ms = 10'000;
  };

  BrokerSupervisor(Options options, Random& random);
  ~BrokerSupervisor() { Stop(); }
  BrokerSupervisor(const BrokerSupervisor&) = delete;
  BrokerSupervisor& operator=(const BrokerSupervisor&) = delete;

  // Starts the broker and returns once it accepts connections. Fails with kBroker, in a sentence
  // that names the cause: program missing, port taken, or the broker's own last word. After a
  // failure nothing runs. REQUIRES: not started, or stopped.
  Status Start();

  // Makes the broker read its rights, certificates and revocation list anew (SIGHUP). Connections
  // stay. One that is just starting is told once it can be: before, the signal would end it. Fails
  // with kUnavailable while it is down: it then reads them when it starts.
  Status Reload();

  // Ends the broker: SIGTERM, and SIGKILL after 5 s. Idempotent.
  void Stop();

  bool IsRunning() const;              // The child lives, takes connections and Reload().
  std::uint64_t RestartCount() const;  // Times it was started again after it had run.
  std::optional<pid_t> ProcessId() const;

 private:
  void Run();
  Status LaunchAndAwait();
  Status Spawn();
  Status AwaitReady();
  bool AwaitEnd();  // False once Stop() was called.
  bool Reap();      // True if the child has ended; its end is in end_text_.
  void EndChild();
  bool WaitUnlessStopping(std::int64_t wait_ms);
  void TrimLog() const;

  const Options options_;
  Backoff backoff_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
  std::string program_;
  std::optional<Status> first_start_;  // Set by the thread, awaited by Start().
  std::string end_text_;               // The thread's only.
  pid_t child_ = -1;                   // -1: none, or reaped.
  bool ready_ = false;
  bool reload_when_ready_ = false;
  bool stopping_ = false;
  std::uint64_t restart_count_ = 0;
};

}  // namespace edcsync
