#include "central-gateway/store/lock_table.h"

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {

Status LockTable::LoadStudies() {
  Statement statement = database_.Prepare("SELECT DISTINCT study_oid FROM lock");
  std::unordered_set<StudyOID> studies;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) break;
    studies.emplace(statement.Text(0));
  }
  studies_ = std::move(studies);
  return Ok();
}

Result<bool> LockTable::IsLocked(const RecordKey& key, const SiteOID& site) {
  if (cached_) {
    if (!studies_) EDCSYNC_TRY(LoadStudies());
    if (!studies_->contains(key.study)) return false;
  }
  Statement statement = database_.Prepare(
      "SELECT 1 FROM lock WHERE study_oid = ?1 AND ((scope = 1) OR (scope = 2 AND object = ?2) "
      "OR (scope = 3 AND object = ?3) OR (scope = 4 AND object = ?4)) LIMIT 1");
  statement.Bind(1, key.study.str())
      .Bind(2, site.str())
      .Bind(3, key.subject.str())
      .Bind(4, ToString(key));
  return statement.Step();
}

Result<std::vector<LockRow>> LockTable::List() {
  Statement statement = database_.Prepare(
      "SELECT scope, study_oid, object, set_by, reason, set_at_ms FROM lock "
      "ORDER BY study_oid, scope, object");
  std::vector<LockRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    LockRow row;
    row.scope = static_cast<LockScope>(statement.Int(0));
    row.study = StudyOID(statement.Text(1));
    row.object = TextAt(statement, 2);
    row.set_by = TextAt(statement, 3);
    row.reason = TextAt(statement, 4);
    row.set_at.ms = statement.Int(5);
    rows.push_back(std::move(row));
  }
}

Status LockTable::Set(const LockRow& lock) {
  studies_.reset();
  Statement statement = database_.Prepare(
      "INSERT INTO lock (scope, study_oid, object, set_by, reason, set_at_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (study_oid, scope, object) DO NOTHING");
  statement.Bind(1, Number(lock.scope))
      .Bind(2, lock.study.str())
      .Bind(3, lock.object)
      .Bind(4, lock.set_by)
      .Bind(5, lock.reason)
      .Bind(6, lock.set_at.ms);
  EDCSYNC_ASSIGN(const std::int64_t inserted, statement.Run());
  if (inserted == 1) return Ok();
  return Fail(ErrorCode::kAlreadyExists, "this is locked already");
}

Status LockTable::Clear(const LockRow& lock) {
  studies_.reset();
  Statement statement = database_.Prepare(
      "DELETE FROM lock WHERE study_oid = ?1 AND scope = ?2 AND object = ?3");
  statement.Bind(1, lock.study.str()).Bind(2, Number(lock.scope)).Bind(3, lock.object);
  EDCSYNC_ASSIGN(const std::int64_t cleared, statement.Run());
  if (cleared == 1) return Ok();
  return Fail(ErrorCode::kNotFound, "this is not locked");
}

}  // namespace edcsync::central
