// What intake tells of itself: how long merge, commit and the whole way of a push take, how many
// revisions came to which outcome; for each push the spans "intake", "merge" and "commit", which go
// on from the edge's traceparent; and in each record's own trace a span "merge". For each pull, offer
// and endorsement one span, "feed.page", "offer.intake" and "endorsement.intake", likewise. What
// answers a frame carries the traceparent of its span. Whoever may write to the edge's topic may
// write a traceparent: it decides where spans are drawn, and nothing else.
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

  // A frame of an edge, from its arrival to its answer.
  class Frame {
   public:
    Frame(IntakeTelemetry& owner, const char* name, EdgeId edge, const std::string& trace_parent);
    virtual ~Frame() = default;
    // To go with its answer; "" if nobody traces.
    std::string TraceParent() const;
    // Its span names these revisions, too: the first Span::kLinksMax.
    void Link(const wire::Feed& page);
    virtual void Committed() {}
    // What the edge was answered. `committed` and `answer` as Deliver takes them.
    virtual void Answered(const Status& committed, const Result<Answer>& answer);
    // Ends the span. `error`: an error's name, or "".
    void Draw(const std::string& error);

   protected:
    IntakeTelemetry& owner_;
    const EdgeId edge_;
    TraceContext context_;
    std::vector<TraceContext> links_;

   private:
    void Link(BytesView canonical);

    const char* const name_;
    SpanId parent_{};
    std::int64_t arrived_us_ = 0;
  };

  class Push final : public Frame {
   public:
    Push(IntakeTelemetry& owner, EdgeId edge, const std::string& trace_parent);
    void Merging();
    void Merged(const ReadPush& push, const Result<Answer>& answer);
    void Committed() override;
    void Answered(const Status& committed, const Result<Answer>& answer) override;

   private:
    struct Record {
      RecordKey key;
      RevisionId id;
      Outcome outcome;
      std::uint16_t reason;
    };
    void LogOutcomes() const;
    void DrawParts();
    void DrawRecords();
    Span Part(const char* name, std::int64_t from_us, std::int64_t to_us);

    MonoTime arrived_at_, merging_at_, merged_at_;
    std::int64_t merging_us_ = 0, merged_us_ = 0, committed_us_ = 0;
    std::array<std::uint64_t, 9> outcomes_{};  // Revisions, by Outcome's number.
    std::vector<Record> told_;     // Those that did not simply go in.
    std::vector<Record> sampled_;
  };
  std::shared_ptr<Push> Begin(const EdgeId& edge, const std::string& trace_parent) {
    return std::make_shared<Push>(*this, edge, trace_parent);
  }
  // Of another kind. `name`: a literal, the span's.
  std::shared_ptr<Frame> Begin(const char* name, const EdgeId& edge,
                               const std::string& trace_parent) {
    return std::make_shared<Frame>(*this, name, edge, trace_parent);
  }

 private:
  const Clock& clock_;
  Tracer* const tracer_;
  Histogram& push_seconds_;
  Histogram& merge_seconds_;
  std::array<Counter*, 9> outcomes_{};  // By Outcome's number; [0] is nobody's.
};

}  // namespace edcsync::central
