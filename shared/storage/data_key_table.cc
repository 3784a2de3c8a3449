#include "shared/storage/data_key_table.h"

namespace edcsync {

Result<std::vector<WrappedDataKey>> SqliteDataKeyTable::Load() {
  const std::lock_guard lock(mutex_);
  Statement statement = reader_.Prepare(
      "SELECT data_key_id, wrapped, uses_reserved, created_at_ms FROM data_key "
      "ORDER BY data_key_id");
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
    keys.push_back({static_cast<std::uint32_t>(id), Bytes(wrapped.begin(), wrapped.end()),
                    static_cast<std::uint64_t>(uses), WallTime{statement.Int(3)}});
  }
}

Status SqliteDataKeyTable::Insert(const WrappedDataKey& key) {
  Statement statement = writer_.Prepare(
      "INSERT INTO data_key (data_key_id, wrapped, uses_reserved, created_at_ms) "
      "VALUES (?1, ?2, ?3, ?4)");
  statement.Bind(1, std::int64_t{key.id})
      .Bind(2, BytesView(key.wrapped))
      .Bind(3, static_cast<std::int64_t>(key.uses_reserved))
      .Bind(4, key.created_at.ms);
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Status SqliteDataKeyTable::SetUsesReserved(std::uint32_t id, std::uint64_t uses) {
  Statement statement =
      writer_.Prepare("UPDATE data_key SET uses_reserved = ?2 WHERE data_key_id = ?1");
  statement.Bind(1, std::int64_t{id}).Bind(2, static_cast<std::int64_t>(uses));
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kInvariant, "data key " + std::to_string(id) + " is not in its table");
}

}  // namespace edcsync
