#include "central-gateway/store/sqlite_files.h"

#include <algorithm>
#include <filesystem>

#include "central-gateway/store/sqlite_access.h"
#include "shared/crypto/file_key_ring.h"
#include "shared/storage/migration.h"

namespace edcsync::central {
namespace {

constexpr int kReaderCacheKibMin = 2 * 1024;

DatabaseOptions ToOptions(const SqliteCentralStoreOptions& options, bool read_only, bool create) {
  DatabaseOptions database;
  database.path = options.path;
  database.read_only = read_only;
  database.create = create;
  database.cache_kib =
      read_only ? std::max(kReaderCacheKibMin, options.cache_kib / 8) : options.cache_kib;
  database.vfs = options.vfs;
  return database;
}

bool FileExists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<bool> HasTable(Database& database, std::string_view name) {
  Statement statement = database.Prepare(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1");
  return statement.Bind(1, name).Step();
}

Result<bool> IsEmpty(Database& database) {
  Statement statement = database.Prepare("SELECT 1 FROM sqlite_master LIMIT 1");
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  return !found;
}

Result<OpenedFiles> WithKey(std::unique_ptr<Database> writer,
                            const SqliteCentralStoreOptions& options,
                            const std::shared_ptr<KeyRing>& keys, Random& random) {
  OpenedFiles files;
  files.writer = std::move(writer);
  EDCSYNC_ASSIGN(files.key_reader, OpenReader(options));
  files.keys = std::make_unique<WatchedDataKeys>(*files.writer, *files.key_reader);
  FieldCipherOptions cipher;
  // Twice what one transaction may use, so that not every one has to reserve.
  cipher.uses_per_reservation = 2 * SqliteAccess::kSealCountMax;
  EDCSYNC_ASSIGN(files.cipher, FieldCipher::Open(keys, *files.keys, random, cipher));
  return files;
}

std::shared_ptr<KeyRing> RingOf(const SqliteCentralStoreOptions& options) {
  if (options.keys != nullptr) return options.keys;
  return std::make_shared<FileKeyRing>(options.key_file);
}

std::string Interrupted(const SqliteCentralStoreOptions& options) {
  return "making " + options.path + " was interrupted and it holds no data: remove it and " +
         options.key_file + ", then make it again";
}

Status InsertState(OpenedFiles& files, const Clock& clock, Random& random) {
  EDCSYNC_ASSIGN(WriteTransaction transaction, WriteTransaction::Begin(*files.writer));
  EDCSYNC_TRY(files.cipher->Reserve(1, clock.Wall()));
  Bytes mark_key(32);
  random.Fill(mark_key);
  EDCSYNC_TRY(StateTable(*files.writer, *files.cipher)
                  .Insert(random.NewId<HistoryId>(), mark_key, clock.Wall()));
  return transaction.Commit();
}

}  // namespace

Result<std::unique_ptr<Database>> OpenReader(const SqliteCentralStoreOptions& options) {
  return Database::Open(ToOptions(options, true, false));
}

Result<OpenedFiles> OpenFiles(const SqliteCentralStoreOptions& options, Random& random) {
  FileLock lock;
  if (options.vfs.empty()) {
    EDCSYNC_ASSIGN(lock, FileLock::Take(options.path + ".lock", FileLock::Mode::kShared));
  }
  if (options.vfs.empty() && !FileExists(options.path)) {
    return Fail(ErrorCode::kNotFound, "there is no central store " + options.path);
  }
  const std::shared_ptr<KeyRing> keys = RingOf(options);
  EDCSYNC_ASSIGN(std::unique_ptr<Database> database,
                 Database::Open(ToOptions(options, false, false)));
  // Never makes a schema in a file that is empty or another program's.
  EDCSYNC_ASSIGN(const bool is_empty, IsEmpty(*database));
  if (is_empty) return Fail(ErrorCode::kCorrupt, Interrupted(options));
  EDCSYNC_ASSIGN(const bool is_central, HasTable(*database, "central_state"));
  if (!is_central) {
    return Fail(ErrorCode::kCorrupt, options.path + " is a database, but no central store");
  }
  const Status opens = CheckKeys(*database, keys, random);
  if (!opens.ok()) {
    return Fail(opens.error().code, "the database " + options.path + " stays closed and as it is: " +
                                        opens.error().message);
  }
  EDCSYNC_TRY(Migrate(*database, schema::CentralMigrations()));
  EDCSYNC_ASSIGN(OpenedFiles files, WithKey(std::move(database), options, keys, random));
  files.lock = std::move(lock);
  StateTable state(*files.writer, *files.cipher);
  EDCSYNC_ASSIGN(const bool is_whole, state.Exists());
  if (!is_whole) return Fail(ErrorCode::kCorrupt, Interrupted(options));
  EDCSYNC_TRY(state.MarkKey());
  return files;
}

Status CreateSqliteCentralStore(const SqliteCentralStoreOptions& options, const Clock& clock,
                                Random& random) {
  const bool database_exists = options.vfs.empty() && FileExists(options.path);
  if (database_exists) {
    const Result<OpenedFiles> opened = OpenFiles(options, random);
    if (!opened.ok() && opened.error().code == ErrorCode::kCorrupt) {
      return Fail(ErrorCode::kAlreadyExists, opened.error().message);
    }
    return Fail(ErrorCode::kAlreadyExists, options.path + " exists already");
  }
  const Result<KeyEncryptionKey> key = KeyEncryptionKey::Create(options.key_file, random);
  if (!key.ok() && key.error().code == ErrorCode::kAlreadyExists) {
    // Perhaps the key of a database that lies elsewhere: only a person may remove it.
    return Fail(ErrorCode::kAlreadyExists,
                "the key file " + options.key_file + " exists, but no database " + options.path +
                    ": if making it was interrupted, remove the key file and make it again");
  }
  EDCSYNC_TRY(key);
  EDCSYNC_ASSIGN(std::unique_ptr<Database> database,
                 Database::Open(ToOptions(options, false, true)));
  EDCSYNC_ASSIGN(const bool is_empty, IsEmpty(*database));
  if (!is_empty) return Fail(ErrorCode::kAlreadyExists, options.path + " exists already");
  EDCSYNC_TRY(Migrate(*database, schema::CentralMigrations()));
  EDCSYNC_ASSIGN(OpenedFiles files, WithKey(std::move(database), options, RingOf(options), random));
  return InsertState(files, clock, random);
}

}  // namespace edcsync::central
