// A span, in its record's trace, for each revision that came with the feed and was stored here: a
// resolution's trace ends at the site.
//
//   used by   edge-agent/downlink/feed_applier.h; made in edge-agent/app
//
// Threads: any.
#pragma once

#include <vector>

#include "shared/metrics/metrics.h"
#include "shared/model/revision.h"
#include "shared/telemetry/tracer.h"

namespace edcsync::edge {

class FeedTelemetry {
 public:
  // `tracer` may be nullptr. `log_records`: a line (debug) for each revision too.
  FeedTelemetry(const Clock& clock, Metrics& metrics, Tracer* tracer, bool log_records);

  struct Applied {
    RecordKey key;
    RevisionId id;
    Origin origin = Origin::kOnline;
  };
  std::int64_t NowUs() const { return clock_.Mono().us; }
  // A page that was taken up at `begun_us` (NowUs) is durable; these revisions came with it.
  void End(std::int64_t begun_us, const std::vector<Applied>& applied);

 private:
  const Clock& clock_;
  Tracer* const tracer_;
  const bool log_records_;
  Histogram& seconds_;
  Counter& revisions_;
};

}  // namespace edcsync::edge
