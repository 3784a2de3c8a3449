// Snowflake ids under a worker number leased from table `worker_lease`. The lease is taken with
// the first id, inside the transaction that uses it, and renewed when half of it is gone. The last
// id is stored with the work that made it, so whoever holds the number next repeats none.
//
// A holder that lost its lease learns so before its next id: every write transaction that follows
// another process's commit reads the lease anew, and the fencing token tells whose it is.
//
// Threads: the writer's only.
#pragma once

#include <optional>

#include "shared/base/snowflake.h"
#include "shared/storage/database.h"

namespace edcsync::central {

class IdMaker {
 public:
  static constexpr std::int64_t kLeaseMs = 120'000;

  // `clock` must outlive this object.
  IdMaker(Database& database, const Clock& clock, std::string holder)
      : database_(database), clock_(clock), holder_(std::move(holder)) {}

  // A new id. kClock if the clock went back too far, kBusy if every worker number is leased or
  // too many ids were asked for at once.
  Result<SnowflakeId> Next(WallTime now);

  // The same for an audit entry, which must be possible whatever the clock does, or clinical data
  // would stop: where the clock refuses, ids go on from the last one. They stay unique and rising
  // but name a time the clock no longer shows; the entry's own time is what it is.
  Result<SnowflakeId> NextForAudit(WallTime now);

  // Stores the last id, if one was made since. At the end of every work that succeeds.
  Status Save();
  // Gives the lease up. Inside a transaction of its own, when the store closes.
  Status Release();
  bool holds_lease() const { return snowflake_.has_value(); }

  // Another process wrote, or a work was rolled back and perhaps the taking of the lease with it:
  // the lease is read anew before the next id.
  void Doubt();
  // The transaction has ended.
  void Ended(bool committed);

 private:
  Status EnsureLease(WallTime now);
  Result<bool> Confirm(WallTime now);
  Status Take(WallTime now);
  void Hold(const Statement& row, WallTime now);

  Database& database_;
  const Clock& clock_;
  std::string holder_;
  std::optional<Snowflake> snowflake_;  // With a value: the lease below was taken.
  bool confirmed_ = false;
  bool committed_ = false;  // The taking is; until then a rollback undoes it.
  bool made_ = false;       // An id that is not stored yet.
  std::int64_t worker_ = 0;
  std::int64_t fencing_token_ = 0;
  std::int64_t expires_at_ms_ = 0;
  SnowflakeId last_;
};

}  // namespace edcsync::central
