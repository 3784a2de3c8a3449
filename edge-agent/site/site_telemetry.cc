#include "edge-agent/site/site_telemetry.h"

#include "shared/base/log.h"

namespace edcsync::edge {

void SiteTelemetry::Answered(std::int64_t begun_us, EdgeStore& store, std::uint64_t proposal_id,
                             bool accepted) {
  std::optional<ProposalHere> row;
  const Status read = store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(row, tables.proposals.Find(proposal_id));
    return Ok();
  });
  if (!read.ok() || !row) return;
  const Result<RecordKey> key = ParseRecordKey(row->record_key);
  if (!key.ok()) return;
  Log(LogLevel::kInfo, "proposal.answered",
      {{"trace_id", TraceIdText(*key)},
       {"proposal", proposal_id},
       {"study_oid", key->study.str()},
       {"subject_key", key->subject.str()},
       {"study_event_oid", key->event.str()},
       {"form_oid", key->form.str()},
       {"revision", row->revision.ToHex()},
       {"accepted", accepted}});
  if (tracer_ == nullptr) return;
  const TraceContext proposed = tracer_->RevisionSpan(*key, row->revision);
  Span span;
  span.name = "endorse";
  span.kind = SpanKind::kServer;
  span.context = tracer_->NewSpan(proposed.trace);
  span.parent = proposed.span;
  span.start_us = begun_us;
  DescribeRecord(span, *key);
  span.attributes.emplace_back("edcsync.revision_id", row->revision.ToHex());
  span.attributes.emplace_back("edcsync.outcome",
                               std::string(accepted ? "accepted" : "rejected"));
  tracer_->End(std::move(span));
}

}  // namespace edcsync::edge
