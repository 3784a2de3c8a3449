// Serves the change feed: pages of merged changes in commit order, to each edge those of its own
// site (I8) that it did not make itself, with the centre's mark on every revision.
//
//   used by   central-gateway/intake/gateway_session.h
//
// Threads: one at a time.
#pragma once

#include "central-gateway/store/central_store.h"
#include "shared/wire/frames.h"

namespace edcsync::central {

class FeedServer {
 public:
  explicit FeedServer(CentralStore& store) : store_(store) {}

  // The page after `pull.after`, at most limits::kFeedEntryCountMax entries and one frame's size.
  Result<wire::Feed> Page(const SiteOID& site, const EdgeId& edge, const Incarnation& incarnation,
                          const wire::Pull& pull);

  // True if anything for the edge lies after `seen`, which is moved past what does not concern
  // it.
  Result<bool> HasNews(const SiteOID& site, const EdgeId& edge, const Incarnation& incarnation,
                       FeedCursor& seen);

 private:
  CentralStore& store_;
  Bytes mark_key_;  // Read once.
};

}  // namespace edcsync::central
