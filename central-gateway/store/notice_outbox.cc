#include "central-gateway/store/notice_outbox.h"

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {
namespace {

#define EDCSYNC_MESSAGE                                                                   \
  "SELECT m.message_id, m.channel, m.state, m.formed_at_ms, m.attempts, "                 \
  "m.next_attempt_at_ms, m.settled_at_ms, m.error, "                                      \
  "(SELECT count(*) FROM notice_delivery d WHERE d.message_id = m.message_id) "           \
  "FROM notice_message m "

constexpr std::string_view kWaitingMessages = EDCSYNC_MESSAGE "WHERE m.channel = ?1 AND m.state = 1";
constexpr std::string_view kFailed =
    EDCSYNC_MESSAGE "WHERE m.settled_at_ms IS NOT NULL AND m.state = 3 ORDER BY m.message_id "
                    "LIMIT ?1";

#undef EDCSYNC_MESSAGE

NoticeMessageRow ReadMessage(const Statement& statement) {
  NoticeMessageRow row;
  row.id = SnowflakeId(Unsigned(statement.Int(0)));
  row.channel = TextAt(statement, 1);
  row.state = static_cast<MessageState>(statement.Int(2));
  row.formed_at.ms = statement.Int(3);
  row.attempts = statement.Int(4);
  row.next_attempt_at.ms = statement.Int(5);
  row.settled_at = OptionalTime(statement, 6);
  row.error = TextAt(statement, 7);
  row.notice_count = Unsigned(statement.Int(8));
  return row;
}

}  // namespace

Result<std::optional<NoticeMessageRow>> NoticeOutbox::Waiting(const std::string& channel) {
  Statement statement = database_.Prepare(kWaitingMessages);
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, channel).Step());
  if (!found) return std::optional<NoticeMessageRow>();
  return std::optional(ReadMessage(statement));
}

Result<NoticeBacklog> NoticeOutbox::BacklogOf(const std::string& channel) {
  NoticeBacklog backlog;
  Statement statement = database_.Prepare(
      "SELECT count(*), min(n.found_at_ms), max(n.found_at_ms) FROM notice_delivery d "
      "JOIN notice n ON n.notice_rowid = d.notice_rowid "
      "WHERE d.channel = ?1 AND d.message_id IS NULL");
  EDCSYNC_TRY(statement.Bind(1, channel).Step());
  backlog.count = Unsigned(statement.Int(0));
  backlog.oldest_found_at.ms = statement.Int(1);  // NULL reads as 0.
  backlog.newest_found_at.ms = statement.Int(2);
  return backlog;
}

Result<std::vector<NoticeMessageRow>> NoticeOutbox::ListFailed(std::size_t count_max) {
  Statement statement = database_.Prepare(kFailed);
  statement.Bind(1, Limit(count_max));
  std::vector<NoticeMessageRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back(ReadMessage(statement));
  }
}

Result<std::optional<NoticeChannelRow>> NoticeOutbox::FindChannel(const std::string& channel) {
  Statement statement = database_.Prepare(
      "SELECT last_attempt_at_ms, last_sent_at_ms, last_error, last_error_at_ms, open_until_ms "
      "FROM notice_channel WHERE channel = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, channel).Step());
  if (!found) return std::optional<NoticeChannelRow>();
  NoticeChannelRow row;
  row.channel = channel;
  row.last_attempt_at = OptionalTime(statement, 0);
  row.last_sent_at = OptionalTime(statement, 1);
  row.last_error = TextAt(statement, 2);
  row.last_error_at = OptionalTime(statement, 3);
  row.open_until = OptionalTime(statement, 4);
  return std::optional(std::move(row));
}

Result<std::vector<std::string>> NoticeOutbox::ListChannels() {
  Statement statement = database_.Prepare(
      "SELECT channel FROM notice_delivery UNION SELECT channel FROM notice_channel ORDER BY 1");
  std::vector<std::string> names;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return names;
    names.push_back(TextAt(statement, 0));
  }
}

