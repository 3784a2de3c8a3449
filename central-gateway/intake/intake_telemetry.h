// What intake tells of itself: how long merge, commit and the whole way of a push take, how many
// revisions came to which outcome; for each push the spans "intake", "merge" and "commit", which go
// on from the edge's traceparent; and in each record's own trace a span "merge". Whoever may write
// to the edge's topic may write a traceparent: it decides where spans are drawn, and nothing else.
//
//   used by   central-gateway/intake/gateway_session.h; made in central-gateway/app
//
// Threads: Begin and a push's Answered on the loop, Merging, Merged and Committed on the store's
// writer, one after another.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "central-gateway/intake/push_intake.h"
#include "shared/metrics/metrics.h"
#include "shared/telemetry/tracer.h"

namespace edcsync::central {

class IntakeTelemetry {
 public:
  // `tracer` may be nullptr.
  IntakeTelemetry(const Clock& clock, Metrics& metrics, Tracer* tracer);

  class Push {
   public:
    Push(IntakeTelemetry& owner, EdgeId edge, const std::string& trace_parent);
    void Merging();
    void Merged(const ReadPush& push, const Result<Answer>& answer);
    void Committed();
    // What the edge was answered. `committed` and `answer` as Deliver takes them.
    void Answered(const Status& committed, const Result<Answer>& answer);

   private:
    struct Record {
      RecordKey key;
      RevisionId id;
      Outcome outcome;
      std::uint16_t reason;
    };
    void LogOutcomes() const;
    void Draw(const std::string& error);
    void DrawRecords();
    Span Part(const char* name, std::int64_t from_us, std::int64_t to_us);

    IntakeTelemetry& owner_;
    const EdgeId edge_;
    TraceContext context_;
    SpanId parent_{};
    MonoTime arrived_at_, merging_at_, merged_at_;
    std::int64_t arrived_us_ = 0, merging_us_ = 0, merged_us_ = 0, committed_us_ = 0;
    std::array<std::uint64_t, 9> outcomes_{};  // Revisions, by Outcome's number.
    std::vector<Record> told_;     // Those that did not simply go in.
    std::vector<Record> sampled_;
  };
  std::shared_ptr<Push> Begin(const EdgeId& edge, const std::string& trace_parent) {
    return std::make_shared<Push>(*this, edge, trace_parent);
  }

 private:
  const Clock& clock_;
  Tracer* const tracer_;
  Histogram& push_seconds_;
  Histogram& merge_seconds_;
  std::array<Counter*, 9> outcomes_{};  // By Outcome's number; [0] is nobody's.
};

}  // namespace edcsync::central
