// Finds what is new: reads what changed in the store since its cursor, what has become overdue,
// which edges are silent or have a wrong clock, and which were found to differ from the centre or
// were not compared with it in time, and queues a notice of each for the channels that
// ask for it.
//
//   reads    the change feed's conflicts and quarantined revisions, as they stand now; `edge`
//   writes   notices, the cursor, what was told of edges, the lease (store/notice_store.h)
//   run by   central-gateway/notices/notice_service.h
//
// Invariants:
//   (1) What stands is told once: a notice's id follows from what it tells of. A pass that is
//       repeated, after a crash or by another gateway, finds nothing new.
//   (2) What has ended before it was looked at is not told.
//   (3) One gateway at a time finds and sends: the holder of the lease.
//   (4) What stood before notices were first switched on is told once it is overdue.
//
// Threads: one at a time.
#pragma once

#include <map>

#include "central-gateway/notices/notice.h"
#include "central-gateway/store/central_store.h"

namespace edcsync::central {

struct WatchOptions {
  std::string holder;                                          // This gateway's id.
  std::map<NoticeTopic, std::vector<std::string>> channels;    // Who asks for what, by name.
  DueTimes due_times;
  std::int64_t edge_silent_ms = 24LL * 3600 * 1000;
  std::int64_t clock_drift_ms = 5LL * 60 * 1000;
  std::int64_t reconcile_every_ms = 0;  // The schedule; 0: none, so none is overdue.
};

class Watch {
 public:
  // Edges come back within a minute once the gateway is up; before this time after its start their
  // silence may have been its own.
  static constexpr std::int64_t kStartGraceMs = 10 * 60'000;
  static constexpr std::int64_t kLeaseMs = 60'000;
  static constexpr std::int64_t kLeaseRenewMs = 20'000;
  static constexpr std::int64_t kSlowEveryMs = 60'000;      // Overdue, edges.
  static constexpr std::size_t kChangeCountMax = 1000;      // Of one pass: its work stays short.
  static constexpr std::int64_t kKeepMs = 30LL * 24 * 3600 * 1000;  // Settled messages.
  // What ended longer ago is not told: notices of it may have been forgotten.
  static constexpr std::int64_t kReconciliationToldMs = kKeepMs / 2;
  static constexpr std::int64_t kPruneEveryMs = 3600 * 1000;

  // `store` and `clock` outlive it.
  Watch(WatchOptions options, CentralStore& store, const Clock& clock);

  // True if there is more to do at once. Errors are the store's; the next pass does what this one
  // did not.
  Result<bool> Pass();
  // Another gateway may take over at once.
  void Release();

  bool holds_lease() const { return holds_; }

 private:
  struct Found {
    std::optional<NoticesState> state;
    std::vector<NoticeRow> notices;
    std::vector<NoticeEdgeRow> edges;
    FeedCursor next;
    bool more = false;
  };

  const std::vector<std::string>& ChannelsOf(NoticeKind kind) const;
  bool Wants(NoticeTopic topic) const;
  bool MayTake(const std::optional<NoticesState>& state, WallTime now) const;
  Status Look(CentralReader& reader, WallTime now, bool slow, Found& found);
  Status LookAtChanges(CentralReader& reader, WallTime now, Found& found);
  Status LookAtOverdue(CentralReader& reader, WallTime now, Found& found);
  Status LookAtReconciliations(CentralReader& reader, WallTime now, Found& found);
  Status LookAtEdges(CentralReader& reader, WallTime now, Found& found);
  void LookAtSilence(const EdgeRow& edge, WallTime now, NoticeEdgeRow& told, Found& found) const;
  void LookAtDrift(const EdgeRow& edge, WallTime now, NoticeEdgeRow& told, Found& found) const;
  NoticeRow OfConflict(NoticeKind kind, const ConflictRow& conflict, WallTime now) const;
  Status Keep(const Found& found, bool& taken);
  Status Prune(MonoTime now);

  WatchOptions options_;
  CentralStore& store_;
  const Clock& clock_;
  MonoTime started_;
  bool holds_ = false;
  FeedCursor cursor_;                      // While the lease is held: perhaps ahead of the stored.
  std::optional<MonoTime> renewed_at_, slow_at_, pruned_at_;
};

}  // namespace edcsync::central
