#include "central-gateway/app/command_telemetry.h"

namespace edcsync::central {

CommandTelemetry::CommandTelemetry(CommandContext& context)
    : telemetry_(StartTelemetry(context.telemetry, {"central-gateway", context.gateway},
                                context.clock, context.random)) {
  if (telemetry_.tracer != nullptr) begun_us_ = telemetry_.tracer->NowUs();
}

void CommandTelemetry::Draw(const char* name, const RecordKey& key,
                            const std::optional<RevisionId>& written,
                            const std::vector<RevisionId>& over) {
  if (telemetry_.tracer == nullptr) return;
  Tracer& tracer = *telemetry_.tracer;
  Span span;
  span.name = name;
  span.context =
      written ? tracer.RevisionSpan(key, *written) : tracer.NewSpan(TraceIdOf(key));
  span.start_us = begun_us_;
  begun_us_ = span.end_us = tracer.NowUs();
  DescribeRecord(span, key);
  span.attributes.emplace_back("edcsync.by", std::string("command"));
  if (written) span.attributes.emplace_back("edcsync.revision_id", written->ToHex());
  for (const RevisionId& revision : over) span.links.push_back(tracer.RevisionSpan(key, revision));
  tracer.End(std::move(span));
}

void CommandTelemetry::LookAt(CentralStore& store, SnowflakeId conflict) {
  if (telemetry_.tracer == nullptr) return;
  // What cannot be read is not drawn.
  (void)store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(conflict_, reader.FindConflict(conflict));
    return Ok();
  });
}

void CommandTelemetry::DrawConflict(const char* name, const std::optional<RevisionId>& written) {
  if (conflict_) Draw(name, conflict_->key, written, conflict_->heads);
}

void CommandTelemetry::DrawQuarantined(const char* name, CentralStore& store,
                                       const RevisionId& revision) {
  if (telemetry_.tracer == nullptr) return;
  std::optional<QuarantineRow> row;
  const Status read = store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(row, reader.FindQuarantine(revision));
    return Ok();
  });
  if (!read.ok() || !row || !row->key) return;
  Draw(name, *row->key, std::nullopt, {revision});
}

}  // namespace edcsync::central
