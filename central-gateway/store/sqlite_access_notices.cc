// The notices' part of SqliteAccess.
#include "central-gateway/store/sqlite_access.h"

namespace edcsync::central {

Result<std::optional<NoticesState>> SqliteAccess::FindNoticesState() {
  return tables_.notices.FindState();
}

Result<NoticeChanges> SqliteAccess::NoticeChangesAfter(FeedCursor after, std::size_t count_max) {
  EDCSYNC_ASSIGN(const FeedCursor head, tables_.feed.Head());
  return tables_.notices.ChangesAfter(after, head, count_max);
}

Result<std::vector<ConflictRow>> SqliteAccess::OverdueUntold(const DueTimes& due_times,
                                                             WallTime now,
                                                             std::size_t count_max) {
  return tables_.notices.OverdueUntold(due_times, now, count_max);
}

Result<bool> SqliteAccess::HasNotice(const std::string& id) {
  return tables_.notices.Contains(id);
}

Result<std::vector<NoticeEdgeRow>> SqliteAccess::ListNoticeEdges() {
  return tables_.notices.ListEdges();
}

Result<std::optional<NoticeMessageRow>> SqliteAccess::WaitingMessage(const std::string& channel) {
  return tables_.notice_outbox.Waiting(channel);
}

Result<NoticeBacklog> SqliteAccess::BacklogOf(const std::string& channel) {
  return tables_.notice_outbox.BacklogOf(channel);
}

Result<std::vector<NoticeRow>> SqliteAccess::NoticesIn(SnowflakeId message,
                                                       std::size_t count_max) {
  return tables_.notices.In(message, count_max);
}

Result<std::vector<NoticeKindCount>> SqliteAccess::CountNoticesIn(SnowflakeId message) {
  return tables_.notices.CountIn(message);
}

Result<std::vector<NoticeMessageRow>> SqliteAccess::ListFailedMessages(std::size_t count_max) {
  return tables_.notice_outbox.ListFailed(count_max);
}

Result<std::optional<NoticeChannelRow>> SqliteAccess::FindNoticeChannel(
    const std::string& channel) {
  return tables_.notice_outbox.FindChannel(channel);
}

Result<std::vector<std::string>> SqliteAccess::ListNoticeChannels() {
  return tables_.notice_outbox.ListChannels();
}

Status SqliteAccess::PutNoticesState(const NoticesState& state) {
  return tables_.notices.PutState(state);
}

Result<bool> SqliteAccess::InsertNotice(const NoticeRow& notice,
                                        const std::vector<std::string>& channels) {
  return tables_.notices.Insert(notice, channels);
}

Status SqliteAccess::PutNoticeEdge(const NoticeEdgeRow& row) {
  return tables_.notices.PutEdge(row);
}

Status SqliteAccess::FormMessage(const NoticeMessageRow& message) {
  return tables_.notice_outbox.Form(message);
}

Status SqliteAccess::UpdateMessage(const NoticeMessageRow& message) {
  return tables_.notice_outbox.Update(message);
}

Status SqliteAccess::PutNoticeChannel(const NoticeChannelRow& row) {
  return tables_.notice_outbox.PutChannel(row);
}

Status SqliteAccess::RequeueMessage(SnowflakeId message) {
  return tables_.notice_outbox.Requeue(message, now_);
}

Result<std::uint64_t> SqliteAccess::PruneNotices(WallTime before, std::size_t count_max) {
  EDCSYNC_ASSIGN(const std::int64_t messages, tables_.notice_outbox.Prune(before, count_max));
  EDCSYNC_ASSIGN(const std::int64_t notices, tables_.notices.Prune(before, count_max));
  return static_cast<std::uint64_t>(messages + notices);
}

}  // namespace edcsync::central
