#include "central-gateway/store/conflict_table.h"

#include "central-gateway/store/conflict_sql.h"

namespace edcsync::central {
namespace {

constexpr std::string_view kOpenOf = EDCSYNC_CONFLICT "WHERE c.record_id = ?1 AND c.state = 0";
constexpr std::string_view kFindConflict = EDCSYNC_CONFLICT "WHERE c.conflict_id = ?1";

}  // namespace

Result<std::optional<ConflictRow>> ConflictTable::ReadOne(Statement& statement) {
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<ConflictRow>();
  return std::optional(ReadConflict(statement));
}

Result<std::optional<ConflictRow>> ConflictTable::OpenOf(std::int64_t record_id) {
  Statement statement = database_.Prepare(kOpenOf);
  statement.Bind(1, record_id);
  return ReadOne(statement);
}

Result<std::optional<ConflictRow>> ConflictTable::Find(SnowflakeId id) {
  Statement statement = database_.Prepare(kFindConflict);
  statement.Bind(1, Signed(id.value()));
  return ReadOne(statement);
}

Result<std::vector<ConflictRow>> ConflictTable::List(const CentralReader::ConflictFilter& filter) {
  // Only the conditions that are set, so that the open ones are found by their own index.
  std::string sql = EDCSYNC_CONFLICT "WHERE c.conflict_id > ?1";
  if (filter.open_only) sql += " AND c.state = 0";
  if (!filter.study.empty()) sql += " AND r.study_oid = ?2";
  if (!filter.site.empty()) sql += " AND r.site_oid = ?3";
  if (!filter.subject.empty()) sql += " AND r.subject_key = ?4";
  sql += " ORDER BY c.conflict_id LIMIT ?5";
  Statement statement = database_.Prepare(sql);
  statement.Bind(1, Signed(filter.after.value()));
  if (!filter.study.empty()) statement.Bind(2, filter.study);
  if (!filter.site.empty()) statement.Bind(3, filter.site);
  if (!filter.subject.empty()) statement.Bind(4, filter.subject);
  statement.Bind(5, Limit(filter.count_max));
  std::vector<ConflictRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back(ReadConflict(statement));
  }
}

Result<std::vector<SnowflakeId>> ConflictTable::OfRecord(std::int64_t record_id) {
  Statement statement = database_.Prepare(
      "SELECT conflict_id FROM conflict WHERE record_id = ?1 ORDER BY conflict_id");
  statement.Bind(1, record_id);
  std::vector<SnowflakeId> ids;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return ids;
    ids.emplace_back(Unsigned(statement.Int(0)));
  }
}

Status ConflictTable::Insert(const ConflictRow& row) {
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> open, OpenOf(row.record_id));
  if (open) {
    return Fail(ErrorCode::kInvariant, "conflict " + std::to_string(open->id.value()) +
                                           " of this record is already open");
  }
  EDCSYNC_ASSIGN(const std::int64_t site_id, sites_.NumberOf(row.site));
  Statement statement = database_.Prepare(
      "INSERT INTO conflict (conflict_id, record_id, site_id, severity, heads, ancestor, items, "
      "opened_at_ms, state, ended_by, ended_at_ms, ended_user) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
  const Bytes heads = JoinIds(row.heads);
  const std::string items = JoinLines(row.items);
  statement.Bind(1, Signed(row.id.value()))
      .Bind(2, row.record_id)
      .Bind(3, site_id)
      .Bind(4, Number(row.severity))
      .Bind(5, BytesView(heads));
  BindOptional(statement, 6, row.ancestor);
  statement.Bind(7, items).Bind(8, row.opened_at.ms).Bind(9, Number(row.end));
  BindOptional(statement, 10, row.ended_by);
  BindOptional(statement, 11, row.ended_at);
  EDCSYNC_TRY(statement.Bind(12, row.ended_user).Run());
  return Ok();
}

Status ConflictTable::Update(const ConflictRow& row) {
  Statement statement = database_.Prepare(
      "UPDATE conflict SET severity = max(severity, ?2), heads = ?3, ancestor = ?4, items = ?5, "
      "state = ?6, ended_by = ?7, ended_at_ms = ?8, ended_user = ?9 "
      "WHERE conflict_id = ?1 AND state = 0");
  const Bytes heads = JoinIds(row.heads);
  const std::string items = JoinLines(row.items);
  statement.Bind(1, Signed(row.id.value())).Bind(2, Number(row.severity)).Bind(3, BytesView(heads));
  BindOptional(statement, 4, row.ancestor);
  statement.Bind(5, items).Bind(6, Number(row.end));
  BindOptional(statement, 7, row.ended_by);
  BindOptional(statement, 8, row.ended_at);
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Bind(9, row.ended_user).Run());
  if (changed == 1) return Ok();
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> known, Find(row.id));
  const std::string name = "conflict " + std::to_string(row.id.value());
  if (!known) return Fail(ErrorCode::kNotFound, name + " does not exist");
  return Fail(ErrorCode::kStale, name + " has ended");
}

}  // namespace edcsync::central
