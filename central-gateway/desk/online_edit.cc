#include "central-gateway/desk/online_edit.h"

#include "shared/base/limits.h"
#include "shared/model/hybrid_clock.h"

namespace edcsync::central {
namespace {

Result<CaptureOutcome> SubmitOne(CentralWriter& writer, RegistryCache& registry,
                                 const CentreWriter& centre, const Submission& submission) {
  EDCSYNC_ASSIGN(const std::optional<RecordState> record, writer.FindRecord(submission.key));
  std::optional<KnownRevision> current;
  if (record) {
    EDCSYNC_ASSIGN(const std::optional<RevisionRow> row, writer.FindRevision(record->current));
    if (!row) return Fail(ErrorCode::kInvariant, "The current revision is not stored");
    current = row->known;
  }
  Draft draft = DraftRevision(submission, current ? &*current : nullptr);
  if (!draft.revision) return draft.outcome;
  CompleteAtCentre(*draft.revision, Origin::kOnline,
                   current ? current->revision.edited_at : EditTime(), centre);
  const Status sound = CheckRevision(*draft.revision);
  if (!sound.ok()) return Refused(sound.error());
  EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
  EDCSYNC_ASSIGN(draft.outcome.revision, merger.ApplyOwn(*draft.revision));
  return draft.outcome;
}

}  // namespace

void CompleteAtCentre(Revision& revision, Origin origin, EditTime after,
                      const CentreWriter& centre) {
  revision.origin = origin;
  revision.edited_at = NextEditTime(after, centre.clock.Wall());
  revision.utc_offset_minutes =
      static_cast<std::int16_t>(centre.clock.UtcOffsetMinutes({revision.edited_at.ms}));
  centre.random.Fill(revision.salt);
}

std::vector<CaptureOutcome> SubmitOnline(CentralStore& store, const CentreWriter& centre,
                                         std::vector<Result<Submission>> submissions,
                                         const std::string& user) {
  std::vector<CaptureOutcome> outcomes;
  RegistryCache registry;
  for (Result<Submission>& submission : submissions) {
    if (!submission.ok()) {
      outcomes.push_back(Refused(submission.error()));
      continue;
    }
    if (submission->user.empty()) submission->user = user;
    CaptureOutcome outcome;
    const Status written = store.Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(outcome, SubmitOne(writer, registry, centre, *submission));
      return Ok();
    });
    outcomes.push_back(written.ok() ? std::move(outcome) : Refused(written.error()));
  }
  return outcomes;
}

}  // namespace edcsync::central
