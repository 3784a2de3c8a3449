#include "central-gateway/feed/feed_server.h"

#include <algorithm>

#include "central-gateway/merge/feed_detail.h"
#include "shared/base/limits.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

// What is proposed, while it waits: one that ended since is told by a later entry.
Status AddProposal(CentralReader& reader, wire::Proposal& proposal) {
  if (proposal.proposal_id == 0) return Ok();
  EDCSYNC_ASSIGN(std::optional<ProposalRow> row,
                 reader.FindProposal(SnowflakeId(proposal.proposal_id)));
  if (!row || row->state != ProposalState::kWaiting) {
    proposal.proposal_id = 0;
    return Ok();
  }
  proposal.proposed_by = row->full_name.empty() ? row->proposed_by : row->full_name;
  proposal.revision = std::move(row->canonical);
  return Ok();
}

}  // namespace

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
    std::size_t proposal_bytes = 0;  // Beside the revisions, which the page counted.
    for (FeedRow& row : page.rows) {
      wire::FeedEntry entry;
      entry.cursor = row.cursor;
      entry.kind = static_cast<wire::FeedKind>(row.kind);
      if (row.kind == FeedKind::kRevision) {
        entry.revision = std::move(row.canonical);
        entry.mark = HmacSha256(mark_key_, row.revision->view());
      } else {
        EDCSYNC_TRY(DecodeDetail(row, entry));
        EDCSYNC_TRY(AddProposal(reader, entry.conflict.proposal));
        proposal_bytes += entry.conflict.proposal.revision.size();
      }
      if (proposal_bytes > limits::kPushTargetBytes && !feed.entries.empty()) {
        feed.next = feed.entries.back().cursor;
        feed.more = true;
        break;
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
