#include "shared/model/draft.h"

namespace edcsync {

std::string_view ToString(CaptureOutcome::Kind kind) {
  switch (kind) {
    case CaptureOutcome::Kind::kCaptured: return "captured";
    case CaptureOutcome::Kind::kUnchanged: return "unchanged";
    case CaptureOutcome::Kind::kStale: return "stale";
    case CaptureOutcome::Kind::kRefused: return "refused";
  }
  return "refused";
}

CaptureOutcome Refused(Error error) {
  CaptureOutcome outcome;
  outcome.reasons.push_back(std::move(error));
  return outcome;
}

Draft DraftRevision(const Submission& submission, const KnownRevision* current) {
  Draft draft;
  const auto stands = [&](CaptureOutcome::Kind kind) {
    draft.outcome.kind = kind;
    if (current != nullptr) {
      draft.outcome.has_revision = true;
      draft.outcome.revision = current->id;
      draft.outcome.version = current->revision.version;
    }
    return draft;
  };
  if (submission.base_revision &&
      (current == nullptr || current->id != *submission.base_revision)) {
    return stands(CaptureOutcome::Kind::kStale);
  }
  if (current == nullptr && submission.remove) {
    draft.outcome = Refused({ErrorCode::kNotFound, "There is no such record to remove"});
    return draft;
  }
  if (current != nullptr) {
    const Revision& before = current->revision;
    if (before.removed == submission.remove && before.items == submission.items) {
      return stands(CaptureOutcome::Kind::kUnchanged);
    }
    if (before.site != submission.site) {
      draft.outcome = Refused({ErrorCode::kWrongSite, "The subject belongs to another site"});
      return draft;
    }
    if (submission.reason_for_change.empty()) {
      draft.outcome = Refused({ErrorCode::kReasonRequired,
                               "This changes version " + std::to_string(before.version) +
                                   " of an existing record"});
      return draft;
    }
  }
  Revision revision;
  revision.key = submission.key;
  revision.site = submission.site;
  revision.removed = submission.remove;
  revision.version = current == nullptr ? 1 : current->revision.version + 1;
  if (current != nullptr) revision.parents = {current->id};
  revision.metadata_version = submission.metadata_version;
  revision.user = submission.user;
  revision.reason_for_change = submission.reason_for_change;
  if (!submission.remove) revision.items = submission.items;
  draft.outcome.kind = CaptureOutcome::Kind::kCaptured;
  draft.outcome.version = revision.version;
  draft.revision = std::move(revision);
  return draft;
}

}  // namespace edcsync
