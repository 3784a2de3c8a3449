#include "edge-agent/downlink/feed_telemetry.h"

#include "shared/base/log.h"

namespace edcsync::edge {

FeedTelemetry::FeedTelemetry(const Clock& clock, Metrics& metrics, Tracer* tracer,
                             bool log_records)
    : clock_(clock),
      tracer_(tracer),
      log_records_(log_records),
      seconds_(metrics.AddHistogram("edcsync_edge_feed_apply_seconds",
                                    "From a page of the feed to its durable end.", ShortTimes())),
      revisions_(metrics.AddCounter("edcsync_edge_feed_revisions_total",
                                    "Revisions that came with the feed and were stored.")) {}

void FeedTelemetry::End(std::int64_t begun_us, const std::vector<Applied>& applied) {
  const std::int64_t took_us = clock_.Mono().us - begun_us;
  seconds_.Observe(static_cast<double>(took_us) / 1e6);
  revisions_.Add(static_cast<double>(applied.size()));
  for (const Applied& revision : applied) {
    if (log_records_) {
      Log(LogLevel::kDebug, "record.received",
          {{"trace_id", TraceIdText(revision.key)},
           {"study_oid", revision.key.study.str()},
           {"subject_key", revision.key.subject.str()},
           {"study_event_oid", revision.key.event.str()},
           {"form_oid", revision.key.form.str()},
           {"revision", revision.id.ToHex()}});
    }
    if (tracer_ == nullptr) continue;
    const TraceContext written = tracer_->RevisionSpan(revision.key, revision.id);
    if (!written.sampled) continue;
    Span span;
    span.name = "feed.apply";
    span.kind = SpanKind::kConsumer;
    span.context = tracer_->NewSpan(written.trace);
    // What the gateway joins by itself has no span of its own.
    const bool joined =
        revision.origin == Origin::kConvergence || revision.origin == Origin::kMerge;
    if (!joined) span.parent = written.span;
    span.end_us = tracer_->NowUs();
    span.start_us = span.end_us - took_us;
    DescribeRecord(span, revision.key);
    span.attributes.emplace_back("edcsync.revision_id", revision.id.ToHex());
    span.attributes.emplace_back("edcsync.origin", std::string(ToString(revision.origin)));
    tracer_->End(std::move(span));
  }
}

}  // namespace edcsync::edge
