// Spans of the edge's frames beside pushes (uplink_telemetry.h), and of what answers them: "pull",
// "offer" and "endorsement" from the question to its answer, each with a traceparent for its frame;
// and, below the span of the gateway that a frame names as its own, "feed", "settle" (from a receipt
// to its durable end) and "endorsement.receipt".
//
// A pull or an offer is of many records: a trace of its own, with links to theirs; a pull that brings
// nothing draws nothing. An endorsement is
// of one: it stands in that record's trace. Other frames are of no record, and carry none.
//
//   used by   edge-agent/uplink/sync_session.h; made by uplink_telemetry.h
//
// Threads: the loop's.
#pragma once

#include <map>
#include <vector>

#include "shared/telemetry/tracer.h"
#include "shared/wire/frames.h"

namespace edcsync::edge {

class ExchangeTelemetry {
 public:
  static constexpr std::size_t kUnsettledMax = 64;  // Receipts; earlier ones are forgotten.

  explicit ExchangeTelemetry(Tracer& tracer) : tracer_(tracer) {}

  // `frame` goes out now; `record`: the one that it is of, or nullptr. The traceparent to go with it;
  // "" for kinds that carry none.
  std::string Asking(const wire::Frame& frame, const RecordKey* record);
  // `frame`, of the session at hand, came with this beside it.
  void Answered(const wire::Frame& frame, const std::string& trace_parent);
  // What receipts said is durable.
  void Settled();

 private:
  struct Asked {
    const char* name = "";
    TraceContext context;
    std::int64_t asked_us = 0;
    std::vector<TraceContext> links;
  };
  std::string Begin(wire::FrameKind kind, Asked asked);
  void End(wire::FrameKind kind, const std::string& error);
  void Take(const char* name, const std::string& trace_parent, std::vector<TraceContext> links);
  void Link(BytesView canonical, std::vector<TraceContext>& links) const;

  Tracer& tracer_;
  std::map<wire::FrameKind, Asked> asked_;  // One of a kind at a time.
  std::vector<Span> unsettled_;
};

}  // namespace edcsync::edge
