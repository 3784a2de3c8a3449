// What Database, Statement and the backup share: the SQLite connection, its statement cache, and
// the state of its transaction. Private to this folder.
//
// SQLite itself rolls a whole transaction back when a statement meets a full disk or a failed
// read or write. What then ran on would be committed statement by statement. So the connection
// remembers that a transaction is expected; when SQLite has dropped it, every further statement
// and the commit fail with the error that dropped it, until Rollback() or Commit() ends it here.
#pragma once

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "shared/storage/database.h"
#include "shared/storage/sqlite_error.h"

namespace edcsync::storage_internal {

struct Connection {
  Connection(const std::string& file, int flags, int busy_timeout_ms, const std::string& vfs)
      : path(file), sqlite(file, flags, busy_timeout_ms, vfs), handle(sqlite.getHandle()) {}

  // True when SQLite dropped the transaction that was begun here.
  bool TransactionLost() const {
    return transaction_expected && sqlite3_get_autocommit(handle) != 0;
  }
  // The error of the call that just failed; remembers it if it cost the transaction.
  Error Failed(std::string_view sql, bool quote);
  // Why the transaction was lost.
  Error LostError() const;

  std::string path;
  SQLite::Database sqlite;
  sqlite3* handle;
  bool transaction_expected = false;
  std::optional<Error> lost;
  int in_use_count = 0;  // Statements handed out.
};

}  // namespace edcsync::storage_internal

namespace edcsync {

struct Statement::Impl {
  Impl(storage_internal::Connection& owner, std::string_view text, bool keep);
  ~Impl() { sqlite3_finalize(handle); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // A bind that SQLite refused: a defect, unless the value is beyond SQLite's own limit.
  void BindFailed(int code);
  Result<bool> StepFailed();

  storage_internal::Connection& connection;
  std::string sql;
  sqlite3_stmt* handle = nullptr;
  bool cached;
  bool in_use = true;
  bool stepped = false;    // Since the last reset.
  bool read_only = true;   // Its bound bytes are copied: see Bind.
  std::optional<Error> failure;  // Of preparing or binding; shows at Step.
};

struct Database::Impl : storage_internal::Connection {
  using Connection::Connection;
  ~Impl();

  Statement::Impl* Find(std::string_view sql);
  Status Configure(const DatabaseOptions& options);
  // Runs one of the transaction's own statements.
  Status Control(std::string_view sql);

  // Statements by the address of their literal; a hit is checked against the text, as the
  // address of a string that was no literal may come back with another text.
  struct Slot {
    const char* data = nullptr;
    Statement::Impl* statement = nullptr;
  };
  static constexpr std::size_t kSlotCount = 512;
  static constexpr std::size_t kCachedCountMax = 512;  // Beyond: prepared for one use.
  std::array<Slot, kSlotCount> slots;
  std::unordered_map<std::string_view, std::unique_ptr<Statement::Impl>> statements;
};

}  // namespace edcsync
