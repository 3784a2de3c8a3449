#include "shared/storage/record_table.h"

#include "shared/base/check.h"
#include "shared/crypto/revision_id.h"

namespace edcsync {
namespace {

void BindKey(Statement& statement, const RecordKey& key, int first) {
  statement.Bind(first, std::string_view(key.study.str()))
      .Bind(first + 1, std::string_view(key.subject.str()))
      .Bind(first + 2, std::string_view(key.event.str()))
      .Bind(first + 3, std::string_view(key.event_repeat.str()))
      .Bind(first + 4, std::string_view(key.form.str()))
      .Bind(first + 5, std::string_view(key.form_repeat.str()));
}

// Fills what follows the key: record_id, site_oid, heads, current_revision_id, current_version,
// removed, from column `first` on.
Status ReadState(const Statement& row, int first, RecordRow& out) {
  out.record_id = row.Int(first);
  out.site = SiteOID(row.Text(first + 1));
  const BytesView heads = row.Blob(first + 2);
  const BytesView current = row.Blob(first + 3);
  const std::int64_t version = row.Int(first + 4);
  if (heads.empty() || heads.size() % sizeof(Digest) != 0 || current.size() != sizeof(Digest) ||
      version < 1 || version > UINT32_MAX) {
    return Fail(ErrorCode::kCorrupt,
                "record " + std::to_string(out.record_id) + " has broken heads");
  }
  out.heads = SplitIds(heads);
  out.current = RevisionIdFromBytes(current);
  out.current_version = static_cast<std::uint32_t>(version);
  out.removed = row.Int(first + 5) != 0;
  return Ok();
}

#define EDCSYNC_RECORD_STATE \
  "record_id, site_oid, heads, current_revision_id, current_version, removed"
#define EDCSYNC_RECORD_KEY \
  "study_oid, subject_key, study_event_oid, study_event_repeat_key, form_oid, form_repeat_key"

// Columns: the key, then the state.
Result<RecordRow> ReadRow(const Statement& row) {
  RecordRow out;
  out.key = {StudyOID(row.Text(0)),  SubjectKey(row.Text(1)), StudyEventOID(row.Text(2)),
             RepeatKey(row.Text(3)), FormOID(row.Text(4)),    RepeatKey(row.Text(5))};
  EDCSYNC_TRY(ReadState(row, 6, out));
  return out;
}

}  // namespace

Result<std::optional<RecordRow>> RecordTable::Find(const RecordKey& key) const {
  Statement statement = database_.Prepare(
      "SELECT " EDCSYNC_RECORD_STATE
      " FROM record WHERE study_oid = ?1 AND subject_key = ?2 AND "
      "study_event_oid = ?3 AND study_event_repeat_key = ?4 AND form_oid = ?5 AND "
      "form_repeat_key = ?6");
  BindKey(statement, key, 1);
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<RecordRow>();
  std::optional<RecordRow> row(std::in_place);
  row->key = key;
  EDCSYNC_TRY(ReadState(statement, 0, *row));
  return row;
}

Result<std::optional<RecordRow>> RecordTable::FindById(std::int64_t record_id) const {
  Statement statement = database_.Prepare("SELECT " EDCSYNC_RECORD_KEY ", " EDCSYNC_RECORD_STATE
                                          " FROM record WHERE record_id = ?1");
  statement.Bind(1, record_id);
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<RecordRow>();
  EDCSYNC_ASSIGN(RecordRow row, ReadRow(statement));
  return std::optional<RecordRow>(std::move(row));
}

Result<std::int64_t> RecordTable::Insert(const RecordRow& row) {
  Statement statement = database_.Prepare(
      "INSERT INTO record (" EDCSYNC_RECORD_KEY
      ", site_oid, heads, current_revision_id, current_version, removed) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
  BindKey(statement, row.key, 1);
  statement.Bind(7, std::string_view(row.site.str()))
      .Bind(8, Joined(row.heads))
      .Bind(9, row.current.view())
      .Bind(10, std::int64_t{row.current_version})
      .Bind(11, std::int64_t{row.removed});
  EDCSYNC_TRY(statement.Run());
  return database_.LastInsertRowId();
}

Status RecordTable::Update(const RecordRow& row) {
  Statement statement = database_.Prepare(
      "UPDATE record SET heads = ?2, current_revision_id = ?3, current_version = ?4, "
      "removed = ?5 WHERE record_id = ?1");
  statement.Bind(1, row.record_id)
      .Bind(2, Joined(row.heads))
      .Bind(3, row.current.view())
      .Bind(4, std::int64_t{row.current_version})
      .Bind(5, std::int64_t{row.removed});
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kInvariant,
              "record " + std::to_string(row.record_id) + " is not in its table");
}

Result<std::vector<RecordRow>> RecordTable::List(const Filter& filter, const RecordKey* after,
                                                 std::size_t count_max) const {
  // Only the conditions that are set, so that study and subject are found by the key's index.
  std::string sql = "SELECT " EDCSYNC_RECORD_KEY ", " EDCSYNC_RECORD_STATE
                    " FROM record WHERE 1";
  if (!filter.study.empty()) sql += " AND study_oid = ?1";
  if (!filter.subject.empty()) sql += " AND subject_key = ?2";
  if (!filter.form.empty()) sql += " AND form_oid = ?3";
  if (!filter.site.empty()) sql += " AND site_oid = ?4";
  if (!filter.event.empty()) sql += " AND study_event_oid = ?12";
  if (after != nullptr) sql += " AND (" EDCSYNC_RECORD_KEY ") > (?6, ?7, ?8, ?9, ?10, ?11)";
  sql += " ORDER BY " EDCSYNC_RECORD_KEY " LIMIT ?5";
  Statement statement = database_.Prepare(sql);
  if (!filter.study.empty()) statement.Bind(1, std::string_view(filter.study));
  if (!filter.subject.empty()) statement.Bind(2, std::string_view(filter.subject));
  if (!filter.form.empty()) statement.Bind(3, std::string_view(filter.form));
  if (!filter.site.empty()) statement.Bind(4, std::string_view(filter.site));
  if (!filter.event.empty()) statement.Bind(12, std::string_view(filter.event));
  statement.Bind(5, static_cast<std::int64_t>(count_max));
  if (after != nullptr) BindKey(statement, *after, 6);
  std::vector<RecordRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    EDCSYNC_ASSIGN(RecordRow row, ReadRow(statement));
    rows.push_back(std::move(row));
  }
}

Result<std::uint64_t> RecordTable::Count() const {
  // None is ever removed, so the greatest row number is the count, without a walk through all.
  Statement statement = database_.Prepare("SELECT coalesce(max(record_id), 0) FROM record");
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  CHECK(found);
  return static_cast<std::uint64_t>(statement.Int(0));
}

}  // namespace edcsync
