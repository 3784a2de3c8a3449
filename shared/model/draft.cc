#include "shared/model/draft.h"

namespace edcsync {
namespace {

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

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
  CaptureOutcome& outcome = draft.outcome;
  if (current == nullptr) {
    if (submission.base_revision) {
      outcome.kind = CaptureOutcome::Kind::kStale;
      return draft;
    }
    if (submission.remove) {
      outcome = Refused({ErrorCode::kNotFound, "There is no such record to remove"});
      return draft;
    }
  } else {
    const Revision& before = current->revision;
    if (before.removed == submission.remove &&
        (submission.remove || before.items == submission.items)) {
      outcome.kind = CaptureOutcome::Kind::kUnchanged;
      outcome.version = before.version;
      outcome.revision = current->id;
      return draft;
    }
    if (submission.base_revision && *submission.base_revision != current->id) {
      outcome.kind = CaptureOutcome::Kind::kStale;
      outcome.current = current->id;
      return draft;
    }
    if (before.site != submission.site) {
      outcome = Refused({ErrorCode::kWrongSite,
                         "The record belongs to site " + before.site.str()});
      return draft;
    }
    if (IsBlank(submission.reason_for_change)) {
      outcome = Refused({ErrorCode::kReasonRequired,
                         "This changes version " + std::to_string(before.version) +
                             " of an existing record, and reasonForChange is missing"});
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
