#include "central-gateway/intake/intake_telemetry.h"

#include <algorithm>

#include "shared/base/log.h"
#include "shared/crypto/revision_id.h"

namespace edcsync::central {
namespace {

// Of one push: an edge turned bad may not flood the log.
constexpr std::size_t kToldMax = 20;

double Seconds(MonoTime from, MonoTime to) { return static_cast<double>(to.us - from.us) / 1e6; }

const char* EventOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kHeld: return "record.held";
    case Outcome::kQuarantined: return "record.quarantined";
    case Outcome::kConflictWon:
    case Outcome::kConflictLost: return "record.in_conflict";
    case Outcome::kApplied:
    case Outcome::kDuplicate:
    case Outcome::kConverged:
    case Outcome::kMerged: return nullptr;
  }
  return nullptr;
}

// The name of the error that an answer tells; "" if it tells none.
std::string ErrorOf(const Status& committed, const Result<Answer>& answer) {
  if (!committed.ok()) return std::string(Describe(committed.error().code).name);
  const auto* refuse = answer.ok() ? std::get_if<wire::Refuse>(&*answer) : nullptr;
  if (refuse == nullptr) return "";
  const ErrorInfo* info = FindError(refuse->reason);
  return info == nullptr ? "refused" : std::string(info->name);
}

}  // namespace

IntakeTelemetry::IntakeTelemetry(const Clock& clock, Metrics& metrics, Tracer* tracer)
    : clock_(clock),
      tracer_(tracer),
      push_seconds_(metrics.AddHistogram("edcsync_gateway_push_seconds",
                                         "From a push's arrival to its answer, after the commit.",
                                         ShortTimes())),
      merge_seconds_(metrics.AddHistogram("edcsync_gateway_merge_seconds",
                                          "Merging the revisions of one push.", ShortTimes())) {
  for (std::size_t number = 1; number < outcomes_.size(); ++number) {
    outcomes_[number] = &metrics.AddCounter(
        "edcsync_gateway_revisions_total", "Revisions received, by what the merge made of them.",
        {{"outcome", std::string(ToString(static_cast<Outcome>(number)))}});
  }
}

IntakeTelemetry::Frame::Frame(IntakeTelemetry& owner, const char* name, EdgeId edge,
                              const std::string& trace_parent)
    : owner_(owner), edge_(std::move(edge)), name_(name) {
  if (owner_.tracer_ == nullptr) return;
  arrived_us_ = owner_.tracer_->NowUs();
  if (const std::optional<TraceContext> sender = ParseTraceParent(trace_parent)) {
    context_ = owner_.tracer_->NewSpan(sender->trace);
    parent_ = sender->span;
  } else {
    context_ = owner_.tracer_->NewTrace();
  }
}

std::string IntakeTelemetry::Frame::TraceParent() const {
  return owner_.tracer_ == nullptr ? "" : FormatTraceParent(context_);
}

void IntakeTelemetry::Frame::Link(BytesView canonical) {
  if (links_.size() == Span::kLinksMax) return;
  const Result<Revision> revision = DecodeRevision(canonical);
  if (revision.ok()) {
    links_.push_back(owner_.tracer_->RevisionSpan(revision->key, IdOf(canonical)));
  }
}

void IntakeTelemetry::Frame::Link(const wire::Feed& page) {
  if (!context_.sampled) return;
  for (const wire::FeedEntry& entry : page.entries) {
    Link(entry.kind == wire::FeedKind::kRevision ? entry.revision
                                                 : entry.conflict.proposal.revision);
  }
}

void IntakeTelemetry::Frame::Answered(const Status& committed, const Result<Answer>& answer) {
  Draw(ErrorOf(committed, answer));
}

void IntakeTelemetry::Frame::Draw(const std::string& error) {
  if (!context_.sampled) return;
  Span span;
  span.name = name_;
  span.kind = SpanKind::kConsumer;
  span.context = context_;
  span.parent = parent_;
  span.start_us = arrived_us_;
  span.error = error;
  span.attributes.emplace_back("edcsync.edge", edge_.str());
  span.links = links_;
  owner_.tracer_->End(std::move(span));
}

IntakeTelemetry::Push::Push(IntakeTelemetry& owner, EdgeId edge, const std::string& trace_parent)
    : Frame(owner, "intake", std::move(edge), trace_parent), arrived_at_(owner.clock_.Mono()) {}

void IntakeTelemetry::Push::Merging() {
  merging_at_ = owner_.clock_.Mono();
  if (owner_.tracer_ != nullptr) merging_us_ = owner_.tracer_->NowUs();
}

