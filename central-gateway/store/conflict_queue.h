// The queue of conflicts as data managers see it: filtered, sorted, paged and counted, with whose
// work each is (table `conflict_work`). Threads: as its Database.
#pragma once

#include "central-gateway/store/desk_store.h"
#include "shared/storage/database.h"

namespace edcsync::central {

class ConflictQueue {
 public:
  explicit ConflictQueue(Database& database) : database_(database) {}

  // At most `count_max` rows behind `after` (nullptr: from the start).
  Result<std::vector<QueueRow>> Page(const QueueFilter& filter, const QueueOrder& order,
                                     const QueuePlace* after, std::size_t count_max);
  // `mine`: of this user. `now` decides age and what is overdue.
  Result<QueueCounts> Count(const QueueFilter& filter, const std::string& user, WallTime now);
  Result<std::uint64_t> Total(const QueueFilter& filter);

  // All empty if nobody ever worked on it.
  Result<ConflictWork> FindWork(SnowflakeId conflict);
  Status PutWork(const ConflictWork& work);

  // Table `open_conflict` held against what it repeats: conflicts that it shows otherwise, lacks or
  // has too many, at most `count_max`. And made anew from that.
  Result<std::vector<SnowflakeId>> ShownOtherwise(std::size_t count_max);
  Status Rebuild();

 private:
  Database& database_;
};

}  // namespace edcsync::central
