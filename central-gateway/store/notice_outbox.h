// Tables `notice_message`, `notice_delivery`, `notice_channel`: the outbox of notices. A message is
// stored, with the notices that it carries, before it is sent for the first time, so that a repeat
// after a crash is the same message under the same id.
// Threads: as its Database.
#pragma once

#include "central-gateway/store/notice_store.h"
#include "shared/storage/database.h"

namespace edcsync::central {

// As NoticeReader and NoticeWriter say.
class NoticeOutbox {
 public:
  explicit NoticeOutbox(Database& database) : database_(database) {}

  Result<std::optional<NoticeMessageRow>> Waiting(const std::string& channel);
  Result<NoticeBacklog> BacklogOf(const std::string& channel);
  Result<std::vector<NoticeMessageRow>> ListFailed(std::size_t count_max);
  Result<std::optional<NoticeChannelRow>> FindChannel(const std::string& channel);
  Result<std::vector<std::string>> ListChannels();

  Status Form(const NoticeMessageRow& message);
  Status Update(const NoticeMessageRow& message);
  Status PutChannel(const NoticeChannelRow& row);
  Status Requeue(SnowflakeId message, WallTime now);
  // Messages settled before `before`, and what has gathered since before it for a channel that
  // nobody sends to any more.
  Result<std::int64_t> Prune(WallTime before, std::size_t count_max);

 private:
  Database& database_;
};

}  // namespace edcsync::central
