// What this edge gives back to a centre that was restored from a backup: every revision it ever got
// from it, in Offers, each of which waits for its Receipt (schema/wire/protocol.md, "A restored
// centre"). Scheduler's thread only.
#pragma once

#include <optional>

#include "edge-agent/store/edge_store.h"
#include "shared/wire/frames.h"

namespace edcsync::edge {

class CentreRefill {
 public:
  explicit CentreRefill(EdgeStore& store) : store_(store) {}  // Which must outlive this.

  // From the first revision. `history` is stored once all is given back, so that a crash or a new
  // session begins this again.
  void Begin(const HistoryId& history);
  void Cancel() { under_way_ = false; }
  bool under_way() const { return under_way_; }

  // The next Offer; nullopt: all was given back, and this has ended. A revision that is damaged or
  // gone is passed over and logged: a reconciliation names it. Fails as the store does.
  Result<std::optional<wire::Offer>> Next(Epoch epoch);
  // True if `receipt` answers the Offer that is on its way: then Next() goes on behind it.
  bool Taken(const wire::Receipt& receipt);
  // The Offer on its way was refused or lost: Next() gives it again, and no late Receipt counts.
  void GoBack() { ++page_; }

 private:
  Status Fill(EdgeTables& tables, wire::Offer& offer);

  EdgeStore& store_;
  bool under_way_ = false;
  HistoryId history_;
  std::uint32_t page_ = 0;        // Of the last Offer.
  std::int64_t taken_row_ = 0;    // The centre has what lies through this row of `revision`.
  std::int64_t offered_row_ = 0;  // The Offer on its way ends with this one.
};

}  // namespace edcsync::edge
