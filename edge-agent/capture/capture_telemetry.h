// What capture tells of itself: how many submissions came to which outcome, how long each took to
// be durable, a span for each captured revision, which begins its record's trace.
//
//   used by   edge-agent/capture/capture.h; made in edge-agent/app
//
// Threads: any.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "shared/metrics/metrics.h"
#include "shared/model/draft.h"
#include "shared/telemetry/tracer.h"

namespace edcsync::edge {

class CaptureTelemetry {
 public:
  // `tracer` may be nullptr. `log_records`: a line (debug) for each captured revision too.
  CaptureTelemetry(const Clock& clock, Metrics& metrics, Tracer* tracer, bool log_records);

  struct Begun {
    MonoTime at;
    std::int64_t wall_us = 0;
  };
  Begun Begin() const;
  // The work with these submissions is durable, or has failed. `origin`: who submitted, as it says.
  void End(const Begun& begun, std::span<const Result<Submission>> submissions,
           std::span<const CaptureOutcome> outcomes, const std::optional<TraceContext>& origin);

 private:
  void Trace(const Begun& begun, const RecordKey& key, const CaptureOutcome& outcome,
             const std::optional<TraceContext>& origin);

  const Clock& clock_;
  Tracer* const tracer_;
  const bool log_records_;
  Histogram& seconds_;
  std::array<Counter*, 4> outcomes_;  // By CaptureOutcome::Kind.
};

}  // namespace edcsync::edge
