#include "edge-agent/uplink/exchange_telemetry.h"

#include "shared/crypto/revision_id.h"

namespace edcsync::edge {

void ExchangeTelemetry::Link(BytesView canonical, std::vector<TraceContext>& links) const {
  if (links.size() == Span::kLinksMax) return;
  const Result<Revision> revision = DecodeRevision(canonical);
  if (revision.ok()) links.push_back(tracer_.RevisionSpan(revision->key, IdOf(canonical)));
}

std::string ExchangeTelemetry::Asking(const wire::Frame& frame, const RecordKey* record) {
  if (std::holds_alternative<wire::Pull>(frame)) {
    return Begin(wire::FrameKind::kPull, {"pull", tracer_.NewTrace(), 0, {}});
  }
  if (const auto* offer = std::get_if<wire::Offer>(&frame)) {
    Asked asked{"offer", tracer_.NewTrace(), 0, {}};
    for (const wire::OfferedRevision& offered : offer->revisions) {
      if (asked.context.sampled) Link(offered.revision, asked.links);
    }
    return Begin(wire::FrameKind::kOffer, std::move(asked));
  }
  const auto* endorsement = std::get_if<wire::Endorsement>(&frame);
  if (endorsement == nullptr || record == nullptr) return "";
  const TraceContext proposed = tracer_.RevisionSpan(*record, endorsement->revision);
  return Begin(wire::FrameKind::kEndorsement,
               {"endorsement", tracer_.NewSpan(proposed.trace), 0, {proposed}});
}

std::string ExchangeTelemetry::Begin(wire::FrameKind kind, Asked asked) {
  End(kind, "unanswered");
  asked.asked_us = tracer_.NowUs();
  const std::string trace_parent = FormatTraceParent(asked.context);
  asked_[kind] = std::move(asked);
  return trace_parent;
}

void ExchangeTelemetry::End(wire::FrameKind kind, const std::string& error) {
  const auto found = asked_.find(kind);
  if (found == asked_.end()) return;
  Span span;
  span.name = found->second.name;
  span.kind = SpanKind::kProducer;
  span.context = found->second.context;
  span.start_us = found->second.asked_us;
  span.links = std::move(found->second.links);
  span.error = error;
  asked_.erase(found);
  tracer_.End(std::move(span));
}

void ExchangeTelemetry::Answered(const wire::Frame& frame, const std::string& trace_parent) {
  if (const auto* feed = std::get_if<wire::Feed>(&frame)) {
    if (feed->entries.empty()) {  // As most are: every edge asks each minute.
      asked_.erase(wire::FrameKind::kPull);
      return;
    }
    End(wire::FrameKind::kPull, "");
    std::vector<TraceContext> links;
    for (const wire::FeedEntry& entry : feed->entries) {
      Link(entry.kind == wire::FeedKind::kRevision ? entry.revision
                                                   : entry.conflict.proposal.revision,
           links);
    }
    Take("feed", trace_parent, std::move(links));
  } else if (const auto* receipt = std::get_if<wire::Receipt>(&frame)) {
    if (receipt->offer_page != 0) return End(wire::FrameKind::kOffer, "");
    Take("settle", trace_parent, {});
  } else if (std::holds_alternative<wire::EndorsementReceipt>(frame)) {
    End(wire::FrameKind::kEndorsement, "");
    Take("endorsement.receipt", trace_parent, {});
  }
}

// Whoever may write to this edge's topic may write a traceparent: it decides where a span is drawn,
// and nothing else.
void ExchangeTelemetry::Take(const char* name, const std::string& trace_parent,
                             std::vector<TraceContext> links) {
  const std::optional<TraceContext> sender = ParseTraceParent(trace_parent);
  if (!sender || !tracer_.Samples(sender->trace)) return;
  Span span;
  span.name = name;
  span.kind = SpanKind::kConsumer;
  span.context = tracer_.NewSpan(sender->trace);
  span.parent = sender->span;
  span.start_us = tracer_.NowUs();
  span.links = std::move(links);
  if (span.name != "settle") return tracer_.End(std::move(span));
  if (unsettled_.size() == kUnsettledMax) unsettled_.erase(unsettled_.begin());
  unsettled_.push_back(std::move(span));
}

void ExchangeTelemetry::Settled() {
  for (Span& span : unsettled_) tracer_.End(std::move(span));
  unsettled_.clear();
}

}  // namespace edcsync::edge
