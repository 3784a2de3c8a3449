#include "central-gateway/notices/watch.h"

#include <cstdlib>

#include "shared/base/log.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kPruneCountMax = 500;
constexpr std::size_t kRecentReconciliations = 8;  // Of an edge, within a slow pass's wait.

bool IsDue(const std::optional<MonoTime>& last, MonoTime now, std::int64_t every_ms) {
  return !last || now.us - last->us >= every_ms * 1000;
}

NoticeRow OfEdge(NoticeKind kind, const EdgeRow& edge, const std::string& occasion, WallTime at,
                 WallTime now) {
  NoticeRow notice;
  notice.kind = kind;
  notice.id = std::string(ToString(kind)) + "-" + edge.edge.str() + "-" + occasion;
  notice.site = edge.site;
  notice.edge = edge.edge;
  notice.at = at;
  notice.found_at = now;
  return notice;
}

}  // namespace

Watch::Watch(WatchOptions options, CentralStore& store, const Clock& clock)
    : options_(std::move(options)), store_(store), clock_(clock), started_(clock.Mono()) {}

const std::vector<std::string>& Watch::ChannelsOf(NoticeKind kind) const {
  static const std::vector<std::string> kNone;
  const auto found = options_.channels.find(TopicOf(kind));
  return found == options_.channels.end() ? kNone : found->second;
}

bool Watch::Wants(NoticeTopic topic) const {
  const auto found = options_.channels.find(topic);
  return found != options_.channels.end() && !found->second.empty();
}

// A lease of its own id is one of an earlier life of this gateway. One that ends later than any is
// given was written by a clock since set back.
bool Watch::MayTake(const std::optional<NoticesState>& state, WallTime now) const {
  return !state || state->holder.empty() || state->holder == options_.holder ||
         state->lease_expires_at <= now || state->lease_expires_at.ms > now.ms + 2 * kLeaseMs;
}

Result<bool> Watch::Pass() {
  const WallTime now = clock_.Wall();
  const MonoTime mono = clock_.Mono();
  const bool slow = IsDue(slow_at_, mono, kSlowEveryMs);
  Found found;
  bool mine = false;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(found.state, reader.FindNoticesState());
    mine = MayTake(found.state, now);
    return mine ? Look(reader, now, slow, found) : Ok();
  }));
  if (!mine) {
    if (holds_) Log(LogLevel::kInfo, "notices.standby", {{"holder", found.state->holder}});
    holds_ = false;
    return false;
  }
  const bool renew = !holds_ || IsDue(renewed_at_, mono, kLeaseRenewMs);
  if (renew || !found.notices.empty() || !found.edges.empty()) {
    bool taken = false;
    EDCSYNC_TRY(Keep(found, taken));
    holds_ = taken;
    if (!taken) return false;
    renewed_at_ = mono;
  }
  cursor_ = found.next;
  if (slow && !found.more) slow_at_ = mono;
  if (IsDue(pruned_at_, mono, kPruneEveryMs)) EDCSYNC_TRY(Prune(mono));
  return found.more;
}

Status Watch::Look(CentralReader& reader, WallTime now, bool slow, Found& found) {
  if (!found.state) {
    EDCSYNC_ASSIGN(found.next, reader.FeedHead());
  } else {
    EDCSYNC_TRY(LookAtChanges(reader, now, found));
  }
  if (!slow) return Ok();
  if (Wants(NoticeTopic::kConflictOverdue)) EDCSYNC_TRY(LookAtOverdue(reader, now, found));
  if (Wants(NoticeTopic::kEdgeSilent) || Wants(NoticeTopic::kClockDrift)) {
    EDCSYNC_TRY(LookAtEdges(reader, now, found));
  }
  if (Wants(NoticeTopic::kReconciliation)) EDCSYNC_TRY(LookAtReconciliations(reader, now, found));
  return Ok();
}

NoticeRow Watch::OfConflict(NoticeKind kind, const ConflictRow& conflict, WallTime now) const {
  NoticeRow notice;
  notice.kind = kind;
  notice.id = std::string(ToString(kind)) + "-" + std::to_string(conflict.id.value());
  notice.study = conflict.key.study;
  notice.site = conflict.site;
  notice.record = ToString(conflict.key);
  notice.conflict = conflict.id;
  notice.severity = conflict.severity;
  notice.at = conflict.opened_at;
  notice.due_at = options_.due_times.DueAt(conflict);
  notice.found_at = now;
  return notice;
}

