#include "edge-agent/store/checkpoint_table.h"

#include <algorithm>

namespace edcsync::edge {
namespace {

template <class Id>
Status ReadRandomId(BytesView bytes, std::string_view column, Id& out) {
  if (bytes.size() != out.bytes.size()) {
    return Fail(ErrorCode::kCorrupt, "checkpoint." + std::string(column) + " is broken");
  }
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return Ok();
}

void BindOptional(Statement& statement, int index, const std::optional<std::int64_t>& value) {
  if (value) {
    statement.Bind(index, *value);
  } else {
    statement.BindNull(index);
  }
}

// Parameters 1 to 10: the fields that change.
void BindProgress(Statement& statement, const Checkpoint& checkpoint) {
  statement.Bind(1, static_cast<std::int64_t>(checkpoint.acknowledged_through.value()))
      .Bind(2, checkpoint.history.view())
      .Bind(3, static_cast<std::int64_t>(checkpoint.feed_cursor.value()))
      .Bind(4, checkpoint.last_edit.ms)
      .Bind(5, std::int64_t{checkpoint.last_edit.counter});
  BindOptional(statement, 6, checkpoint.clock_drift_ms);
  std::optional<std::int64_t> last_contact_ms;
  if (checkpoint.last_contact) last_contact_ms = checkpoint.last_contact->ms;
  BindOptional(statement, 7, last_contact_ms);
  statement.Bind(8, std::int64_t{checkpoint.paused})
      .Bind(9, std::int64_t{checkpoint.stopped_for})
      .Bind(10, std::string_view(checkpoint.stopped_message));
}

}  // namespace

Result<std::optional<Checkpoint>> CheckpointTable::Find() const {
  Statement row = database_.Prepare(
      "SELECT edge_id, site_oid, incarnation, created_at_ms, acknowledged_through, history_id, "
      "feed_cursor, last_edit_ms, last_edit_counter, clock_drift_ms, last_contact_ms, paused, "
      "stopped_for, stopped_message FROM checkpoint WHERE one = 1");
  EDCSYNC_ASSIGN(const bool found, row.Step());
  if (!found) return std::optional<Checkpoint>();
  std::optional<Checkpoint> checkpoint(std::in_place);
  checkpoint->edge = EdgeId(row.Text(0));
  checkpoint->site = SiteOID(row.Text(1));
  EDCSYNC_TRY(ReadRandomId(row.Blob(2), "incarnation", checkpoint->incarnation));
  checkpoint->created_at = WallTime{row.Int(3)};
  checkpoint->acknowledged_through = Sequence(static_cast<std::uint64_t>(row.Int(4)));
  EDCSYNC_TRY(ReadRandomId(row.Blob(5), "history_id", checkpoint->history));
  checkpoint->feed_cursor = FeedCursor(static_cast<std::uint64_t>(row.Int(6)));
  checkpoint->last_edit = {row.Int(7), static_cast<std::uint32_t>(row.Int(8))};
  if (!row.IsNull(9)) checkpoint->clock_drift_ms = row.Int(9);
  if (!row.IsNull(10)) checkpoint->last_contact = WallTime{row.Int(10)};
  checkpoint->paused = row.Int(11) != 0;
  checkpoint->stopped_for = static_cast<std::uint16_t>(row.Int(12));
  checkpoint->stopped_message = row.Text(13);
  return checkpoint;
}

Result<Checkpoint> CheckpointTable::Get() const {
  EDCSYNC_ASSIGN(std::optional<Checkpoint> found, Find());
  if (!found) return Fail(ErrorCode::kInvariant, "the database has no checkpoint");
  return std::move(*found);
}

Status CheckpointTable::Insert(const Checkpoint& checkpoint) {
  Statement statement = database_.Prepare(
      "INSERT INTO checkpoint (one, edge_id, site_oid, incarnation, created_at_ms, "
      "acknowledged_through, history_id, feed_cursor, last_edit_ms, last_edit_counter, "
      "clock_drift_ms, last_contact_ms, paused, stopped_for, stopped_message) "
      "VALUES (1, ?11, ?12, ?13, ?14, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
  BindProgress(statement, checkpoint);
  statement.Bind(11, std::string_view(checkpoint.edge.str()))
      .Bind(12, std::string_view(checkpoint.site.str()))
      .Bind(13, checkpoint.incarnation.view())
      .Bind(14, checkpoint.created_at.ms);
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Status CheckpointTable::Update(const Checkpoint& checkpoint) {
  Statement statement = database_.Prepare(
      "UPDATE checkpoint SET acknowledged_through = ?1, history_id = ?2, feed_cursor = ?3, "
      "last_edit_ms = ?4, last_edit_counter = ?5, clock_drift_ms = ?6, last_contact_ms = ?7, "
      "paused = ?8, stopped_for = ?9, stopped_message = ?10 WHERE one = 1");
  BindProgress(statement, checkpoint);
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kInvariant, "the database has no checkpoint");
}

Status CheckpointTable::SetIncarnation(const Incarnation& incarnation) {
  Statement statement = database_.Prepare("UPDATE checkpoint SET incarnation = ?1 WHERE one = 1");
  statement.Bind(1, incarnation.view());
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

}  // namespace edcsync::edge
