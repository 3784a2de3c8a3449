// Adds a revision to its record at the edge: the row, the record's heads and its current
// revision, by the merge rule's order of winning. One place for capture and feed.
//
//   used by   edge-agent/capture/capture.h, edge-agent/downlink
#pragma once

#include "edge-agent/store/edge_store.h"

namespace edcsync::edge {

// Inside a work. REQUIRES: parents are known here, `canonical` encodes `known.revision` and
// hashes to `known.id`, the store reserved the cipher for the group. Returns the revision's row id.
Result<std::int64_t> AddRevision(EdgeTables& tables, const KnownRevision& known,
                                 BytesView canonical, WallTime now);

// A row that is gone though the database still counts on it, and how to know whose it was.
struct RevisionGap {
  std::int64_t rowid = 0;
  bool captured_here = false;  // The outbox names it,
  Digest chain_before{};       // with the chain before and
  Digest chain{};              // after it.
  Digest mark{};               // Else it came with the feed: the centre's mark on it.
};
// At most `count_max`. Walks the outbox: on a snapshot, not in a work.
Result<std::vector<RevisionGap>> FindRevisionGaps(EdgeTables& tables, std::size_t count_max);

// Puts a lost revision back where it was, if the record shows that it once was here: a head, or the
// parent of one that is. Heads and current revision stay as they are; in its old row, if one of
// `gaps` is its own. Returns its row id; nullopt, and no effect, if nothing here tells of it: then
// it is added as any other. Inside a work; REQUIRES as AddRevision, but for the parents.
Result<std::optional<std::int64_t>> ReinstateRevision(EdgeTables& tables,
                                                      const KnownRevision& known,
                                                      BytesView canonical, const Digest& mark,
                                                      const std::vector<RevisionGap>& gaps,
                                                      WallTime now);

}  // namespace edcsync::edge
