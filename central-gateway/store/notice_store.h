// The notices' part of the central store: what there is to tell, the messages that carry it to
// each channel, and how far the finding has come. Part of central_store.h, which stages include.
//
//   written by   central-gateway/notices
//   kept in      tables `notice*`, schema/central/0005_notices.sql
//
// Invariants: a notice id stands once; at most one message of a channel waits; a message that was
// settled never waits again.
#pragma once

#include <string>
#include <vector>

#include "central-gateway/store/desk_store.h"

namespace edcsync::central {

enum class NoticeKind : std::uint8_t {
  kHardConflict = 1,
  kConflictOverdue = 2,
  kQuarantine = 3,
  kEdgeSilent = 4,
  kEdgeBack = 5,
  kClockDrift = 6,
  kClockRight = 7,
  kReconciliationMended = 8,    // Site and centre differed, and do not any more.
  kReconciliationUnmended = 9,  // They differ, or could not be compared to the end.
  kReconciliationOverdue = 10,
};

struct NoticeRow {
  std::int64_t rowid = 0;            // Given by the store.
  std::string id;                    // The same whenever it is found again.
  NoticeKind kind = NoticeKind::kHardConflict;
  StudyOID study;                    // Empty: none, or not known.
  SiteOID site;
  std::string record;                // ToString(RecordKey); empty: none.
  SnowflakeId conflict;              // 0: none.
  std::optional<RevisionId> revision;
  EdgeId edge;
  std::optional<Severity> severity;
  std::uint16_t reason = 0;          // Quarantine: an ErrorCode.
  WallTime at;                       // Opened, received, last contact, measured.
  std::optional<WallTime> since;     // An edge that is back: the contact before the silence.
  std::optional<WallTime> due_at;
  std::optional<std::int64_t> drift_ms;
  WallTime found_at;
};

// How far the finding has come, and which gateway finds and sends.
struct NoticesState {
  FeedCursor cursor;
  std::string holder;                // Empty: none.
  WallTime lease_expires_at;
};

// Conflicts and quarantined revisions that changed.
struct NoticeChanges {
  std::vector<SnowflakeId> conflicts;    // Each once.
  std::vector<RevisionId> quarantined;   // Likewise.
  FeedCursor next;                       // Where to go on.
  bool more = false;
};

// What was told of an edge and still stands.
struct NoticeEdgeRow {
  EdgeId edge;
  std::optional<WallTime> silent_since;
  bool drifting = false;
};

enum class MessageState : std::uint8_t { kWaiting = 1, kSent = 2, kFailed = 3, kRequeued = 4 };

struct NoticeMessageRow {
  SnowflakeId id;
  std::string channel;
  MessageState state = MessageState::kWaiting;
  WallTime formed_at;
  std::int64_t attempts = 0;
  WallTime next_attempt_at;
  std::optional<WallTime> settled_at;
  std::string error;                 // Of the last attempt; for a person, no secret.
  std::uint64_t notice_count = 0;    // Read only.
};

struct NoticeChannelRow {
  std::string channel;
  std::optional<WallTime> last_attempt_at, last_sent_at;
  std::string last_error;            // Empty: the last attempt succeeded.
  std::optional<WallTime> last_error_at;
  std::optional<WallTime> open_until;  // Its circuit is open; nullopt: closed.
};

// What gathers for a channel's next message.
struct NoticeBacklog {
  std::uint64_t count = 0;
  WallTime oldest_found_at, newest_found_at;  // If there is any.
};

struct NoticeKindCount {
  NoticeKind kind = NoticeKind::kHardConflict;
  std::uint64_t count = 0;
};

class NoticeReader {
 public:
  virtual ~NoticeReader() = default;

  virtual Result<std::optional<NoticesState>> FindNoticesState() = 0;  // nullopt: never begun.
  // Looks at `count_max` changes at most.
  virtual Result<NoticeChanges> NoticeChangesAfter(FeedCursor after, std::size_t count_max) = 0;
  // Open conflicts that are overdue and of which no notice says so.
  virtual Result<std::vector<ConflictRow>> OverdueUntold(const DueTimes& due_times, WallTime now,
                                                         std::size_t count_max) = 0;
  virtual Result<bool> HasNotice(const std::string& id) = 0;
  virtual Result<std::vector<NoticeEdgeRow>> ListNoticeEdges() = 0;

  virtual Result<std::optional<NoticeMessageRow>> WaitingMessage(const std::string& channel) = 0;
  virtual Result<NoticeBacklog> BacklogOf(const std::string& channel) = 0;
  // By kind, then oldest first.
  virtual Result<std::vector<NoticeRow>> NoticesIn(SnowflakeId message, std::size_t count_max) = 0;
  virtual Result<std::vector<NoticeKindCount>> CountNoticesIn(SnowflakeId message) = 0;
  virtual Result<std::vector<NoticeMessageRow>> ListFailedMessages(std::size_t count_max) = 0;
  virtual Result<std::optional<NoticeChannelRow>> FindNoticeChannel(const std::string& channel) = 0;
  // Every channel that ever had a notice or an attempt, by name.
  virtual Result<std::vector<std::string>> ListNoticeChannels() = 0;
};

class NoticeWriter {
 public:
  virtual ~NoticeWriter() = default;

  virtual Status PutNoticesState(const NoticesState& state) = 0;
  // Queues it for each channel. False, and no effect, if it is known.
  virtual Result<bool> InsertNotice(const NoticeRow& notice,
                                    const std::vector<std::string>& channels) = 0;
  virtual Status PutNoticeEdge(const NoticeEdgeRow& row) = 0;
  // A waiting message of all that has gathered for its channel. kInvariant if one waits already.
  virtual Status FormMessage(const NoticeMessageRow& message) = 0;
  // kStale if it is settled.
  virtual Status UpdateMessage(const NoticeMessageRow& message) = 0;
  virtual Status PutNoticeChannel(const NoticeChannelRow& row) = 0;
  // The notices of a message that failed for good gather again. kNotFound.
  virtual Status RequeueMessage(SnowflakeId message) = 0;
  // Forgets what was settled before, and notices of what no longer stands; at most `count_max`
  // messages and as many notices. Returns how many it forgot.
  virtual Result<std::uint64_t> PruneNotices(WallTime before, std::size_t count_max) = 0;
};

}  // namespace edcsync::central
