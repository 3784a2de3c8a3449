#include "edge-agent/uplink/centre_refill.h"

#include "shared/base/limits.h"

namespace edcsync::edge {

void CentreRefill::Begin(const HistoryId& history) {
  under_way_ = true;
  history_ = history;
  ++page_;  // A Receipt of before answers nothing of this.
  taken_row_ = 0;
  offered_row_ = 0;
}

Result<std::optional<wire::Offer>> CentreRefill::Next(Epoch epoch) {
  wire::Offer offer;
  offer.epoch = epoch;
  EDCSYNC_TRY(store_.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const std::vector<MarkTable::Row> rows,
                   tables.marks.List(taken_row_, limits::kPushRevisionCountMax));
    std::size_t bytes = 0;
    for (const MarkTable::Row& row : rows) {
      EDCSYNC_ASSIGN(RevisionTable::Opened opened, tables.revisions.OpenRow(row.revision_rowid));
      bytes += opened.canonical.size();
      if (!offer.revisions.empty() && bytes > limits::kPushTargetBytes) break;
      offer.revisions.push_back({std::move(opened.canonical), row.mark});
      offered_row_ = row.revision_rowid;
    }
    return Ok();
  }));
  if (!offer.revisions.empty()) {
    offer.page = ++page_;
    return std::optional(std::move(offer));
  }
  under_way_ = false;
  EDCSYNC_TRY(store_.writer().Run([this]() -> Status {
    EdgeTables& tables = store_.writer_tables();
    EDCSYNC_ASSIGN(Checkpoint checkpoint, tables.checkpoint.Get());
    checkpoint.history = history_;
    return tables.checkpoint.Update(checkpoint);
  }));
  return std::optional<wire::Offer>();
}

bool CentreRefill::Taken(const wire::Receipt& receipt) {
  if (receipt.offer_page != page_) return false;
  taken_row_ = offered_row_;
  return true;
}

}  // namespace edcsync::edge
