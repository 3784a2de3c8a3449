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
  std::uint32_t version = 0;         // kCaptured, kUnchanged; kStale: of the current revision.
  RevisionId revision;               // kCaptured, kUnchanged; kStale: the current one.
  bool has_revision = false;         // False: refused, or stale without any record.
  std::uint64_t sequence = 0;        // kCaptured at an edge: place in the outbox.
  std::vector<Error> reasons;        // kRefused.
};
std::string_view ToString(CaptureOutcome::Kind kind);
CaptureOutcome Refused(Error error);

// Either a revision to write (kCaptured, all set but edited_at, offset, drift, salt, edge and
// origin, which are the writer's) or the outcome that says why none is written.
struct Draft {
  CaptureOutcome outcome;
  std::optional<Revision> revision;
};

// `current`: the record's current revision, nullptr if there is no record. A change of an
// existing record needs a reason; the same content makes no revision; a base revision that is
// not the current one is stale.
Draft DraftRevision(const Submission& submission, const KnownRevision* current);

}  // namespace edcsync
