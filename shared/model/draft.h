// From a submission to the revision it asks for: the same decision at the edge (capture) and at
// the centre (online edit). Pure: the caller hands in what stands now, the time and the salt.
//
//   used by   edge-agent/capture/capture.h, central-gateway/desk/online_edit.h
#pragma once

#include "shared/model/merge_rule.h"
#include "shared/model/submission.h"

namespace edcsync {

// What became of a submission, for the API and the commands.
struct CaptureOutcome {
  enum class Kind : std::uint8_t { kCaptured, kUnchanged, kStale, kRefused };
  Kind kind = Kind::kRefused;
  std::uint32_t version = 0;          // Captured, unchanged.
  RevisionId revision;                // Captured, unchanged.
  Sequence sequence;                  // Captured at an edge: its place in the outbox.
  std::vector<Error> reasons;         // Refused.
  std::optional<RevisionId> current;  // Stale: what to decide again upon; none: no such record.
};
std::string_view ToString(CaptureOutcome::Kind kind);
CaptureOutcome Refused(Error error);

// Either a revision to write (kCaptured, all set but edited_at, offset, drift, salt, edge and
// origin, which are the writer's) or the outcome that says why none is written.
struct Draft {
  CaptureOutcome outcome;
  std::optional<Revision> revision;
};

// `current`: the record's current revision, nullptr if there is no record. In this order:
//   no such record, a base revision is named     stale, without a current revision
//   no such record, to be removed                refused kNotFound
//   says what the current revision says          unchanged: a repeat is answered again
//   its base revision is not the current one     stale, with the current revision
//   another site's subject                       refused kWrongSite
//   changes a record and gives no reason         refused kReasonRequired
//   otherwise                                    captured; its parent is the current revision
Draft DraftRevision(const Submission& submission, const KnownRevision* current);

}  // namespace edcsync
