// The measures of the benchmark, each a JSON object of figures.
#pragma once

#include <cstdint>
#include <string>

#include "tests/bench/world.h"

namespace edcsync::bench {

struct Scale {
  std::string bin;                        // Where edge-agent and central-gateway are.
  std::uint64_t capture_records = 20'000;
  std::uint64_t drain_records = 100'000;  // Of one edge.
  std::uint64_t many_records = 5'000;     // Of each of many edges.
  int many_edges = 20;
  std::uint64_t live_records = 2'000;
  std::uint64_t million_records = 1'000'000;
  std::uint64_t desk_conflicts = 20'000;  // Open, while the desk is under load.
  int repeat = 3;                         // Of the drains; the best counts, all are told.
};

// Records/s and latency of 1 and of 64 clients of the local API; a record a request.
Json MeasureCapture(const Scale& scale);
// A backlog captured while no gateway ran, from the session's start to the last receipt, and the
// ceiling of the same rows.
Json MeasureDrain(const Scale& scale);
Json MeasureDrainOfMany(const Scale& scale);
// One record at a time, from its submission to its receipt.
Json MeasureLive(const Scale& scale);
// The agent's memory with a very large backlog.
Json MeasureMillion(const Scale& scale);

}  // namespace edcsync::bench
