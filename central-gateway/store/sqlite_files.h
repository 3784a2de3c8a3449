// The files of the central store: making them, and opening them with their key.
// Private to this folder.
#pragma once

#include <memory>

#include "central-gateway/store/sqlite_central_store.h"
#include "shared/crypto/field_cipher.h"
#include "shared/storage/data_key_table.h"
#include "shared/storage/database.h"
#include "shared/storage/file_lock.h"

namespace edcsync::central {

// Data keys in the database; remembers whether the transaction at hand changed them, for then a
// rollback takes the cipher's reservation back.
class WatchedDataKeys final : public DataKeyTable {
 public:
  WatchedDataKeys(Database& writer, Database& reader) : table_(writer, reader) {}

  Result<std::vector<WrappedDataKey>> Load() override { return table_.Load(); }
  Result<std::vector<WrappedDataKey>> LoadForWriting() override {
    return table_.LoadForWriting();
  }
  Status SetWrapped(const WrappedDataKey& key) override { return table_.SetWrapped(key); }
  Status Insert(const WrappedDataKey& key) override {
    touched_ = true;
    return table_.Insert(key);
  }
  Status SetUsesReserved(std::uint32_t id, std::uint64_t uses) override {
    touched_ = true;
    return table_.SetUsesReserved(id, uses);
  }

  bool touched() const { return touched_; }
  void ClearTouched() { touched_ = false; }

 private:
  SqliteDataKeyTable table_;
  bool touched_ = false;
};

// In the order in which each needs the one before it.
struct OpenedFiles {
  FileLock lock;  // Shared, so that no backup is put back beneath it (admin/restore.h).
  std::unique_ptr<Database> writer;
  std::unique_ptr<Database> key_reader;
  std::unique_ptr<WatchedDataKeys> keys;
  std::unique_ptr<FieldCipher> cipher;
};

// As OpenSqliteCentralStore.
Result<OpenedFiles> OpenFiles(const SqliteCentralStoreOptions& options, Random& random);

// A connection that only reads.
Result<std::unique_ptr<Database>> OpenReader(const SqliteCentralStoreOptions& options);

}  // namespace edcsync::central
