// Spans: what was done, from when to when, in which trace (opentelemetry.io/docs/specs/otel/trace).
// Two kinds of trace: a record's, whose id both programs know from its key
// (shared/crypto/trace_id.h), and a frame's, which goes on at the other side by its traceparent. A
// frame's spans link the records'.
//
// NEVER in a span: an item value, a reason for change, a token. Keys, numbers, outcomes, times.
//
//   handed to    OtlpExporter (otlp_exporter.h)
//   used by      the stages, through their options; nullptr there: nobody traces
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shared/base/random.h"
#include "shared/base/time.h"
#include "shared/telemetry/trace_context.h"

namespace edcsync {

// Numbers are OpenTelemetry's.
enum class SpanKind : std::uint8_t { kInternal = 1, kServer = 2, kProducer = 4, kConsumer = 5 };

struct Span {
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  TraceContext context;
  SpanId parent{};                      // All zero: none.
  std::int64_t start_us = 0, end_us = 0;  // Since 1970, UTC.
  std::vector<std::pair<std::string, std::variant<std::string, std::int64_t>>> attributes;
  std::vector<TraceContext> links;      // At most kLinksMax are kept.
  std::string error;                    // Empty: it went well. An error's name, not its words.

  static constexpr std::size_t kLinksMax = 128;
};

class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void Take(Span span) = 0;  // Never waits. Threads: any.
};

class Tracer {
 public:
  // `ratio`: of traces, 0 to 1, chosen by their id, so that both programs choose the same records.
  Tracer(double ratio, const Clock& clock, Random& random, SpanSink& sink);

  bool Samples(const TraceId& trace) const;
  // A trace of its own, with a first span.
  TraceContext NewTrace();
  // A further span of a trace.
  TraceContext NewSpan(const TraceId& trace);
  // In a record's trace: the span in which this revision was written.
  TraceContext RevisionSpan(const RecordKey& key, const RevisionId& revision) const;

  // Microseconds since 1970: the wall clock, made finer by the monotonic one while the two agree.
  std::int64_t NowUs() const;
  // Hands on what is sampled, drops the rest.
  void End(Span span);

 private:
  const std::uint64_t least_sampled_;
  const bool all_;
  const Clock& clock_;
  const std::int64_t wall_minus_mono_us_;
  Random& random_;
  SpanSink& sink_;
};

// The attributes by which a record is found: OIDs and the subject's pseudonym.
void DescribeRecord(Span& span, const RecordKey& key);

}  // namespace edcsync