Status Watch::LookAtChanges(CentralReader& reader, WallTime now, Found& found) {
  const FeedCursor after = holds_ ? std::max(cursor_, found.state->cursor) : found.state->cursor;
  EDCSYNC_ASSIGN(const NoticeChanges changes, reader.NoticeChangesAfter(after, kChangeCountMax));
  found.next = changes.next;
  found.more = changes.more;
  for (const SnowflakeId id : changes.conflicts) {
    if (!Wants(NoticeTopic::kHardConflict)) break;
    EDCSYNC_ASSIGN(const std::optional<ConflictRow> conflict, reader.FindConflict(id));
    if (!conflict || conflict->end != ConflictEnd::kOpen) continue;
    if (conflict->severity != Severity::kHard) continue;
    NoticeRow notice = OfConflict(NoticeKind::kHardConflict, *conflict, now);
    EDCSYNC_ASSIGN(const bool told, reader.HasNotice(notice.id));
    if (!told) found.notices.push_back(std::move(notice));
  }
  for (const RevisionId& id : changes.quarantined) {
    if (!Wants(NoticeTopic::kQuarantine)) break;
    EDCSYNC_ASSIGN(const std::optional<QuarantineRow> row, reader.FindQuarantine(id));
    // What waits for its parent goes on by itself.
    if (!row || row->state != QuarantineEnd::kWaiting || row->missing_parent) continue;
    NoticeRow notice;
    notice.kind = NoticeKind::kQuarantine;
    notice.id = std::string(ToString(notice.kind)) + "-" + row->revision.ToHex();
    if (row->key) notice.study = row->key->study;
    notice.site = row->site;
    if (row->key) notice.record = ToString(*row->key);
    notice.revision = row->revision;
    notice.edge = row->edge;
    notice.reason = row->reason;
    notice.at = row->received_at;
    notice.found_at = now;
    EDCSYNC_ASSIGN(const bool told, reader.HasNotice(notice.id));
    if (!told) found.notices.push_back(std::move(notice));
  }
  return Ok();
}

Status Watch::LookAtOverdue(CentralReader& reader, WallTime now, Found& found) {
  EDCSYNC_ASSIGN(const std::vector<ConflictRow> overdue,
                 reader.OverdueUntold(options_.due_times, now, kChangeCountMax));
  for (const ConflictRow& conflict : overdue) {
    found.notices.push_back(OfConflict(NoticeKind::kConflictOverdue, conflict, now));
  }
  found.more = found.more || overdue.size() == kChangeCountMax;
  return Ok();
}

Status Watch::LookAtReconciliations(CentralReader& reader, WallTime now, Found& found) {
  EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, reader.ListEdges());
  const auto add_untold = [&](NoticeRow notice) -> Status {
    EDCSYNC_ASSIGN(const bool told, reader.HasNotice(notice.id));
    if (!told) found.notices.push_back(std::move(notice));
    return Ok();
  };
  for (const EdgeRow& edge : edges) {
    EDCSYNC_ASSIGN(const std::vector<ReconciliationRow> recent,
                   reader.RecentReconciliations(edge.edge, kRecentReconciliations));
    for (const ReconciliationRow& row : recent) {
      if (row.unfinished() || row.state == ReconciliationState::kEqual) continue;
      const WallTime ended = row.ended_at.value_or(row.changed_at);
      if (now.ms - ended.ms > kReconciliationToldMs) continue;
      EDCSYNC_TRY(add_untold(OfEdge(row.state == ReconciliationState::kMended
                                        ? NoticeKind::kReconciliationMended
                                        : NoticeKind::kReconciliationUnmended,
                                    edge, std::to_string(row.id.value()), ended, now)));
    }
    if (edge.standing != EdgeStanding::kActive ||
        clock_.Mono().us - started_.us < kStartGraceMs * 1000) {
      continue;
    }
    EDCSYNC_ASSIGN(const LastComparison last, reader.LastComparisonOf(edge.edge));
    if (!IsComparisonOverdue(last, edge.added_at, options_.reconcile_every_ms, now)) continue;
    const WallTime since = last.compared_at.value_or(edge.added_at);
    NoticeRow notice = OfEdge(NoticeKind::kReconciliationOverdue, edge, std::to_string(since.ms),
                              edge.last_contact.value_or(edge.added_at), now);
    notice.since = since;
    notice.due_at = WallTime{since.ms + options_.reconcile_every_ms};
    EDCSYNC_TRY(add_untold(std::move(notice)));
  }
  return Ok();
}

