// What the uplink tells of itself: how long each push waited for its receipt; a span for each push,
// whose traceparent goes with the frame; and, in each record's own trace, a span from the push to
// the receipt of its revision.
//
//   used by   edge-agent/uplink/sync_session.h; made in edge-agent/app
//
// A push sent again (go-back-N) takes the place of what was in flight from its first sequence on.
// Threads: the loop's.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "edge-agent/store/outbox_table.h"
#include "edge-agent/uplink/exchange_telemetry.h"
#include "shared/metrics/metrics.h"
#include "shared/telemetry/tracer.h"
#include "shared/wire/frames.h"

namespace edcsync::edge {

class UplinkTelemetry {
 public:
  // `tracer` may be nullptr. `log_records`: a line (debug) for each receipted revision too.
  UplinkTelemetry(const Clock& clock, Metrics& metrics, Tracer* tracer, bool log_records);

  // A push of these revisions, not empty, goes out now. The traceparent to go with it; "" if nobody
  // traces.
  std::string Sending(const std::vector<QueuedRevision>& batch);
  void Receipted(const wire::Receipt& receipt);
  // Of the other frames; nullptr if nobody traces.
  ExchangeTelemetry* exchanges() { return exchanges_ ? &*exchanges_ : nullptr; }

 private:
  struct FlyingRevision {
    Sequence sequence;
    RevisionId id;
    RecordKey key;
  };
  struct Flying {
    Sequence first, last;
    MonoTime sent_at;
    std::int64_t sent_us = 0;
    TraceContext context;
    std::vector<FlyingRevision> records;  // Whose traces are drawn, or logged.
  };
  void Draw(const Flying& push, const wire::Receipt& receipt);
  void DrawPush(const Flying& push, const std::string& error);

  const Clock& clock_;
  Tracer* const tracer_;
  const bool log_records_;
  Histogram& seconds_;
  std::deque<Flying> flying_;
  std::optional<ExchangeTelemetry> exchanges_;
};

}  // namespace edcsync::edge
