// One connection to an SQLite database, its prepared statements and transactions. The only way
// SQLiteCpp is used: options SQLiteCpp leaves to defaults (read-only, busy timeout 0, deferred
// transactions) are all set here, and its exceptions become Status here.
//
// Every connection: WAL, synchronous=FULL, foreign_keys=ON, trusted_schema=OFF,
// secure_delete=FAST, temp_store=MEMORY, bounded cache, wal_autocheckpoint; and the SQL function
// text_contains(word, text, ...) (text_contains.h).
//
// Threads: one at a time per Database; separate Databases on one file are independent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/status.h"

namespace edcsync {

struct DatabaseOptions {
  std::string path;
  bool read_only = false;
  bool create = true;            // Mode 0600.
  int busy_timeout_ms = 10'000;
  int cache_kib = 8 * 1024;
  std::string vfs;               // Empty: the default VFS. The simulation names its own.
};

// How many findings a check of a database lists; the first ones tell what matters.
inline constexpr std::size_t kFindingCountMax = 100;

// A prepared statement in use. Returned by Database::Prepare; resets itself when it goes out of
// scope, so a reader never stays open by accident. Parameters are ?1, ?2, ...
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& Bind(int index, std::int64_t value);
  Statement& Bind(int index, std::uint64_t value) = delete;  // SQLite has signed integers only.
  Statement& Bind(int index, std::string_view text);
  Statement& Bind(int index, BytesView blob);   // Bytes stay valid until Step/Run returns.
  Statement& BindNull(int index);

  // True with a row, false at the end. Errors: kDiskFull, kIo, kBusy, kCorrupt, kInternal.
  Result<bool> Step();
  // For statements without rows: steps to the end and resets. Returns rows changed.
  Result<std::int64_t> Run();
  // Makes it ready for another Bind/Step.
  void Reset();

  bool IsNull(int column) const;
  std::int64_t Int(int column) const;
  // Views stay valid until the next Step, Reset or destruction.
  std::string_view Text(int column) const;
  BytesView Blob(int column) const;

 private:
  friend class Database;
  struct Impl;
  explicit Statement(Impl* impl) : impl_(impl) {}
  Impl* impl_;
};

class Database {
 public:
  static Result<std::unique_ptr<Database>> Open(const DatabaseOptions& options);
  ~Database();

  // A cached prepared statement for `sql` (a literal: the cache is keyed by its text). If the
  // cached one is in use, a second is prepared. REQUIRES: `sql` compiles against the schema
  // (CHECK), unless the database itself fails, which shows at Step.
  Statement Prepare(std::string_view sql);
  // The same for a text put together for this use, which is not kept.
  Statement PrepareOnce(std::string_view sql);

  // Runs statements without parameters or rows (PRAGMA, DDL, migrations).
  Status Execute(std::string_view sql);

  // Transactions: BEGIN IMMEDIATE. Prefer WriteTransaction below.
  Status Begin();
  Status Commit();   // On failure the transaction is rolled back.
  void Rollback();   // Nothing open: no effect.
  Status BeginRead();  // A deferred transaction: a stable snapshot for several reads.

  Status Savepoint();          // One level, named "work".
  Status ReleaseSavepoint();
  void RollbackToSavepoint();

  bool InTransaction() const;
  // PRAGMA data_version: changes when another connection committed.
  Result<std::int64_t> DataVersion();
  // Copies the whole database, consistent, while others write (sqlite3_backup), into `path`
  // (must not exist; mode 0600; fsynced; written under a temporary name first). `progress` gets
  // 0 to 100.
  Status BackupTo(const std::string& path, const std::function<void(int)>& progress);
  // PRAGMA integrity_check and foreign_key_check: at most kFindingCountMax, empty if sound.
  Result<std::vector<std::string>> CheckIntegrity();
  const std::string& path() const;
  std::int64_t LastInsertRowId() const;

 private:
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Rolls back unless committed.
class WriteTransaction {
 public:
  static Result<WriteTransaction> Begin(Database& database);
  WriteTransaction(WriteTransaction&& other) noexcept
      : database_(std::exchange(other.database_, nullptr)) {}
  ~WriteTransaction() {
    if (database_ != nullptr) database_->Rollback();
  }
  Status Commit();

 private:
  explicit WriteTransaction(Database* database) : database_(database) {}
  Database* database_;
};

}  // namespace edcsync
