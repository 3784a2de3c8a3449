#include "edge-agent/capture/capture.h"

#include <algorithm>
#include <span>

#include "edge-agent/store/record_writer.h"
#include "shared/base/planted_defect.h"
#include "shared/crypto/revision_id.h"
#include "shared/model/hybrid_clock.h"

namespace edcsync::edge {
namespace {

// Submissions in one work: large enough that a batch is paid by few commits, small enough that a
// long import does not keep a person at the desk waiting.
constexpr std::size_t kWorkSubmissionCountMax = 128;

// One work: the submissions of one transaction's savepoint, one after another. A failure returned
// is the store's and undoes all of them; a refusal is an outcome.
class CaptureWork {
 public:
  explicit CaptureWork(EdgeStore& store) : store_(store), tables_(store.writer_tables()) {}

  Status Run(std::span<Result<Submission>> submissions, std::span<CaptureOutcome> outcomes) {
    now_ = store_.clock().Wall();
    EDCSYNC_ASSIGN(checkpoint_, tables_.checkpoint.Get());
    EDCSYNC_ASSIGN(const OutboxTable::Tail tail, tables_.outbox.ReadTail());
    const EditTime last_edit = checkpoint_.last_edit;
    last_sequence_ = tail.last;
    for (std::size_t i = 0; i < submissions.size(); ++i) {
      if (!submissions[i].ok()) {
        outcomes[i] = Refused(submissions[i].error());
        continue;
      }
      EDCSYNC_ASSIGN(outcomes[i], Submit(*submissions[i]));
    }
    if (checkpoint_.last_edit == last_edit) return Ok();
    return tables_.checkpoint.Update(checkpoint_);
  }

 private:
  Result<CaptureOutcome> Submit(const Submission& submission) {
    if (submission.site != checkpoint_.site) {
      return Refused({ErrorCode::kWrongSite, "this edge serves site " + checkpoint_.site.str()});
    }
    EDCSYNC_ASSIGN(const bool locked, tables_.locks.Covers(submission.key, submission.site));
    if (locked) return Refused({ErrorCode::kLocked, "the record is locked at the centre"});
    EDCSYNC_ASSIGN(const std::optional<KnownRevision> current, Current(submission.key));
    Draft draft = DraftRevision(submission, current ? &*current : nullptr);
    if (!draft.revision) return std::move(draft.outcome);
    return Write(std::move(*draft.revision));
  }

  Result<std::optional<KnownRevision>> Current(const RecordKey& key) {
    EDCSYNC_ASSIGN(const std::optional<RecordRow> record, tables_.records.Find(key));
    if (!record) return std::optional<KnownRevision>();
    EDCSYNC_ASSIGN(std::optional<StoredRevision> current,
                   tables_.revisions.Find(record->current));
    if (current) return std::optional(std::move(current->known));
    return Fail(ErrorCode::kInvariant,
                "the current revision " + record->current.ToHex() + " is not stored");
  }

  void Complete(Revision& revision) {
    revision.origin = Origin::kSite;
    revision.edge = checkpoint_.edge;
    revision.edited_at = NextEditTime(checkpoint_.last_edit, now_);
    if (EDCSYNC_DEFECT("clock-runs-back")) revision.edited_at = {now_.ms, 0};
    revision.utc_offset_minutes = static_cast<std::int16_t>(store_.clock().UtcOffsetMinutes(now_));
    revision.clock_drift_ms = checkpoint_.clock_drift_ms;
    store_.random().Fill(revision.salt);
  }

  Result<CaptureOutcome> Write(Revision revision) {
    Complete(revision);
    KnownRevision known{{}, std::move(revision)};
    const Status well_formed = CheckRevision(known.revision);
    if (!well_formed.ok()) return Refused(well_formed.error());
    const Bytes canonical = EncodeRevision(known.revision);
    if (canonical.size() > limits::kRevisionBytesMax) {
      return Refused({ErrorCode::kTooLarge, "the record takes " +
                                                std::to_string(canonical.size()) + " bytes, " +
                                                std::to_string(limits::kRevisionBytesMax) +
                                                " are allowed"});
    }
    known.id = IdOf(canonical);
    EDCSYNC_ASSIGN(const std::int64_t rowid, AddRevision(tables_, known, canonical, now_));
    const std::uint64_t waiting =
        last_sequence_.value() - checkpoint_.acknowledged_through.value();
    EDCSYNC_ASSIGN(last_sequence_, tables_.outbox.Append(rowid, known.id, now_, waiting));
    EDCSYNC_TRY(WriteAudit(known));
    checkpoint_.last_edit = known.revision.edited_at;
    CaptureOutcome outcome;
    outcome.kind = CaptureOutcome::Kind::kCaptured;
    outcome.version = known.revision.version;
    outcome.revision = known.id;
    outcome.sequence = last_sequence_;
    return outcome;
  }

  Status WriteAudit(const KnownRevision& known) {
    AuditEntry entry;
    entry.at = now_;
    entry.actor = known.revision.user.empty() ? "edge:" + checkpoint_.edge.str()
                                              : known.revision.user;
    entry.action = "revision.captured";
    entry.object = ToString(known.revision.key);
    entry.detail = "revision=" + known.id.ToHex() +
                   " version=" + std::to_string(known.revision.version) +
                   " sequence=" + std::to_string(last_sequence_.value());
    return tables_.audit.Append(std::move(entry));
  }

  EdgeStore& store_;
  EdgeTables& tables_;
  WallTime now_;
  Checkpoint checkpoint_;
  Sequence last_sequence_;
};

}  // namespace

Capture::Capture(EdgeStore& store, std::function<void()> captured,
                 std::function<Status()> may_take, CaptureTelemetry* telemetry)
    : store_(store),
      captured_(std::move(captured)),
      may_take_(std::move(may_take)),
      telemetry_(telemetry) {}

std::vector<CaptureOutcome> Capture::SubmitAll(std::vector<Result<Submission>> submissions,
                                               const std::optional<TraceContext>& origin) {
  std::vector<CaptureOutcome> outcomes(submissions.size());
  for (std::size_t done = 0; done < submissions.size();) {
    const std::size_t count = std::min(submissions.size() - done, kWorkSubmissionCountMax);
    const std::span<CaptureOutcome> here = std::span(outcomes).subspan(done, count);
    const auto work = std::span(submissions).subspan(done, count);
    const CaptureTelemetry::Begun begun =
        telemetry_ == nullptr ? CaptureTelemetry::Begun{} : telemetry_->Begin();
    Status status = may_take_ ? may_take_() : Ok();
    if (status.ok()) {
      status = store_.writer().Run([&] { return CaptureWork(store_).Run(work, here); });
    }
    if (!status.ok()) {
      std::fill(outcomes.begin() + static_cast<std::ptrdiff_t>(done), outcomes.end(),
                Refused(status.error()));
      if (telemetry_ != nullptr) telemetry_->End(begun, work, here, origin);
      return outcomes;
    }
    if (telemetry_ != nullptr) telemetry_->End(begun, work, here, origin);
    const bool any = std::ranges::any_of(here, [](const CaptureOutcome& outcome) {
      return outcome.kind == CaptureOutcome::Kind::kCaptured;
    });
    if (any && captured_) captured_();
    done += count;
  }
  return outcomes;
}

}  // namespace edcsync::edge
