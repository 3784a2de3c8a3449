#include "edge-agent/uplink/uplink_telemetry.h"

#include <algorithm>

#include "shared/base/log.h"
#include "shared/model/merge_rule.h"

namespace edcsync::edge {
namespace {

Outcome OutcomeOf(const wire::Receipt& receipt, Sequence sequence) {
  const auto found = std::ranges::find(receipt.exceptions, sequence,
                                       &wire::RevisionOutcome::sequence);
  return found == receipt.exceptions.end() ? Outcome::kApplied : found->outcome;
}

}  // namespace

UplinkTelemetry::UplinkTelemetry(const Clock& clock, Metrics& metrics, Tracer* tracer,
                                 bool log_records)
    : clock_(clock),
      tracer_(tracer),
      log_records_(log_records),
      seconds_(metrics.AddHistogram("edcsync_edge_push_to_receipt_seconds",
                                    "From sending a push to the gateway's receipt.",
                                    LongTimes())) {
  if (tracer_ != nullptr) exchanges_.emplace(*tracer_);
}

std::string UplinkTelemetry::Sending(const std::vector<QueuedRevision>& batch) {
  Flying push;
  push.first = batch.front().sequence;
  push.last = batch.back().sequence;
  while (!flying_.empty() && flying_.back().last >= push.first) {
    if (tracer_ != nullptr) DrawPush(flying_.back(), "sent_again");
    flying_.pop_back();
  }
  push.sent_at = clock_.Mono();
  if (tracer_ != nullptr) {
    push.context = tracer_->NewTrace();
    push.sent_us = tracer_->NowUs();
  }
  if (tracer_ != nullptr || log_records_) {
    for (const QueuedRevision& queued : batch) {
      Result<Revision> revision = DecodeRevision(queued.canonical);
      if (!revision.ok()) continue;
      if (!log_records_ && !tracer_->Samples(TraceIdOf(revision->key))) continue;
      push.records.push_back({queued.sequence, queued.id, std::move(revision->key)});
    }
  }
  flying_.push_back(std::move(push));
  return tracer_ == nullptr ? "" : FormatTraceParent(flying_.back().context);
}

void UplinkTelemetry::Receipted(const wire::Receipt& receipt) {
  while (!flying_.empty() && flying_.front().last <= receipt.acknowledged_through) {
    const Flying push = std::move(flying_.front());
    flying_.pop_front();
    seconds_.Observe(static_cast<double>(clock_.Mono().us - push.sent_at.us) / 1e6);
    Draw(push, receipt);
  }
}

void UplinkTelemetry::Draw(const Flying& push, const wire::Receipt& receipt) {
  if (tracer_ != nullptr) DrawPush(push, "");
  for (const FlyingRevision& record : push.records) {
    const std::string outcome(ToString(OutcomeOf(receipt, record.sequence)));
    if (log_records_) {
      Log(LogLevel::kDebug, "record.receipted",
          {{"trace_id", TraceIdText(record.key)},
           {"study_oid", record.key.study.str()},
           {"subject_key", record.key.subject.str()},
           {"study_event_oid", record.key.event.str()},
           {"form_oid", record.key.form.str()},
           {"revision", record.id.ToHex()},
           {"sequence", record.sequence.value()},
           {"outcome", outcome}});
    }
    if (tracer_ == nullptr) continue;
    const TraceContext written = tracer_->RevisionSpan(record.key, record.id);
    if (!written.sampled) continue;
    Span span;
    span.name = "receipt";
    span.context = tracer_->NewSpan(written.trace);
    span.parent = written.span;
    span.start_us = push.sent_us;
    DescribeRecord(span, record.key);
    span.attributes.emplace_back("edcsync.outcome", outcome);
    span.attributes.emplace_back("edcsync.sequence",
                                 static_cast<std::int64_t>(record.sequence.value()));
    span.links.push_back(push.context);
    tracer_->End(std::move(span));
  }
}

void UplinkTelemetry::DrawPush(const Flying& push, const std::string& error) {
  if (!push.context.sampled) return;
  Span span;
  span.name = "push";
  span.kind = SpanKind::kProducer;
  span.context = push.context;
  span.start_us = push.sent_us;
  span.error = error;
  span.attributes.emplace_back("edcsync.first_sequence",
                               static_cast<std::int64_t>(push.first.value()));
  span.attributes.emplace_back("edcsync.last_sequence",
                               static_cast<std::int64_t>(push.last.value()));
  for (const FlyingRevision& record : push.records) {
    if (span.links.size() == Span::kLinksMax) break;
    span.links.push_back(tracer_->RevisionSpan(record.key, record.id));
  }
  tracer_->End(std::move(span));
}

}  // namespace edcsync::edge
