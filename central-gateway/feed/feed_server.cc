#include "central-gateway/feed/feed_server.h"

#include <algorithm>

#include "central-gateway/merge/feed_detail.h"
#include "shared/base/limits.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {

Result<wire::Feed> FeedServer::Page(const SiteOID& site, const EdgeId& edge,
                                    const Incarnation& incarnation, const wire::Pull& pull) {
  wire::Feed feed;
  feed.epoch = pull.epoch;
  const std::size_t count_max =
      std::clamp<std::size_t>(pull.entry_count_max, 1, limits::kFeedEntryCountMax);
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    if (mark_key_.empty()) {
      EDCSYNC_ASSIGN(mark_key_, reader.MarkKey());
    }
    EDCSYNC_ASSIGN(CentralReader::FeedPage page,
                   reader.FeedAfter(site, edge, incarnation, pull.after, count_max,
                                    limits::kPushTargetBytes));
    feed.next = page.next;
    feed.more = page.more;
    for (FeedRow& row : page.rows) {
      wire::FeedEntry entry;
      entry.cursor = row.cursor;
      entry.kind = static_cast<wire::FeedKind>(row.kind);
      if (row.kind == FeedKind::kRevision) {
        entry.revision = std::move(row.canonical);
        entry.mark = HmacSha256(mark_key_, row.revision->view());
      } else {
        EDCSYNC_TRY(DecodeDetail(row, entry));
      }
      feed.entries.push_back(std::move(entry));
    }
    return Ok();
  }));
  return feed;
}

Result<bool> FeedServer::HasNews(const SiteOID& site, const EdgeId& edge,
                                 const Incarnation& incarnation, FeedCursor& seen) {
  bool news = false;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const FeedCursor head, reader.FeedHead());
    while (seen < head && !news) {
      EDCSYNC_ASSIGN(const CentralReader::FeedPage page,
                     reader.FeedAfter(site, edge, incarnation, seen, 1, 1));
      news = !page.rows.empty();
      if (news || page.next <= seen) break;
      seen = page.next;
    }
    return Ok();
  }));
  return news;
}

}  // namespace edcsync::central
