// What watches a program may ask it, over plain HTTP on a loopback address of its own, apart from
// the ports that people and sites use:
//
//   GET /healthz   200 while the process lives: its threads answer. Else restart it.
//   GET /readyz    200 while it can do its work now; 503 names the check that fails.
//   GET /metrics   shared/metrics/metrics.h
//
// Both of the former answer {"status": "ok"|"failing", "checks": [{"name", "ok", "required",
// "why"}]}. However many ask, the figures are gathered once in kMetricsKeptMs.
//
//   started by   edge-agent/app, central-gateway/app
//
// Threads: a small pool; checks and collectors run on it and return within a bound.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/base/scheduler.h"
#include "shared/base/status.h"
#include "shared/base/toml_file.h"
#include "shared/metrics/metrics.h"

namespace edcsync {

// [health] of both programs' configuration.
struct HealthSettings {
  bool enabled = false;  // Without the section: nothing listens.
  std::string address = "127.0.0.1";
  int port = 0;          // 0: any free one.
};
HealthSettings ReadHealthSettings(TomlFile& toml, int default_port);

struct HealthCheck {
  std::string name;
  std::function<Status()> run;
  bool required = true;  // Else it is told and decides nothing.
};

class HealthServer {
 public:
  static constexpr std::int64_t kMetricsKeptMs = 1000;

  HealthServer(HealthSettings settings, const Clock& clock, Metrics& metrics,
               std::vector<HealthCheck> live, std::vector<HealthCheck> ready);
  ~HealthServer();  // Stops.

  // kIo if the port is taken, kConfiguration if the address is no loopback one.
  Status Start();
  int port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether a scheduler's thread still runs handlers. At most one question is out at a time.
class LoopProbe {
 public:
  explicit LoopProbe(Scheduler& scheduler);
  ~LoopProbe();
  // kTimeout if no handler of this ran within `wait_ms`.
  Status Answers(int wait_ms);
  // Runs `read` on the scheduler's thread; false if it did not run within `wait_ms`: then it will
  // not.
  bool Ask(int wait_ms, std::function<void()> read);

 private:
  struct Question;
  Scheduler& scheduler_;
  std::mutex mutex_;
  std::shared_ptr<Question> open_;
};

}  // namespace edcsync
