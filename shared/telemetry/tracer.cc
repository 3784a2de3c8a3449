#include "shared/telemetry/tracer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace edcsync {
namespace {

constexpr std::int64_t kClocksAgreeUs = 20'000;

// The trace id's last eight bytes as a number, as OpenTelemetry's TraceIdRatioBased sampler.
std::uint64_t NumberOf(const TraceId& trace) {
  std::uint64_t number = 0;
  for (std::size_t i = 8; i < trace.size(); ++i) number = number << 8U | trace[i];
  return number;
}

}  // namespace

Tracer::Tracer(double ratio, const Clock& clock, Random& random, SpanSink& sink)
    : least_sampled_(static_cast<std::uint64_t>(
          std::ldexp(std::clamp(ratio, 0.0, 0.999999999), 64))),
      all_(ratio >= 1),
      clock_(clock),
      wall_minus_mono_us_(clock.Wall().ms * 1000 - clock.Mono().us),
      random_(random),
      sink_(sink) {}

bool Tracer::Samples(const TraceId& trace) const {
  return all_ || NumberOf(trace) < least_sampled_;
}

TraceContext Tracer::NewTrace() {
  TraceId trace{};
  random_.Fill(trace);
  return NewSpan(trace);
}

TraceContext Tracer::NewSpan(const TraceId& trace) {
  TraceContext context{trace, {}, Samples(trace)};
  random_.Fill(context.span);
  return context;
}

TraceContext Tracer::RevisionSpan(const RecordKey& key, const RevisionId& revision) const {
  const TraceId trace = TraceIdOf(key);
  return {trace, SpanIdOf(revision), Samples(trace)};
}

std::int64_t Tracer::NowUs() const {
  const std::int64_t wall_us = clock_.Wall().ms * 1000;
  const std::int64_t fine_us = clock_.Mono().us + wall_minus_mono_us_;
  return std::llabs(fine_us - wall_us) < kClocksAgreeUs ? fine_us : wall_us;
}

void Tracer::End(Span span) {
  if (!Samples(span.context.trace)) return;
  if (span.end_us == 0) span.end_us = NowUs();
  span.end_us = std::max(span.end_us, span.start_us);
  if (span.links.size() > Span::kLinksMax) span.links.resize(Span::kLinksMax);
  sink_.Take(std::move(span));
}

void DescribeRecord(Span& span, const RecordKey& key) {
  span.attributes.emplace_back("edcsync.study_oid", key.study.str());
  span.attributes.emplace_back("edcsync.subject_key", key.subject.str());
  span.attributes.emplace_back("edcsync.study_event_oid", key.event.str());
  span.attributes.emplace_back("edcsync.study_event_repeat_key", key.event_repeat.str());
  span.attributes.emplace_back("edcsync.form_oid", key.form.str());
  span.attributes.emplace_back("edcsync.form_repeat_key", key.form_repeat.str());
}

}  // namespace edcsync
