// One seed, one world, one verdict; and many of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace edcsync::simulation {

struct Verdict {
  std::uint64_t seed = 0;
  unsigned ticks = 0;
  std::vector<std::string> violations;  // "I4 edge and centre disagree [KEY, EDGE]", in order.
  std::string tail;                     // Of the history: what matters to the first violation.
  History::Counts faults, reached, checked;
  double virtual_seconds = 0;
  bool ok() const { return violations.empty(); }
  std::string invariant() const;        // Of the first violation: "I4", "settles", "crash".
};

// Runs the world of `options` in this process. At most once a process: the libraries' seeds are
// the process's.
Verdict Simulate(const WorldOptions& options);

// The same in a process of its own, so that a CHECK or a crash is a verdict too ("crash", with what
// it printed), and one that hangs is ended after `seconds_max` of the processor's time.
struct SeedRun {
  WorldOptions world;
  std::string defect;  // Planted before.
  unsigned seconds_max = 120;
};
Verdict SimulateApart(const SeedRun& run);

struct SweepOptions {
  std::uint64_t first_seed = 1;
  std::uint64_t last_seed = 1;
  unsigned ticks = 60;
  std::string defect;
  unsigned jobs = 1;             // Processes at once.
  std::int64_t seconds_max = 0;  // No new seed after so many seconds; 0: no bound.
  unsigned failures_max = 1;     // Ends after so many.
  std::function<void(const Verdict&)> each;  // As they come in; may be empty.
};
struct SweepResult {
  std::uint64_t seeds = 0;
  std::vector<Verdict> failures;
  History::Counts faults, reached, checked;
  double virtual_seconds = 0;
  double seconds = 0;
};
SweepResult Sweep(const SweepOptions& options);

// The fewest ticks with which the seed still fails, found by halving; `failed` is its verdict.
Verdict Shorten(const SeedRun& run, Verdict failed);

// The lines a person needs: what broke, the tail of the history, the command that replays it.
std::string Report(const Verdict& verdict, const std::string& defect);

}  // namespace edcsync::simulation
