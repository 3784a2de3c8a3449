#include "central-gateway/store/notice_table.h"

#include <set>

#include "central-gateway/store/conflict_sql.h"

namespace edcsync::central {
namespace {

NoticeRow ReadNotice(const Statement& statement) {
  NoticeRow row;
  row.rowid = statement.Int(0);
  row.id = TextAt(statement, 1);
  row.kind = static_cast<NoticeKind>(statement.Int(2));
  row.study = StudyOID(statement.Text(3));
  row.site = SiteOID(statement.Text(4));
  row.record = TextAt(statement, 5);
  row.conflict = SnowflakeId(Unsigned(statement.Int(6)));  // NULL reads as 0.
  row.revision = OptionalId(statement, 7);
  row.edge = EdgeId(statement.Text(8));
  if (!statement.IsNull(9)) row.severity = static_cast<Severity>(statement.Int(9));
  row.reason = static_cast<std::uint16_t>(statement.Int(10));
  row.at.ms = statement.Int(11);
  row.since = OptionalTime(statement, 12);
  row.due_at = OptionalTime(statement, 13);
  if (!statement.IsNull(14)) row.drift_ms = statement.Int(14);
  row.found_at.ms = statement.Int(15);
  return row;
}

}  // namespace

Result<std::optional<NoticesState>> NoticeTable::FindState() {
  Statement statement =
      database_.Prepare("SELECT feed_cursor, holder, lease_expires_at_ms FROM notice_state");
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<NoticesState>();
  return std::optional(NoticesState{FeedCursor(Unsigned(statement.Int(0))), TextAt(statement, 1),
                                    WallTime{statement.Int(2)}});
}

Status NoticeTable::PutState(const NoticesState& state) {
  Statement statement = database_.Prepare(
      "INSERT INTO notice_state (one, feed_cursor, holder, lease_expires_at_ms) "
      "VALUES (1, ?1, ?2, ?3) ON CONFLICT (one) DO UPDATE SET feed_cursor = ?1, holder = ?2, "
      "lease_expires_at_ms = ?3");
  EDCSYNC_TRY(statement.Bind(1, Signed(state.cursor.value()))
                  .Bind(2, state.holder)
                  .Bind(3, state.lease_expires_at.ms)
                  .Run());
  return Ok();
}

Result<NoticeChanges> NoticeTable::ChangesAfter(FeedCursor after, FeedCursor head,
                                                std::size_t count_max) {
  Statement statement = database_.Prepare(
      "SELECT cursor, kind, conflict_id, revision_id FROM feed "
      "WHERE cursor > ?1 AND kind IN (2, 4) ORDER BY cursor LIMIT ?2");
  statement.Bind(1, Signed(after.value())).Bind(2, Limit(count_max));
  NoticeChanges changes;
  changes.next = std::max(after, head);
  std::set<SnowflakeId> conflicts;
  std::set<RevisionId> quarantined;
  for (std::size_t count = 0; count < count_max; ++count) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return changes;
    if (static_cast<FeedKind>(statement.Int(1)) == FeedKind::kConflict) {
      const SnowflakeId id(Unsigned(statement.Int(2)));
      if (conflicts.insert(id).second) changes.conflicts.push_back(id);
    } else {
      const RevisionId id = RevisionIdFromBytes(statement.Blob(3));
      if (quarantined.insert(id).second) changes.quarantined.push_back(id);
    }
    if (count + 1 == count_max) changes.next = FeedCursor(Unsigned(statement.Int(0)));
  }
  changes.more = changes.next < head;
  return changes;
}

Result<std::vector<ConflictRow>> NoticeTable::OverdueUntold(const DueTimes& due_times, WallTime now,
                                                            std::size_t count_max) {
  Statement statement = database_.Prepare(
      EDCSYNC_CONFLICT
      "WHERE c.state = 0 AND c.opened_at_ms + CASE c.severity WHEN 2 THEN ?1 ELSE ?2 END < ?3 "
      "AND NOT EXISTS (SELECT 1 FROM notice n "
      "WHERE n.notice_id = 'conflict_overdue-' || c.conflict_id) LIMIT ?4");
  statement.Bind(1, due_times.hard_ms)
      .Bind(2, due_times.soft_ms)
      .Bind(3, now.ms)
      .Bind(4, Limit(count_max));
  std::vector<ConflictRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back(ReadConflict(statement));
  }
}

Result<bool> NoticeTable::Contains(const std::string& id) {
  Statement statement = database_.Prepare("SELECT 1 FROM notice WHERE notice_id = ?1");
  return statement.Bind(1, id).Step();
}

