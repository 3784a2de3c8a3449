// Tables `notice`, `notice_state`, `notice_edge`: what there is to tell, found once.
// Threads: as its Database.
#pragma once

#include "central-gateway/store/notice_store.h"
#include "shared/storage/database.h"

namespace edcsync::central {

// As NoticeReader and NoticeWriter say.
class NoticeTable {
 public:
  explicit NoticeTable(Database& database) : database_(database) {}

  Result<std::optional<NoticesState>> FindState();
  Status PutState(const NoticesState& state);
  Result<NoticeChanges> ChangesAfter(FeedCursor after, FeedCursor head, std::size_t count_max);
  Result<std::vector<ConflictRow>> OverdueUntold(const DueTimes& due_times, WallTime now,
                                                 std::size_t count_max);
  Result<bool> Contains(const std::string& id);
  Result<bool> Insert(const NoticeRow& notice, const std::vector<std::string>& channels);
  Result<std::vector<NoticeRow>> In(SnowflakeId message, std::size_t count_max);
  Result<std::vector<NoticeKindCount>> CountIn(SnowflakeId message);
  Result<std::vector<NoticeEdgeRow>> ListEdges();
  Status PutEdge(const NoticeEdgeRow& row);
  // Of what no longer stands, found before `before`, and not queued anywhere.
  Result<std::int64_t> Prune(WallTime before, std::size_t count_max);

 private:
  Database& database_;
};

}  // namespace edcsync::central