Status NoticeOutbox::Form(const NoticeMessageRow& message) {
  EDCSYNC_ASSIGN(const std::optional<NoticeMessageRow> waiting, Waiting(message.channel));
  if (waiting) {
    return Fail(ErrorCode::kInvariant, "a message to " + message.channel + " waits already");
  }
  Statement statement = database_.Prepare(
      "INSERT INTO notice_message (message_id, channel, state, formed_at_ms, attempts, "
      "next_attempt_at_ms, settled_at_ms, error) VALUES (?1, ?2, 1, ?3, 0, ?3, NULL, '')");
  EDCSYNC_TRY(statement.Bind(1, Signed(message.id.value()))
                  .Bind(2, message.channel)
                  .Bind(3, message.formed_at.ms)
                  .Run());
  Statement take = database_.Prepare(
      "UPDATE notice_delivery SET message_id = ?1 WHERE channel = ?2 AND message_id IS NULL");
  EDCSYNC_TRY(take.Bind(1, Signed(message.id.value())).Bind(2, message.channel).Run());
  return Ok();
}

Status NoticeOutbox::Update(const NoticeMessageRow& message) {
  Statement statement = database_.Prepare(
      "UPDATE notice_message SET state = ?2, attempts = ?3, next_attempt_at_ms = ?4, "
      "settled_at_ms = ?5, error = ?6 WHERE message_id = ?1 AND state = 1");
  statement.Bind(1, Signed(message.id.value()))
      .Bind(2, Number(message.state))
      .Bind(3, message.attempts)
      .Bind(4, message.next_attempt_at.ms);
  BindOptional(statement, 5, message.settled_at);
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Bind(6, message.error).Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kStale,
              "message " + std::to_string(message.id.value()) + " does not wait");
}

Status NoticeOutbox::PutChannel(const NoticeChannelRow& row) {
  Statement statement = database_.Prepare(
      "INSERT INTO notice_channel (channel, last_attempt_at_ms, last_sent_at_ms, last_error, "
      "last_error_at_ms, open_until_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
      "ON CONFLICT (channel) DO UPDATE SET last_attempt_at_ms = ?2, last_sent_at_ms = ?3, "
      "last_error = ?4, last_error_at_ms = ?5, open_until_ms = ?6");
  statement.Bind(1, row.channel);
  BindOptional(statement, 2, row.last_attempt_at);
  BindOptional(statement, 3, row.last_sent_at);
  statement.Bind(4, row.last_error);
  BindOptional(statement, 5, row.last_error_at);
  BindOptional(statement, 6, row.open_until);
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Status NoticeOutbox::Requeue(SnowflakeId message, WallTime now) {
  Statement end = database_.Prepare(
      "UPDATE notice_message SET state = 4, settled_at_ms = ?2 WHERE message_id = ?1 "
      "AND state = 3");
  EDCSYNC_ASSIGN(const std::int64_t changed,
                 end.Bind(1, Signed(message.value())).Bind(2, now.ms).Run());
  if (changed != 1) {
    return Fail(ErrorCode::kNotFound, "there is no message " + std::to_string(message.value()) +
                                          " that failed for good");
  }
  Statement again =
      database_.Prepare("UPDATE notice_delivery SET message_id = NULL WHERE message_id = ?1");
  EDCSYNC_TRY(again.Bind(1, Signed(message.value())).Run());
  return Ok();
}

Result<std::int64_t> NoticeOutbox::Prune(WallTime before, std::size_t count_max) {
  // The same messages in both statements: their order is that of the index.
  Statement carried = database_.Prepare(
      "DELETE FROM notice_delivery WHERE message_id IN (SELECT message_id FROM notice_message "
      "WHERE settled_at_ms < ?1 ORDER BY settled_at_ms, message_id LIMIT ?2)");
  EDCSYNC_TRY(carried.Bind(1, before.ms).Bind(2, Limit(count_max)).Run());
  Statement messages = database_.Prepare(
      "DELETE FROM notice_message WHERE message_id IN (SELECT message_id FROM notice_message "
      "WHERE settled_at_ms < ?1 ORDER BY settled_at_ms, message_id LIMIT ?2)");
  EDCSYNC_ASSIGN(const std::int64_t count,
                 messages.Bind(1, before.ms).Bind(2, Limit(count_max)).Run());
  Statement unsent = database_.Prepare(
      "DELETE FROM notice_delivery WHERE message_id IS NULL AND (channel, notice_rowid) IN "
      "(SELECT d.channel, d.notice_rowid FROM notice_delivery d JOIN notice n "
      "ON n.notice_rowid = d.notice_rowid WHERE d.message_id IS NULL AND n.found_at_ms < ?1 "
      "LIMIT ?2)");
  EDCSYNC_TRY(unsent.Bind(1, before.ms).Bind(2, Limit(count_max)).Run());
  return count;
}

}  // namespace edcsync::central
