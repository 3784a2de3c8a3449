#include "edge-agent/capture/capture_telemetry.h"

#include "shared/base/log.h"

namespace edcsync::edge {

CaptureTelemetry::CaptureTelemetry(const Clock& clock, Metrics& metrics, Tracer* tracer,
                                   bool log_records)
    : clock_(clock),
      tracer_(tracer),
      log_records_(log_records),
      seconds_(metrics.AddHistogram("edcsync_edge_capture_seconds",
                                    "From a submission to its durable capture (one work of up to "
                                    "128 submissions).",
                                    ShortTimes())) {
  using Kind = CaptureOutcome::Kind;
  for (const Kind kind : {Kind::kCaptured, Kind::kUnchanged, Kind::kStale, Kind::kRefused}) {
    outcomes_[static_cast<std::size_t>(kind)] =
        &metrics.AddCounter("edcsync_edge_submissions_total", "Submissions by what became of them",
                            {{"outcome", std::string(ToString(kind))}});
  }
}

CaptureTelemetry::Begun CaptureTelemetry::Begin() const {
  return {clock_.Mono(), tracer_ == nullptr ? 0 : tracer_->NowUs()};
}

void CaptureTelemetry::End(const Begun& begun, std::span<const Result<Submission>> submissions,
                           std::span<const CaptureOutcome> outcomes,
                           const std::optional<TraceContext>& origin) {
  seconds_.Observe(static_cast<double>(clock_.Mono().us - begun.at.us) / 1e6);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    outcomes_[static_cast<std::size_t>(outcomes[i].kind)]->Add();
    if (outcomes[i].kind != CaptureOutcome::Kind::kCaptured || !submissions[i].ok()) continue;
    const RecordKey& key = submissions[i]->key;
    if (tracer_ != nullptr) Trace(begun, key, outcomes[i], origin);
    if (!log_records_) continue;
    Log(LogLevel::kDebug, "record.captured",
        {{"trace_id", TraceIdText(key)},
         {"study_oid", key.study.str()},
         {"subject_key", key.subject.str()},
         {"study_event_oid", key.event.str()},
         {"form_oid", key.form.str()},
         {"revision", outcomes[i].revision.ToHex()},
         {"sequence", outcomes[i].sequence.value()}});
  }
}

void CaptureTelemetry::Trace(const Begun& begun, const RecordKey& key,
                             const CaptureOutcome& outcome,
                             const std::optional<TraceContext>& origin) {
  Span span;
  span.context = tracer_->RevisionSpan(key, outcome.revision);
  if (!span.context.sampled) return;
  span.name = "capture";
  span.kind = SpanKind::kServer;
  span.start_us = begun.wall_us;
  DescribeRecord(span, key);
  span.attributes.emplace_back("edcsync.revision_id", outcome.revision.ToHex());
  span.attributes.emplace_back("edcsync.version", std::int64_t{outcome.version});
  span.attributes.emplace_back("edcsync.sequence",
                               static_cast<std::int64_t>(outcome.sequence.value()));
  if (origin) span.links.push_back(*origin);
  tracer_->End(std::move(span));
}

}  // namespace edcsync::edge
