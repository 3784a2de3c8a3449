// The capture stage: a submission of the site's front end becomes a revision, and is durable
// before its caller is told so. Record, revision, outbox row, audit entry and hybrid clock are one
// transaction; callers that come at the same time share its commit.
//
//   called by   edge-agent/site (HTTP), edge-agent/app (import)
//   writes      edge-agent/store: record, revision, outbox, audit, checkpoint
//   wakes       edge-agent/uplink, after a commit
//
// What becomes of a submission, in this order:
//   not of this site                                  refused kWrongSite
//   the record is locked at the centre                refused kLocked
//   decided against the current revision             as DraftRevision says (shared/model/draft.h)
//   larger or other than a revision may be            refused kTooLarge, kFieldInvalid
//   otherwise                                         captured
//
// A revision on a record with several heads has only the current one as parent: it wins over the
// others, and the conflict stays open for a data manager.
#pragma once

#include <functional>
#include <vector>

#include "edge-agent/capture/capture_telemetry.h"
#include "edge-agent/store/edge_store.h"
#include "shared/model/draft.h"

namespace edcsync::edge {

using edcsync::CaptureOutcome;

class Capture {
 public:
  // `store` outlives it. `captured` wakes the uplink: it is called after each commit that captured
  // something, on the thread that submitted, and so by several at once. It may be empty. `may_take`
  // is asked before anything is written (shared/base/disk_guard.h); it may be empty, too.
  // `telemetry` outlives it; nullptr: nobody measures.
  Capture(EdgeStore& store, std::function<void()> captured,
          std::function<Status()> may_take = {}, CaptureTelemetry* telemetry = nullptr);

  // One outcome for each submission, in order; a submission that did not parse is refused with
  // its error. Later ones see earlier ones. Returns after the commit. Once the store fails (disk
  // full, outbox full, too many callers wait) what is left is refused with the same error: an
  // earlier state of a record must not be sent again after a later one was taken. `origin`: the
  // caller's own span, if it named one; only linked. Threads: any, but for the writer's.
  std::vector<CaptureOutcome> SubmitAll(std::vector<Result<Submission>> submissions,
                                        const std::optional<TraceContext>& origin = {});

 private:
  EdgeStore& store_;
  std::function<void()> captured_;
  std::function<Status()> may_take_;
  CaptureTelemetry* const telemetry_;
};

}  // namespace edcsync::edge
