#include "shared/storage/database.h"

#include <chrono>
#include <thread>

#include <SQLiteCpp/Exception.h>
#include <sys/stat.h>

#include <cerrno>

#include "shared/base/check.h"
#include "shared/base/file_owner.h"
#include "shared/base/planted_defect.h"
#include "shared/storage/connection.h"
#include "shared/storage/text_contains.h"

namespace edcsync {
namespace storage_internal {

Error Connection::Failed(std::string_view sql, bool quote) {
  Error error = LastError(handle, sql, path, quote);
  if (TransactionLost() && !lost) lost = error;
  return error;
}

Error Connection::LostError() const {
  if (lost) return *lost;
  return Error{ErrorCode::kIo, "the transaction was rolled back by SQLite (" + path + ")"};
}

}  // namespace storage_internal

namespace {

using storage_internal::OpenError;
using storage_internal::SystemError;

constexpr int kBusyWaitMs = 5;
constexpr std::string_view kMemory = ":memory:";

// Makes an empty file that only its owner reads, for SQLite to open; its -wal and -shm take the
// mode over. mknod and not open: closing a descriptor would drop the locks that another
// connection of this process may just have taken on the file.
Status CreateOwnerOnly(const std::string& path) {
  if (::mknod(path.c_str(), S_IFREG | S_IRUSR | S_IWUSR, 0) == 0) return GiveToFolderOwner(path);
  if (errno == EEXIST) return Ok();
  return tl::unexpected<Error>(SystemError(errno, "create database", path));
}

}  // namespace

Database::Impl::~Impl() {
  CHECK(in_use_count == 0);  // A Statement must not outlive its Database.
  statements.clear();
}

Statement::Impl* Database::Impl::Find(std::string_view sql) {
  const auto address = reinterpret_cast<std::uintptr_t>(sql.data());
  Slot& slot = slots[(address ^ (address >> 9)) % kSlotCount];
  Statement::Impl* found = slot.data == sql.data() && slot.statement->sql == sql
                               ? slot.statement : nullptr;
  if (found == nullptr) [[unlikely]] {
    const auto it = statements.find(sql);
    if (it != statements.end()) {
      found = it->second.get();
      slot = {sql.data(), found};
    }
  }
  if (found != nullptr && !found->in_use) [[likely]] {
    found->in_use = true;
    return found;
  }
  const bool keep = found == nullptr && statements.size() < kCachedCountMax;
  auto made = std::make_unique<Statement::Impl>(*this, sql, keep);
  if (!keep || made->failure) {  // What failed to prepare is prepared anew next time.
    made->cached = false;
    return made.release();
  }
  Statement::Impl* raw = made.get();
  statements.emplace(raw->sql, std::move(made));
  slot = {sql.data(), raw};
  return raw;
}

Status Database::Impl::Configure(const DatabaseOptions& options) {
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  if (storage_internal::AddTextContains(handle) != SQLITE_OK) {
    return tl::unexpected<Error>(Failed("text_contains", true));
  }
  const std::string pragmas =
      "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
      "PRAGMA secure_delete=FAST; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
      "PRAGMA cache_size=-" + std::to_string(options.cache_kib) + ";"
      // 16 MiB: a quarter of the checkpoints, whose fsyncs the writer waits for, that SQLite's
      // own 1000 pages would cost; a log grown past 64 MiB (by a long reader) is cut back.
      "PRAGMA wal_autocheckpoint=4096; PRAGMA journal_size_limit=67108864;";
  if (sqlite3_exec(handle, pragmas.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return tl::unexpected<Error>(Failed("PRAGMA", true));
  }
  if (EDCSYNC_DEFECT("commit-not-synced")) {
    sqlite3_exec(handle, "PRAGMA synchronous=OFF", nullptr, nullptr, nullptr);
  }
  if (options.read_only) {
    // The first read: a file that is no database shows now.
    return Control("PRAGMA schema_version");
  }
  Statement::Impl statement(*this, "PRAGMA journal_mode=WAL", false);
  if (statement.failure) return tl::unexpected<Error>(*statement.failure);
  // While another connection changes the mode too, SQLite answers busy without asking the busy
  // timeout: each would wait for the other. So it is waited for here.
  int code = sqlite3_step(statement.handle);
  for (int waited_ms = 0; (code & 0xff) == SQLITE_BUSY && waited_ms < options.busy_timeout_ms;
       waited_ms += kBusyWaitMs) {
    sqlite3_reset(statement.handle);
    std::this_thread::sleep_for(std::chrono::milliseconds(kBusyWaitMs));
    code = sqlite3_step(statement.handle);
  }
  if (code != SQLITE_ROW) return tl::unexpected<Error>(Failed("PRAGMA journal_mode", true));
  const std::string_view mode(
      reinterpret_cast<const char*>(sqlite3_column_text(statement.handle, 0)));
  if (mode == "wal" || options.path == kMemory) return Ok();
  return Fail(ErrorCode::kIo, "no write-ahead log is possible here (" + options.path + ")");
}

Status Database::Impl::Control(std::string_view sql) {
  Statement::Impl* statement = Find(sql);
  int code = SQLITE_ERROR;
  Status status;
  if (statement->failure) {
    status = tl::unexpected<Error>(*statement->failure);
  } else {
    do {
      code = sqlite3_step(statement->handle);
    } while (code == SQLITE_ROW);
    if (code != SQLITE_DONE) status = tl::unexpected<Error>(Failed(sql, true));
    sqlite3_reset(statement->handle);
  }
  statement->in_use = false;
  if (!statement->cached) delete statement;
  return status;
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  CHECK(options.busy_timeout_ms >= 0 && options.cache_kib > 0);
  // SQLite's own mutexes are off: one thread at a time uses a Database.
  int flags = SQLITE_OPEN_NOMUTEX;
  // Nobody asks for SQLite's account of its memory, and it costs a lock at every allocation.
  // Without effect where SQLite is at work already.
  [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  if (options.read_only) {
    flags |= SQLITE_OPEN_READONLY;
  } else {
    flags |= SQLITE_OPEN_READWRITE | (options.create ? SQLITE_OPEN_CREATE : 0);
    // A named VFS keeps its files where it likes, and gives them their mode.
    if (options.create && options.vfs.empty() && options.path != kMemory) {
      EDCSYNC_TRY(CreateOwnerOnly(options.path));
    }
  }
  std::unique_ptr<Impl> impl;
  try {
    impl = std::make_unique<Impl>(options.path, flags, options.busy_timeout_ms, options.vfs);
  } catch (const SQLite::Exception& exception) {
    return tl::unexpected<Error>(OpenError(exception.getExtendedErrorCode(), options.path));
  }
  EDCSYNC_TRY(impl->Configure(options));
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Statement Database::Prepare(std::string_view sql) {
  Statement::Impl* statement = impl_->Find(sql);
  ++impl_->in_use_count;
  return Statement(statement);
}

Statement Database::PrepareOnce(std::string_view sql) {
  auto statement = std::make_unique<Statement::Impl>(*impl_, sql, false);
  ++impl_->in_use_count;
  return Statement(statement.release());
}

Status Database::Execute(std::string_view sql) {
  if (impl_->TransactionLost()) return tl::unexpected<Error>(impl_->LostError());
  const std::string text(sql);
  if (sqlite3_exec(impl_->handle, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return tl::unexpected<Error>(impl_->Failed(sql, true));
  }
  return Ok();
}

Status Database::Begin() {
  CHECK(!impl_->transaction_expected);
  EDCSYNC_TRY(impl_->Control("BEGIN IMMEDIATE"));
  impl_->transaction_expected = true;
  return Ok();
}

Status Database::BeginRead() {
  CHECK(!impl_->transaction_expected);
  EDCSYNC_TRY(impl_->Control("BEGIN DEFERRED"));
  impl_->transaction_expected = true;
  return Ok();
}

Status Database::Commit() {
  CHECK(impl_->transaction_expected);
  Status status;
  if (impl_->TransactionLost()) {
    status = tl::unexpected<Error>(impl_->LostError());
  } else {
    status = impl_->Control("COMMIT");
  }
  if (!status.ok()) {
    Rollback();
    return status;
  }
  impl_->transaction_expected = false;
  return status;
}

void Database::Rollback() {
  impl_->transaction_expected = false;
  impl_->lost.reset();
  if (!InTransaction()) return;
  // Where even this fails SQLite has dropped the transaction by itself.
  const Status status = impl_->Control("ROLLBACK");
  CHECK(status.ok() || !InTransaction());
}

Status Database::Savepoint() {
  if (impl_->TransactionLost()) return tl::unexpected<Error>(impl_->LostError());
  return impl_->Control("SAVEPOINT work");
}

Status Database::ReleaseSavepoint() {
  if (impl_->TransactionLost()) return tl::unexpected<Error>(impl_->LostError());
  return impl_->Control("RELEASE work");
}

void Database::RollbackToSavepoint() {
  if (!InTransaction()) return;
  Status status = impl_->Control("ROLLBACK TO work");
  if (status.ok()) status = impl_->Control("RELEASE work");
  if (status.ok()) return;
  // Half a work may stand in the transaction now: nothing of it may be committed.
  if (!impl_->lost) impl_->lost = status.error();
  const Status dropped = impl_->Control("ROLLBACK");
  CHECK(dropped.ok() || !InTransaction());
}

bool Database::InTransaction() const { return sqlite3_get_autocommit(impl_->handle) == 0; }

Result<std::int64_t> Database::DataVersion() {
  Statement statement = Prepare("PRAGMA data_version");
  EDCSYNC_ASSIGN(const bool row, statement.Step());
  CHECK(row);
  return statement.Int(0);
}

Result<std::vector<std::string>> Database::CheckIntegrity() {
  std::vector<std::string> findings;
  const auto collect = [&](std::string_view sql, auto&& describe) -> Status {
    Statement statement = Prepare(sql);
    while (findings.size() < kFindingCountMax) {
      const Result<bool> row = statement.Step();
      if (!row.ok()) {
        // Damage that stops the check is the check's finding.
        if (row.error().code != ErrorCode::kCorrupt) return tl::unexpected<Error>(row.error());
        findings.push_back(row.error().message);
        return Ok();
      }
      if (!*row) return Ok();
      describe(statement);
    }
    return Ok();
  };
  EDCSYNC_TRY(collect("PRAGMA integrity_check", [&](const Statement& row) {
    if (row.Text(0) != "ok") findings.emplace_back(row.Text(0));
  }));
  EDCSYNC_TRY(collect("PRAGMA foreign_key_check", [&](const Statement& row) {
    findings.push_back("table " + std::string(row.Text(0)) + " row " +
                       std::to_string(row.Int(1)) + " refers to an absent row of " +
                       std::string(row.Text(2)));
  }));
  return findings;
}

const std::string& Database::path() const { return impl_->path; }

std::int64_t Database::LastInsertRowId() const {
  return sqlite3_last_insert_rowid(impl_->handle);
}

Result<WriteTransaction> WriteTransaction::Begin(Database& database) {
  EDCSYNC_TRY(database.Begin());
  return WriteTransaction(&database);
}

Status WriteTransaction::Commit() {
  CHECK(database_ != nullptr);
  return std::exchange(database_, nullptr)->Commit();
}

}  // namespace edcsync
