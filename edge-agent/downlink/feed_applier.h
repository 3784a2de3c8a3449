// Applies pages of the change feed: changes of the site's subjects made elsewhere, by the same
// merge rule as the centre's; and the states of conflicts (what is proposed to settle them
// too), locks and quarantine. One page, its
// cursor and its audit entries are one transaction.
//
//   used by   edge-agent/downlink/feed_puller.h
//
// Threads: Apply from the loop; the work runs on the store's writer.
#pragma once

#include "edge-agent/store/edge_store.h"
#include "shared/wire/frames.h"

namespace edcsync::edge {

class FeedApplier {
 public:
  FeedApplier(EdgeStore& store, SiteOID site) : store_(store), site_(std::move(site)) {}

  // Queues the page; `done` runs on the store's writer after its commit.
  Status Apply(wire::Feed feed, std::function<void(Status)> done);

 private:
  Status ApplyInWork(const wire::Feed& feed);
  Status ApplyConflict(const wire::ConflictState& state, WallTime now);
  Status ApplyRevision(const wire::FeedEntry& entry);
  Status Insert(const KnownRevision& known, BytesView canonical, const Digest& mark);
  Status ApplyHeldFor(RevisionId parent);

  EdgeStore& store_;
  SiteOID site_;
};

}  // namespace edcsync::edge
