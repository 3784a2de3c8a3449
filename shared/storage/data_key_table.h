// Table `data_key` (same in schema/edge and schema/central): wrapped data keys for FieldCipher.
#pragma once

#include "shared/crypto/field_cipher.h"
#include "shared/storage/database.h"

namespace edcsync {

// Threads: Load() may come from any thread when a key is unknown; it opens no transaction and
// uses `reader`, guarded by a mutex of its own; Insert and SetUsesReserved use `writer` inside
// the writer's transaction, as do LoadForWriting and SetWrapped.
class SqliteDataKeyTable final : public DataKeyTable {
 public:
  SqliteDataKeyTable(Database& writer, Database& reader) : writer_(writer), reader_(reader) {}
  Result<std::vector<WrappedDataKey>> Load() override;
  Result<std::vector<WrappedDataKey>> LoadForWriting() override;
  Status Insert(const WrappedDataKey& key) override;
  Status SetWrapped(const WrappedDataKey& key) override;
  Status SetUsesReserved(std::uint32_t id, std::uint64_t uses) override;

 private:
  Database& writer_;
  Database& reader_;
  std::mutex mutex_;
};

// Whether `ring` opens every data key of a database, whatever its schema, and if it has none finds a
// key at all: before anything is altered there. A database without tables holds (Ok).
Status CheckKeys(Database& database, const std::shared_ptr<KeyRing>& ring, Random& random);

}  // namespace edcsync
