// Adds a revision to its record at the edge: the row, the record's heads and its current
// revision, by the merge rule's order of winning. One place for capture and feed.
//
//   used by   edge-agent/capture/capture.h, edge-agent/downlink/feed_applier.h
#pragma once

#include "edge-agent/store/edge_store.h"

namespace edcsync::edge {

// Inside a work. REQUIRES: parents are known here, `canonical` encodes `known.revision` and
// hashes to `known.id`, the store reserved the cipher for the group. Returns the revision's row id.
Result<std::int64_t> AddRevision(EdgeTables& tables, const KnownRevision& known,
                                 BytesView canonical, WallTime now);

}  // namespace edcsync::edge
