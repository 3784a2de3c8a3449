#include "edge-agent/uplink/centre_refill.h"

#include "shared/base/limits.h"
#include "shared/base/log.h"

namespace edcsync::edge {

void CentreRefill::Begin(const HistoryId& history) {
  under_way_ = true;
  history_ = history;
  ++page_;  // A Receipt of before answers nothing of this.
  taken_row_ = 0;
  offered_row_ = 0;
}

Status CentreRefill::Fill(EdgeTables& tables, wire::Offer& offer) {
  std::size_t bytes = 0;
  std::int64_t after = taken_row_;
  while (offer.revisions.empty()) {
    EDCSYNC_ASSIGN(const std::vector<MarkTable::Row> rows,
                   tables.marks.List(after, limits::kPushRevisionCountMax));
    if (rows.empty()) return Ok();
    for (const MarkTable::Row& row : rows) {
      Result<RevisionTable::Opened> opened = tables.revisions.OpenRow(row.revision_rowid);
      if (opened.ok()) {
        bytes += opened->canonical.size();
        if (!offer.revisions.empty() && bytes > limits::kPushTargetBytes) return Ok();
        offer.revisions.push_back({std::move(opened->canonical), row.mark});
      } else if (Describe(opened.error().code).retry == Retry::kTransient) {
        return tl::unexpected<Error>(opened.error());
      } else {
        Log(LogLevel::kError, "refill.revision_unreadable",
            {{"row", row.revision_rowid}, {"code", Describe(opened.error().code).name}});
      }
      after = offered_row_ = row.revision_rowid;
    }
  }
  return Ok();
}

Result<std::optional<wire::Offer>> CentreRefill::Next(Epoch epoch) {
  wire::Offer offer;
  offer.epoch = epoch;
  EDCSYNC_TRY(store_.Read([&](EdgeTables& tables) { return Fill(tables, offer); }));
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
