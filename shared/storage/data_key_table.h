// Table `data_key` (same in schema/edge and schema/central): wrapped data keys for FieldCipher.
#pragma once

#include "shared/crypto/field_cipher.h"
#include "shared/storage/database.h"

namespace edcsync {

// Threads: Load() may come from any thread when a key is unknown; it opens no transaction and
// uses `reader`, guarded by a mutex of its own; Insert and SetUsesReserved use `writer` inside
// the writer's transaction.
class SqliteDataKeyTable final : public DataKeyTable {
 public:
  SqliteDataKeyTable(Database& writer, Database& reader) : writer_(writer), reader_(reader) {}
  Result<std::vector<WrappedDataKey>> Load() override;
  Status Insert(const WrappedDataKey& key) override;
  Status SetUsesReserved(std::uint32_t id, std::uint64_t uses) override;

 private:
  Database& writer_;
  Database& reader_;
  std::mutex mutex_;
};

}  // namespace edcsync
