// Applies pages of the change feed: changes of the site's subjects made elsewhere, by the same
// merge rule as the centre's; and the states of conflicts (what is proposed to settle them
// too), locks and quarantine. One page, its
// cursor and its audit entries are one transaction.
//
//   used by   edge-agent/downlink/feed_puller.h, reconciliation.h
//
// Threads: Apply from the loop; the work runs on the store's writer.
#pragma once

#include "edge-agent/downlink/feed_telemetry.h"
#include "edge-agent/store/edge_store.h"
#include "edge-agent/store/record_writer.h"
#include "shared/wire/frames.h"

namespace edcsync::edge {

class FeedApplier {
 public:
  // `telemetry` outlives it, as `store` does; nullptr: none.
  FeedApplier(EdgeStore& store, SiteOID site, FeedTelemetry* telemetry = nullptr)
      : store_(store), site_(std::move(site)), telemetry_(telemetry) {}

  // Queues the page; `done` runs on the store's writer after its commit.
  Status Apply(wire::Feed feed, std::function<void(Status)> done);

  // Takes a revision that a reconciliation found missing here: back to where it was; if nothing here
  // tells of it, as one that came with the feed if `as_new`, else not at all (kAbsent). Inside a
  // work. `gaps`: FindRevisionGaps.
  Result<wire::RevisionPresence> TakeRedelivered(const wire::OfferedRevision& offered,
                                                 const std::vector<RevisionGap>& gaps,
                                                 bool as_new);

 private:
  Status ApplyInWork(const wire::Feed& feed);
  Status ApplyConflict(const wire::ConflictState& state, WallTime now);
  Status ApplyRevision(const wire::FeedEntry& entry);
  Result<std::optional<RevisionId>> MissingFor(const RevisionId& id, const Revision& revision);
  Status Insert(const KnownRevision& known, BytesView canonical, const Digest& mark);
  Status ApplyHeldFor(RevisionId parent);

  EdgeStore& store_;
  SiteOID site_;
  FeedTelemetry* const telemetry_;
  std::vector<FeedTelemetry::Applied> applied_;  // By the work that runs. The writer's.
};

}  // namespace edcsync::edge
