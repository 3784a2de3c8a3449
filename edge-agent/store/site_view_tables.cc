#include "edge-agent/store/site_view_tables.h"

#include <algorithm>

#include "shared/base/check.h"
#include "shared/storage/revision_table.h"

namespace edcsync::edge {
namespace {

Result<std::uint64_t> CountOf(Statement statement) {
  EDCSYNC_ASSIGN(const bool row, statement.Step());
  CHECK(row);
  return static_cast<std::uint64_t>(statement.Int(0));
}

Result<Digest> ReadDigest(const Statement& row, int column, std::string_view table) {
  const BytesView bytes = row.Blob(column);
  Digest digest;
  if (bytes.size() != digest.size()) {
    return Fail(ErrorCode::kCorrupt, "table " + std::string(table) + " has a broken row");
  }
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

OpenConflict ReadConflict(const Statement& row) {
  return {std::string(row.Text(0)), static_cast<std::uint64_t>(row.Int(1)),
          static_cast<Severity>(row.Int(2)), WallTime{row.Int(3)}};
}

}  // namespace

Status LockTable::Set(const Lock& lock) {
  Statement statement = database_.Prepare(
      "INSERT INTO lock (study_oid, scope, object) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING");
  statement.Bind(1, std::string_view(lock.study.str()))
      .Bind(2, std::int64_t{lock.scope})
      .Bind(3, std::string_view(lock.object));
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Status LockTable::Clear(const Lock& lock) {
  Statement statement = database_.Prepare(
      "DELETE FROM lock WHERE study_oid = ?1 AND scope = ?2 AND object = ?3");
  statement.Bind(1, std::string_view(lock.study.str()))
      .Bind(2, std::int64_t{lock.scope})
      .Bind(3, std::string_view(lock.object));
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Result<bool> LockTable::Covers(const RecordKey& key, const SiteOID& site) const {
  // Mostly nothing is locked: seen without writing the record key out.
  Statement any = database_.Prepare("SELECT 1 FROM lock WHERE study_oid = ?1 LIMIT 1");
  EDCSYNC_ASSIGN(const bool some, any.Bind(1, std::string_view(key.study.str())).Step());
  if (!some) return false;
  Statement statement = database_.Prepare(
      "SELECT 1 FROM lock WHERE study_oid = ?1 AND scope = 1 AND object = '' "
      "UNION ALL SELECT 1 FROM lock WHERE study_oid = ?1 AND scope = 2 AND object = ?2 "
      "UNION ALL SELECT 1 FROM lock WHERE study_oid = ?1 AND scope = 3 AND object = ?3 "
      "UNION ALL SELECT 1 FROM lock WHERE study_oid = ?1 AND scope = 4 AND object = ?4 LIMIT 1");
  const std::string record = ToString(key);
  return statement.Bind(1, std::string_view(key.study.str()))
      .Bind(2, std::string_view(site.str()))
      .Bind(3, std::string_view(key.subject.str()))
      .Bind(4, std::string_view(record))
      .Step();
}

Result<std::vector<Lock>> LockTable::List() const {
  Statement statement = database_.Prepare(
      "SELECT scope, study_oid, object FROM lock ORDER BY study_oid, scope, object");
  std::vector<Lock> locks;
  while (true) {
    EDCSYNC_ASSIGN(const bool row, statement.Step());
    if (!row) return locks;
    locks.push_back({static_cast<std::uint8_t>(statement.Int(0)), StudyOID(statement.Text(1)),
                     std::string(statement.Text(2))});
  }
}

Status ConflictTable::Put(const OpenConflict& conflict) {
  Statement statement = database_.Prepare(
      "INSERT INTO conflict (record_key, conflict_id, severity, opened_at_ms) "
      "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (record_key) DO UPDATE SET "
      "conflict_id = ?2, severity = ?3, opened_at_ms = ?4");
  statement.Bind(1, std::string_view(conflict.record_key))
      .Bind(2, static_cast<std::int64_t>(conflict.conflict_id))
      .Bind(3, static_cast<std::int64_t>(conflict.severity))
      .Bind(4, conflict.opened_at.ms);
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Status ConflictTable::Remove(const std::string& record_key) {
  Statement statement = database_.Prepare("DELETE FROM conflict WHERE record_key = ?1");
  EDCSYNC_TRY(statement.Bind(1, std::string_view(record_key)).Run());
  return Ok();
}

Result<std::vector<OpenConflict>> ConflictTable::List(std::size_t count_max) const {
  Statement statement = database_.Prepare(
      "SELECT record_key, conflict_id, severity, opened_at_ms FROM conflict "
      "ORDER BY record_key LIMIT ?1");
  statement.Bind(1, static_cast<std::int64_t>(count_max));
  std::vector<OpenConflict> conflicts;
  while (true) {
    EDCSYNC_ASSIGN(const bool row, statement.Step());
    if (!row) return conflicts;
    conflicts.push_back(ReadConflict(statement));
  }
}

Result<std::optional<OpenConflict>> ConflictTable::Find(const std::string& record_key) const {
  Statement statement = database_.Prepare(
      "SELECT record_key, conflict_id, severity, opened_at_ms FROM conflict "
      "WHERE record_key = ?1");
  EDCSYNC_ASSIGN(const bool row, statement.Bind(1, std::string_view(record_key)).Step());
  if (!row) return std::optional<OpenConflict>();
  return std::optional<OpenConflict>(ReadConflict(statement));
}

Result<std::uint64_t> ConflictTable::Count() const {
  return CountOf(database_.Prepare("SELECT count(*) FROM conflict"));
}

Status QuarantineTable::Put(const QuarantinedHere& row) {
  Statement statement = database_.Prepare(
      "INSERT INTO quarantine (revision_id, state, reason) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (revision_id) DO UPDATE SET state = ?2, reason = ?3");
  statement.Bind(1, row.revision.view())
      .Bind(2, std::int64_t{row.state})
      .Bind(3, std::int64_t{row.reason});
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Result<std::vector<QuarantinedHere>> QuarantineTable::List(std::size_t count_max) const {
  Statement statement = database_.Prepare(
      "SELECT revision_id, state, reason FROM quarantine ORDER BY revision_id LIMIT ?1");
  statement.Bind(1, static_cast<std::int64_t>(count_max));
  std::vector<QuarantinedHere> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    QuarantinedHere row;
    EDCSYNC_ASSIGN(row.revision.digest, ReadDigest(statement, 0, "quarantine"));
    row.state = static_cast<std::uint8_t>(statement.Int(1));
    row.reason = static_cast<std::uint16_t>(statement.Int(2));
    rows.push_back(row);
  }
}

Result<std::uint64_t> QuarantineTable::CountWaiting() const {
  return CountOf(database_.Prepare("SELECT count(*) FROM quarantine WHERE state = 1"));
}

Status HeldTable::Put(const Row& row) {
  Bytes sealed;
  cipher_.Seal(row.canonical, row.id.view(), sealed);
  Statement statement = database_.Prepare(
      "INSERT INTO held (revision_id, missing_parent, mark, sealed) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT (revision_id) DO UPDATE SET missing_parent = ?2, mark = ?3");
  statement.Bind(1, row.id.view())
      .Bind(2, row.missing_parent.view())
      .Bind(3, BytesView(row.mark))
      .Bind(4, BytesView(sealed));
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Result<std::vector<HeldTable::Row>> HeldTable::WaitingFor(const RevisionId& parent) const {
  Statement statement = database_.Prepare(
      "SELECT revision_id, missing_parent, mark, sealed FROM held WHERE missing_parent = ?1 "
      "ORDER BY revision_id");
  statement.Bind(1, parent.view());
  std::vector<Row> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    Row row;
    EDCSYNC_ASSIGN(row.id.digest, ReadDigest(statement, 0, "held"));
    EDCSYNC_ASSIGN(row.missing_parent.digest, ReadDigest(statement, 1, "held"));
    EDCSYNC_ASSIGN(row.mark, ReadDigest(statement, 2, "held"));
    EDCSYNC_ASSIGN(row.canonical, OpenSealedRevision(cipher_, statement.Blob(3), row.id));
    rows.push_back(std::move(row));
  }
}

Status HeldTable::Remove(const RevisionId& id) {
  Statement statement = database_.Prepare("DELETE FROM held WHERE revision_id = ?1");
  EDCSYNC_TRY(statement.Bind(1, id.view()).Run());
  return Ok();
}

Result<std::uint64_t> HeldTable::Count() const {
  return CountOf(database_.Prepare("SELECT count(*) FROM held"));
}

Status MarkTable::Put(std::int64_t revision_rowid, const Digest& mark) {
  Statement statement = database_.Prepare(
      "INSERT INTO mark (revision_rowid, mark) VALUES (?1, ?2) "
      "ON CONFLICT (revision_rowid) DO UPDATE SET mark = ?2");
  statement.Bind(1, revision_rowid).Bind(2, BytesView(mark));
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Result<bool> HeldTable::Contains(const RevisionId& id) const {
  Statement statement = database_.Prepare("SELECT 1 FROM held WHERE revision_id = ?1");
  return statement.Bind(1, id.view()).Step();
}

Result<std::optional<Digest>> MarkTable::Find(std::int64_t revision_rowid) const {
  Statement statement = database_.Prepare("SELECT mark FROM mark WHERE revision_rowid = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, revision_rowid).Step());
  if (!found) return std::optional<Digest>();
  return std::optional(RevisionIdFromBytes(statement.Blob(0)).digest);
}

Result<std::vector<MarkTable::Row>> MarkTable::List(std::int64_t after_rowid,
                                                    std::size_t count_max) const {
  Statement statement = database_.Prepare(
      "SELECT revision_rowid, mark FROM mark WHERE revision_rowid > ?1 "
      "ORDER BY revision_rowid LIMIT ?2");
  statement.Bind(1, after_rowid).Bind(2, static_cast<std::int64_t>(count_max));
  std::vector<Row> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    Row row;
    row.revision_rowid = statement.Int(0);
    EDCSYNC_ASSIGN(row.mark, ReadDigest(statement, 1, "mark"));
    rows.push_back(row);
  }
}

}  // namespace edcsync::edge