Status Watch::LookAtEdges(CentralReader& reader, WallTime now, Found& found) {
  EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, reader.ListEdges());
  EDCSYNC_ASSIGN(const std::vector<NoticeEdgeRow> rows, reader.ListNoticeEdges());
  std::map<EdgeId, NoticeEdgeRow> told;
  for (const NoticeEdgeRow& row : rows) told.emplace(row.edge, row);
  for (const EdgeRow& edge : edges) {
    const auto known = told.find(edge.edge);
    const NoticeEdgeRow before =
        known == told.end() ? NoticeEdgeRow{edge.edge, std::nullopt, false} : known->second;
    NoticeEdgeRow after = before;
    if (edge.standing == EdgeStanding::kActive) {
      if (Wants(NoticeTopic::kEdgeSilent)) LookAtSilence(edge, now, after, found);
      if (Wants(NoticeTopic::kClockDrift)) LookAtDrift(edge, now, after, found);
    } else {
      after = {edge.edge, std::nullopt, false};  // Revoked or suspended: nobody waits for it.
    }
    if (after.silent_since != before.silent_since || after.drifting != before.drifting) {
      found.edges.push_back(after);
    }
  }
  return Ok();
}

void Watch::LookAtSilence(const EdgeRow& edge, WallTime now, NoticeEdgeRow& told,
                          Found& found) const {
  const WallTime last = edge.last_contact.value_or(edge.added_at);
  const bool silent = now.ms - last.ms > options_.edge_silent_ms;
  if (silent && !told.silent_since) {
    if (clock_.Mono().us - started_.us < kStartGraceMs * 1000) return;
    found.notices.push_back(
        OfEdge(NoticeKind::kEdgeSilent, edge, std::to_string(last.ms), last, now));
    told.silent_since = last;
  } else if (!silent && told.silent_since) {
    NoticeRow back = OfEdge(NoticeKind::kEdgeBack, edge, std::to_string(told.silent_since->ms),
                            last, now);
    back.since = told.silent_since;
    found.notices.push_back(std::move(back));
    told.silent_since = std::nullopt;
  }
}

// Told past the bound, taken back within half of it, so that a clock at the bound is told once.
void Watch::LookAtDrift(const EdgeRow& edge, WallTime now, NoticeEdgeRow& told,
                        Found& found) const {
  if (!edge.clock_drift_ms) return;
  const std::int64_t drift_ms = std::llabs(*edge.clock_drift_ms);
  const bool wrong = drift_ms > options_.clock_drift_ms && !told.drifting;
  const bool right = drift_ms <= options_.clock_drift_ms / 2 && told.drifting;
  if (!wrong && !right) return;
  // It is measured when a session begins.
  NoticeRow notice = OfEdge(wrong ? NoticeKind::kClockDrift : NoticeKind::kClockRight, edge,
                            std::to_string(edge.epoch.value()),
                            edge.last_contact.value_or(now), now);
  notice.drift_ms = edge.clock_drift_ms;
  found.notices.push_back(std::move(notice));
  told.drifting = wrong;
}

Status Watch::Keep(const Found& found, bool& taken) {
  return store_.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const std::optional<NoticesState> state, writer.FindNoticesState());
    taken = MayTake(state, writer.Now());
    if (!taken) return Ok();
    for (const NoticeRow& notice : found.notices) {
      EDCSYNC_TRY(writer.InsertNotice(notice, ChannelsOf(notice.kind)));
    }
    for (const NoticeEdgeRow& edge : found.edges) EDCSYNC_TRY(writer.PutNoticeEdge(edge));
    return writer.PutNoticesState(
        {found.next, options_.holder, WallTime{writer.Now().ms + kLeaseMs}});
  });
}

Status Watch::Prune(MonoTime now) {
  std::uint64_t count = 0;
  EDCSYNC_TRY(store_.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(count, writer.PruneNotices({writer.Now().ms - kKeepMs}, kPruneCountMax));
    return Ok();
  }));
  if (count < kPruneCountMax) pruned_at_ = now;
  return Ok();
}

void Watch::Release() {
  if (!holds_) return;
  holds_ = false;
  const Status released = store_.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(std::optional<NoticesState> state, writer.FindNoticesState());
    if (!state || state->holder != options_.holder) return Ok();
    state->holder.clear();
    state->cursor = std::max(state->cursor, cursor_);
    return writer.PutNoticesState(*state);
  });
  // Without it the lease runs out by itself.
  if (!released.ok()) {
    Log(LogLevel::kWarn, "notices.lease_not_released", {{"why", released.error().message}});
  }
}

}  // namespace edcsync::central