Result<bool> NoticeTable::Insert(const NoticeRow& notice,
                                 const std::vector<std::string>& channels) {
  Statement statement = database_.Prepare(
      "INSERT INTO notice (notice_id, kind, study_oid, site_oid, record_key, conflict_id, "
      "revision_id, edge_id, severity, reason, at_ms, since_ms, due_at_ms, drift_ms, found_at_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) "
      "ON CONFLICT (notice_id) DO NOTHING");
  statement.Bind(1, notice.id)
      .Bind(2, Number(notice.kind))
      .Bind(3, notice.study.str())
      .Bind(4, notice.site.str())
      .Bind(5, notice.record);
  if (notice.conflict != SnowflakeId()) statement.Bind(6, Signed(notice.conflict.value()));
  BindOptional(statement, 7, notice.revision);
  statement.Bind(8, notice.edge.str());
  if (notice.severity) statement.Bind(9, Number(*notice.severity));
  statement.Bind(10, std::int64_t{notice.reason}).Bind(11, notice.at.ms);
  BindOptional(statement, 12, notice.since);
  BindOptional(statement, 13, notice.due_at);
  BindOptional(statement, 14, notice.drift_ms);
  EDCSYNC_ASSIGN(const std::int64_t inserted, statement.Bind(15, notice.found_at.ms).Run());
  if (inserted == 0) return false;
  const std::int64_t rowid = database_.LastInsertRowId();
  Statement queue = database_.Prepare(
      "INSERT INTO notice_delivery (channel, notice_rowid, message_id) VALUES (?1, ?2, NULL)");
  for (const std::string& channel : channels) {
    EDCSYNC_TRY(queue.Bind(1, channel).Bind(2, rowid).Run());
  }
  return true;
}

Result<std::vector<NoticeRow>> NoticeTable::In(SnowflakeId message, std::size_t count_max) {
  Statement statement = database_.Prepare(
      "SELECT n.notice_rowid, n.notice_id, n.kind, n.study_oid, n.site_oid, n.record_key, "
      "n.conflict_id, n.revision_id, n.edge_id, n.severity, n.reason, n.at_ms, n.since_ms, "
      "n.due_at_ms, n.drift_ms, n.found_at_ms FROM notice_delivery d "
      "JOIN notice n ON n.notice_rowid = d.notice_rowid "
      "WHERE d.message_id = ?1 ORDER BY n.kind, n.notice_rowid LIMIT ?2");
  statement.Bind(1, Signed(message.value())).Bind(2, Limit(count_max));
  std::vector<NoticeRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back(ReadNotice(statement));
  }
}

Result<std::vector<NoticeKindCount>> NoticeTable::CountIn(SnowflakeId message) {
  Statement statement = database_.Prepare(
      "SELECT n.kind, count(*) FROM notice_delivery d "
      "JOIN notice n ON n.notice_rowid = d.notice_rowid "
      "WHERE d.message_id = ?1 GROUP BY n.kind ORDER BY n.kind");
  statement.Bind(1, Signed(message.value()));
  std::vector<NoticeKindCount> counts;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return counts;
    counts.push_back({static_cast<NoticeKind>(statement.Int(0)), Unsigned(statement.Int(1))});
  }
}

Result<std::vector<NoticeEdgeRow>> NoticeTable::ListEdges() {
  Statement statement =
      database_.Prepare("SELECT edge_id, silent_since_ms, drifting FROM notice_edge");
  std::vector<NoticeEdgeRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back(
        {EdgeId(statement.Text(0)), OptionalTime(statement, 1), statement.Int(2) != 0});
  }
}

Status NoticeTable::PutEdge(const NoticeEdgeRow& row) {
  Statement statement = database_.Prepare(
      "INSERT INTO notice_edge (edge_id, silent_since_ms, drifting) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (edge_id) DO UPDATE SET silent_since_ms = ?2, drifting = ?3");
  statement.Bind(1, row.edge.str());
  BindOptional(statement, 2, row.silent_since);
  EDCSYNC_TRY(statement.Bind(3, std::int64_t{row.drifting}).Run());
  return Ok();
}

Result<std::int64_t> NoticeTable::Prune(WallTime before, std::size_t count_max) {
  Statement statement = database_.Prepare(
      "DELETE FROM notice WHERE notice_rowid IN (SELECT n.notice_rowid FROM notice n "
      "WHERE n.found_at_ms < ?1 "
      "AND NOT EXISTS (SELECT 1 FROM notice_delivery d WHERE d.notice_rowid = n.notice_rowid) "
      "AND NOT EXISTS (SELECT 1 FROM conflict c WHERE c.conflict_id = n.conflict_id "
      "AND c.state = 0) "
      "AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.revision_id = n.revision_id "
      "AND q.state = 1) LIMIT ?2)");
  return statement.Bind(1, before.ms).Bind(2, Limit(count_max)).Run();
}

}  // namespace edcsync::central
