#include "central-gateway/web/desk_telemetry.h"

#include "shared/base/log.h"

namespace edcsync::central {

DeskTelemetry::DeskTelemetry(const Clock& clock, Metrics& metrics, Tracer* tracer)
    : clock_(clock), tracer_(tracer) {
  for (const bool writes : {false, true}) {
    seconds_[writes ? 1 : 0] = &metrics.AddHistogram(
        "edcsync_gateway_desk_request_seconds", "Calls of the desk's API.", ShortTimes(),
        {{"kind", writes ? "write" : "read"}});
  }
  const std::array<const char*, 3> classes{"ok", "refused", "failed"};
  for (std::size_t i = 0; i < classes.size(); ++i) {
    answers_[i] = &metrics.AddCounter("edcsync_gateway_desk_requests_total",
                                      "Calls of the desk's API, by how they were answered.",
                                      {{"answer", classes[i]}});
  }
}

void DeskTelemetry::Served(MonoTime begun, bool writes, int status) {
  seconds_[writes ? 1 : 0]->Observe(static_cast<double>(clock_.Mono().us - begun.us) / 1e6);
  answers_[status < 400 ? 0 : status < 500 ? 1 : 2]->Add();
}

void DeskTelemetry::Acted(const char* name, std::int64_t begun_us, const RecordKey& key,
                          const std::pair<std::string, std::string>& subject) {
  if (tracer_ == nullptr) return;
  Span span;
  span.name = name;
  span.kind = SpanKind::kServer;
  span.context = tracer_->NewSpan(TraceIdOf(key));
  span.start_us = begun_us;
  DescribeRecord(span, key);
  span.attributes.emplace_back(subject.first, subject.second);
  tracer_->End(std::move(span));
}

void DeskTelemetry::Decided(const char* name, const Act& act, const RecordKey& key,
                            std::uint64_t conflict, const RevisionId& revision,
                            const std::vector<RevisionId>& heads) {
  Log(LogLevel::kInfo, std::string("conflict.") + name,
      {{"trace_id", TraceIdText(key)},
       {"conflict", conflict},
       {"study_oid", key.study.str()},
       {"subject_key", key.subject.str()},
       {"study_event_oid", key.event.str()},
       {"form_oid", key.form.str()},
       {"revision", revision.ToHex()}});
  if (tracer_ == nullptr) return;
  Span span;
  span.name = name;
  span.kind = SpanKind::kServer;
  span.context = tracer_->RevisionSpan(key, revision);
  span.start_us = act.begun_us;
  DescribeRecord(span, key);
  span.attributes.emplace_back("edcsync.conflict_id", std::to_string(conflict));
  span.attributes.emplace_back("edcsync.revision_id", revision.ToHex());
  for (const RevisionId& head : heads) span.links.push_back(tracer_->RevisionSpan(key, head));
  Span sign;
  sign.name = "sign";
  sign.context = tracer_->NewSpan(span.context.trace);
  sign.parent = span.context.span;
  sign.start_us = act.signing_us;
  sign.end_us = act.signed_us;
  tracer_->End(std::move(span));
  tracer_->End(std::move(sign));
}

}  // namespace edcsync::central
