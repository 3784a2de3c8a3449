#include "shared/storage/data_key_table.h"

#include <algorithm>

#include "shared/base/check.h"

namespace edcsync {

namespace {

Result<std::optional<KeyId>> WrappedBy(const Statement& row, int column) {
  const BytesView bytes = row.Blob(column);
  if (bytes.empty()) return std::optional<KeyId>();
  KeyId id;
  if (bytes.size() != id.bytes.size()) {
    return Fail(ErrorCode::kCorrupt, "a data key's wrapped_by is not of 8 bytes");
  }
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return std::optional(id);
}

// Not yet, where the database is looked at before it is migrated.
Result<bool> NamesItsKey(Database& database) {
  Statement statement = database.Prepare(
      "SELECT 1 FROM pragma_table_info('data_key') WHERE name = 'wrapped_by'");
  return statement.Step();
}

Result<std::vector<WrappedDataKey>> LoadFrom(Database& database) {
  EDCSYNC_ASSIGN(const bool names_its_key, NamesItsKey(database));
  Statement statement = database.Prepare(
      std::string("SELECT data_key_id, wrapped, uses_reserved, created_at_ms, ") +
      (names_its_key ? "wrapped_by, wrapped_at_ms" : "NULL, NULL") +
      " FROM data_key ORDER BY data_key_id");
  std::vector<WrappedDataKey> keys;
  while (true) {
    EDCSYNC_ASSIGN(const bool row, statement.Step());
    if (!row) return keys;
    const std::int64_t id = statement.Int(0);
    const std::int64_t uses = statement.Int(2);
    if (id < 1 || id > UINT32_MAX || uses < 0) {
      return Fail(ErrorCode::kCorrupt, "data key " + std::to_string(id) + " is out of range");
    }
    const BytesView wrapped = statement.Blob(1);
    EDCSYNC_ASSIGN(const std::optional<KeyId> wrapped_by, WrappedBy(statement, 4));
    keys.push_back({static_cast<std::uint32_t>(id), Bytes(wrapped.begin(), wrapped.end()),
                    static_cast<std::uint64_t>(uses), WallTime{statement.Int(3)}, wrapped_by,
                    WallTime{statement.Int(5)}});
  }
}

Status ChangedOne(Result<std::int64_t> changed, std::uint32_t id) {
  EDCSYNC_TRY(changed);
  if (*changed == 1) return Ok();
  return Fail(ErrorCode::kInvariant, "data key " + std::to_string(id) + " is not in its table");
}

}  // namespace

Result<std::vector<WrappedDataKey>> SqliteDataKeyTable::Load() {
  const std::lock_guard lock(mutex_);
  return LoadFrom(reader_);
}

Result<std::vector<WrappedDataKey>> SqliteDataKeyTable::LoadForWriting() {
  return LoadFrom(writer_);
}

Status SqliteDataKeyTable::Insert(const WrappedDataKey& key) {
  CHECK(key.wrapped_by.has_value());
  Statement statement = writer_.Prepare(
      "INSERT INTO data_key (data_key_id, wrapped, uses_reserved, created_at_ms, wrapped_by, "
      "wrapped_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  statement.Bind(1, std::int64_t{key.id})
      .Bind(2, BytesView(key.wrapped))
      .Bind(3, static_cast<std::int64_t>(key.uses_reserved))
      .Bind(4, key.created_at.ms)
      .Bind(5, BytesView(key.wrapped_by->bytes))
      .Bind(6, key.wrapped_at.ms);
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Status SqliteDataKeyTable::SetWrapped(const WrappedDataKey& key) {
  CHECK(key.wrapped_by.has_value());
  Statement statement = writer_.Prepare(
      "UPDATE data_key SET wrapped = ?2, wrapped_by = ?3, wrapped_at_ms = ?4 "
      "WHERE data_key_id = ?1");
  statement.Bind(1, std::int64_t{key.id})
      .Bind(2, BytesView(key.wrapped))
      .Bind(3, BytesView(key.wrapped_by->bytes))
      .Bind(4, key.wrapped_at.ms);
  return ChangedOne(statement.Run(), key.id);
}

Status CheckKeys(Database& database, const std::shared_ptr<KeyRing>& ring, Random& random) {
  {
    Statement statement = database.Prepare(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'data_key'");
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return Ok();
  }
  SqliteDataKeyTable table(database, database);
  EDCSYNC_ASSIGN(const std::vector<WrappedDataKey> rows, table.Load());
  if (rows.empty()) {
    EDCSYNC_TRY(ring->Current());
    return Ok();
  }
  EDCSYNC_TRY(FieldCipher::Open(ring, table, random));
  return Ok();
}

Status SqliteDataKeyTable::SetUsesReserved(std::uint32_t id, std::uint64_t uses) {
  Statement statement =
      writer_.Prepare("UPDATE data_key SET uses_reserved = ?2 WHERE data_key_id = ?1");
  statement.Bind(1, std::int64_t{id}).Bind(2, static_cast<std::int64_t>(uses));
  return ChangedOne(statement.Run(), id);
}

}  // namespace edcsync