void IntakeTelemetry::Push::Merged(const ReadPush& push, const Result<Answer>& answer) {
  merged_at_ = owner_.clock_.Mono();
  if (owner_.tracer_ != nullptr) merged_us_ = owner_.tracer_->NowUs();
  if (!answer.ok() || !std::holds_alternative<wire::Receipt>(*answer)) return;
  const auto& exceptions = std::get<wire::Receipt>(*answer).exceptions;
  auto exception = exceptions.begin();  // Both ascend by sequence.
  Sequence sequence = push.first_sequence;
  for (const Incoming& incoming : push.revisions) {
    while (exception != exceptions.end() && exception->sequence < sequence) ++exception;
    const bool excepted = exception != exceptions.end() && exception->sequence == sequence;
    const Outcome outcome = excepted ? exception->outcome : Outcome::kApplied;
    const std::uint16_t reason = excepted ? exception->reason : 0;
    sequence = sequence.Next();
    ++outcomes_.at(static_cast<std::size_t>(outcome));
    if (!incoming.revision.ok()) continue;
    const RecordKey& key = incoming.revision->key;
    if (EventOf(outcome) != nullptr && told_.size() < kToldMax) {
      told_.push_back({key, incoming.id, outcome, reason});
    }
    if (owner_.tracer_ != nullptr && owner_.tracer_->Samples(TraceIdOf(key))) {
      sampled_.push_back({key, incoming.id, outcome, reason});
    }
  }
}

void IntakeTelemetry::Push::Committed() {
  if (owner_.tracer_ != nullptr) committed_us_ = owner_.tracer_->NowUs();
}

void IntakeTelemetry::Push::Answered(const Status& committed, const Result<Answer>& answer) {
  const bool receipted =
      committed.ok() && answer.ok() && std::holds_alternative<wire::Receipt>(*answer);
  owner_.push_seconds_.Observe(Seconds(arrived_at_, owner_.clock_.Mono()));
  if (receipted) {
    owner_.merge_seconds_.Observe(Seconds(merging_at_, merged_at_));
    for (std::size_t number = 1; number < outcomes_.size(); ++number) {
      if (outcomes_[number] > 0) {
        owner_.outcomes_[number]->Add(static_cast<double>(outcomes_[number]));
      }
    }
    LogOutcomes();
  }
  if (owner_.tracer_ == nullptr) return;
  for (const Record& record : sampled_) {
    if (links_.size() == Span::kLinksMax) break;
    links_.push_back(owner_.tracer_->RevisionSpan(record.key, record.id));
  }
  Draw(ErrorOf(committed, answer));
  DrawParts();
  if (receipted) DrawRecords();
}

void IntakeTelemetry::Push::LogOutcomes() const {
  for (const Record& record : told_) {
    const ErrorInfo* info = FindError(record.reason);
    Log(LogLevel::kInfo, EventOf(record.outcome),
        {{"trace_id", TraceIdText(record.key)},
         {"edge", edge_.str()},
         {"study_oid", record.key.study.str()},
         {"subject_key", record.key.subject.str()},
         {"study_event_oid", record.key.event.str()},
         {"form_oid", record.key.form.str()},
         {"revision", record.id.ToHex()},
         {"outcome", ToString(record.outcome)},
         {"reason", info == nullptr ? "" : std::string(info->name)}});
  }
}

Span IntakeTelemetry::Push::Part(const char* name, std::int64_t from_us, std::int64_t to_us) {
  Span span;
  span.name = name;
  span.context = owner_.tracer_->NewSpan(context_.trace);
  span.parent = context_.span;
  span.start_us = from_us;
  span.end_us = to_us;
  return span;
}

void IntakeTelemetry::Push::DrawParts() {
  if (!context_.sampled || merged_us_ == 0) return;  // The commit could not begin.
  owner_.tracer_->End(Part("merge", merging_us_, merged_us_));
  if (committed_us_ != 0) owner_.tracer_->End(Part("commit", merged_us_, committed_us_));
}

void IntakeTelemetry::Push::DrawRecords() {
  for (const Record& record : sampled_) {
    const TraceContext written = owner_.tracer_->RevisionSpan(record.key, record.id);
    Span span;
    span.name = "merge";
    span.kind = SpanKind::kConsumer;
    span.context = owner_.tracer_->NewSpan(written.trace);
    span.parent = written.span;
    span.start_us = merging_us_;
    span.end_us = committed_us_;
    DescribeRecord(span, record.key);
    span.attributes.emplace_back("edcsync.edge", edge_.str());
    span.attributes.emplace_back("edcsync.revision_id", record.id.ToHex());
    span.attributes.emplace_back("edcsync.outcome", std::string(ToString(record.outcome)));
    span.links.push_back(context_);
    owner_.tracer_->End(std::move(span));
  }
}

}  // namespace edcsync::central
