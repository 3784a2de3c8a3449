// A person's word at the site, in its record's trace: the span "endorse", below the one in which the
// proposal was written at the centre, and a line in the log.
//
//   used by   edge-agent/site/site_api.h; made in edge-agent/app
//
// Threads: any.
#pragma once

#include "edge-agent/store/edge_store.h"
#include "shared/telemetry/tracer.h"

namespace edcsync::edge {

class SiteTelemetry {
 public:
  explicit SiteTelemetry(Tracer* tracer) : tracer_(tracer) {}  // May be nullptr.

  std::int64_t NowUs() const { return tracer_ == nullptr ? 0 : tracer_->NowUs(); }
  // The proposal was answered. Not inside a work of the store.
  void Answered(std::int64_t begun_us, EdgeStore& store, std::uint64_t proposal_id, bool accepted);

 private:
  Tracer* const tracer_;
};

}  // namespace edcsync::edge
