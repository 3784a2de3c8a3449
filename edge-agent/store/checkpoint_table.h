// The checkpoint: the single row that says who this database is and how far the two directions
// have come. Every change of it is part of the transaction that made it true.
//
//   checkpoint(one INTEGER PRIMARY KEY CHECK (one = 1), ... a column a field below)
//
// Threads: as its Database.
#pragma once

#include "shared/base/ids.h"
#include "shared/base/status.h"
#include "shared/base/time.h"
#include "shared/model/revision.h"
#include "shared/storage/database.h"

namespace edcsync::edge {

struct Checkpoint {
  EdgeId edge;
  SiteOID site;
  Incarnation incarnation;
  WallTime created_at;
  Sequence acknowledged_through;
  HistoryId history;         // All zero before the first session.
  FeedCursor feed_cursor;
  EditTime last_edit;        // The hybrid clock.
  std::optional<std::int64_t> clock_drift_ms;  // Edge minus gateway, last session.
  std::optional<WallTime> last_contact;        // Edge's clock, last receipt or welcome.
  bool paused = false;       // `sync pause`.
  std::uint16_t stopped_for = 0;  // ErrorCode of class kEdge: sync waits for a person. 0: none.
  std::string stopped_message;
};

class CheckpointTable {
 public:
  explicit CheckpointTable(Database& database) : database_(database) {}
  Result<std::optional<Checkpoint>> Find() const;   // nullopt: a new database.
  Result<Checkpoint> Get() const;                   // kInvariant if absent.
  Status Insert(const Checkpoint& checkpoint);      // Once, when the database is made.
  Status Update(const Checkpoint& checkpoint);      // All fields but edge, site, incarnation,
                                                    // created_at.
  Status SetIncarnation(const Incarnation& incarnation);  // See uplink/new_incarnation.h.

 private:
  Database& database_;
};

}  // namespace edcsync::edge
