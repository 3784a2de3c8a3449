#include "edge-agent/store/edge_store.h"

#include <unistd.h>

#include "schema/migrations.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/crypto/file_key_ring.h"
#include "shared/storage/database_restore.h"
#include "shared/storage/migration.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kIdleReaderCountMax = 8;  // More are opened when needed, and closed again.

// Reserved before the works of a group run, so that no savepoint can take a reservation back that
// the cipher counts on. A work seals a page of the feed at most.
constexpr std::uint64_t kSealsPerGroup = limits::kGroupCommitWorkMax * limits::kFeedEntryCountMax;

bool DatabaseExists(const EdgeStoreOptions& options) {
  if (options.vfs.empty()) return ::access(options.path.c_str(), F_OK) == 0;
  DatabaseOptions probe;
  probe.path = options.path;
  probe.create = false;
  probe.vfs = options.vfs;
  return Database::Open(probe).ok();
}

Status CheckMigrated(Database& database) {
  Statement statement = database.Prepare("PRAGMA user_version");
  EDCSYNC_ASSIGN(const bool row, statement.Step());
  const std::int64_t version = row ? statement.Int(0) : 0;
  const auto newest = static_cast<std::int64_t>(schema::EdgeMigrations().size());
  if (version == newest) return Ok();
  const std::string message = "the database has schema " + std::to_string(version) +
                              ", this program knows " + std::to_string(newest);
  if (version > newest) return Fail(ErrorCode::kSchemaTooNew, message);
  return Fail(ErrorCode::kUnavailable, message + "; start the agent once to migrate it");
}

}  // namespace

EdgeStore::EdgeStore(const EdgeStoreOptions& options, const Clock& clock, Random& random)
    : options_(options), clock_(clock), random_(random) {}

EdgeStore::~EdgeStore() {
  if (writer_ != nullptr) writer_->Stop();
}

Result<std::unique_ptr<EdgeStore>> EdgeStore::Open(const EdgeStoreOptions& options,
                                                   const Clock& clock, Random& random) {
  if (!IsDeviceName(options.edge.str())) {
    return Fail(ErrorCode::kConfiguration, "the edge id is not 1 to 64 of [A-Za-z0-9._-]");
  }
  EDCSYNC_TRY(CheckOid("the edge's site", options.site.str(), limits::kOidBytesMax));
  std::unique_ptr<EdgeStore> store(new EdgeStore(options, clock, random));
  if (!options.read_only && options.vfs.empty()) {
    EDCSYNC_ASSIGN(store->lock_, FileLock::Take(options.path + ".lock",
                                                  FileLock::Mode::kExclusive));
  }
  // The key first: a database never stands without the key that opens it, whenever the power goes.
  EDCSYNC_TRY(store->OpenKey());
  EDCSYNC_TRY(store->OpenDatabase());
  EDCSYNC_TRY(store->OpenTables());
  EDCSYNC_TRY(store->OpenCheckpoint());
  return store;
}

Status EdgeStore::OpenKey() {
  if (options_.keys == nullptr) options_.keys = std::make_shared<FileKeyRing>(options_.key_file);
  const bool exists = DatabaseExists(options_);
  if (!exists && options_.read_only) {
    return Fail(ErrorCode::kNotFound, "there is no database " + options_.path);
  }
  if (!exists && options_.vfs.empty() &&
      ::access(RestoringCopyOf(options_.path).c_str(), F_OK) == 0) {
    return Fail(ErrorCode::kUnavailable,
                "a restore of " + options_.path + " was cut off; run `edge-agent restore` again");
  }
  if (exists) return Ok();  // Its key is looked for once it tells which: no new one is made.
  EDCSYNC_TRY(options_.keys->First(random_));
  return Ok();
}

Status EdgeStore::OpenDatabase() {
  DatabaseOptions options;
  options.path = options_.path;
  options.read_only = options_.read_only;
  options.create = !options_.read_only;
  options.cache_kib = options_.cache_kib;
  options.vfs = options_.vfs;
  EDCSYNC_ASSIGN(database_, Database::Open(options));
  const Status opens = CheckKeys(*database_, options_.keys, random_);
  if (!opens.ok()) {
    return Fail(opens.error().code, "the database " + options_.path + " stays closed and as it is: " +
                                        opens.error().message);
  }
  if (options_.read_only) return CheckMigrated(*database_);
  return Migrate(*database_, schema::EdgeMigrations());
}

Result<std::unique_ptr<Database>> EdgeStore::OpenReader() {
  DatabaseOptions options;
  options.path = options_.path;
  options.read_only = true;
  options.create = false;
  options.cache_kib = options_.cache_kib;
  options.vfs = options_.vfs;
  return Database::Open(options);
}

Status EdgeStore::OpenTables() {
  EDCSYNC_ASSIGN(key_database_, OpenReader());
  data_keys_ = std::make_unique<SqliteDataKeyTable>(*database_, *key_database_);
  EDCSYNC_ASSIGN(cipher_, FieldCipher::Open(options_.keys, *data_keys_, random_));
  writer_tables_ = std::make_unique<EdgeTables>(*database_, *cipher_);
  writer_ = std::make_unique<GroupCommit>(*database_, Hooks());
  return Ok();
}

Status EdgeStore::OpenCheckpoint() {
  EDCSYNC_ASSIGN(const std::optional<Checkpoint> found, writer_tables_->checkpoint.Find());
  if (!found && !options_.read_only) return MakeCheckpoint();
  if (!found) return Fail(ErrorCode::kUnavailable, "the database is new; start the agent once");
  if (found->edge != options_.edge || found->site != options_.site) {
    return Fail(ErrorCode::kConfiguration,
                "the database belongs to edge " + found->edge.str() + " of site " +
                    found->site.str() + ", not to edge " + options_.edge.str() + " of site " +
                    options_.site.str());
  }
  return writer_tables_->outbox.CheckEnds(found->acknowledged_through);
}

// Also after a crash between the first migration and this: whatever else a database without a
// checkpoint holds is not ours to take over.
Status EdgeStore::MakeCheckpoint() {
  Checkpoint checkpoint;
  checkpoint.edge = options_.edge;
  checkpoint.site = options_.site;
  checkpoint.incarnation = random_.NewId<Incarnation>();
  checkpoint.created_at = clock_.Wall();
  EDCSYNC_ASSIGN(WriteTransaction transaction, WriteTransaction::Begin(*database_));
  EDCSYNC_ASSIGN(const std::uint64_t record_count, writer_tables_->records.Count());
  if (record_count != 0) {
    return Fail(ErrorCode::kInvariant, "the database has records but no checkpoint");
  }
  EDCSYNC_TRY(writer_tables_->checkpoint.Insert(checkpoint));
  AuditEntry entry;
  entry.at = checkpoint.created_at;
  entry.actor = "edge:" + options_.edge.str();
  entry.action = "store.created";
  entry.object = options_.edge.str();
  entry.detail = "incarnation=" + checkpoint.incarnation.ToHex();
  EDCSYNC_TRY(writer_tables_->audit.Append(std::move(entry)));
  const Status committed = transaction.Commit();
  if (!committed.ok()) writer_tables_->audit.Forget();
  EDCSYNC_TRY(committed);
  Log(LogLevel::kInfo, "edge.store_created",
      {{"edge", options_.edge.str()}, {"incarnation", checkpoint.incarnation.ToHex()}});
  return Ok();
}

GroupCommitHooks EdgeStore::Hooks() {
  GroupCommitHooks hooks;
  hooks.begun = [this] { return cipher_->Reserve(kSealsPerGroup, clock_.Wall()); };
  hooks.work_started = [this] {
    remembered_ = {writer_tables_->outbox.tail(), writer_tables_->audit.tail()};
  };
  hooks.work_rolled_back = [this] {
    writer_tables_->outbox.Restore(remembered_.outbox);
    writer_tables_->audit.Restore(remembered_.audit);
  };
  hooks.ended = [this](bool committed) {
    if (committed) return;
    writer_tables_->outbox.Forget();
    writer_tables_->audit.Forget();
    cipher_->Forget();
  };
  return options_.watch == nullptr ? hooks : options_.watch->Around(std::move(hooks));
}

Result<EdgeStore::Reader> EdgeStore::NewReader() {
  Reader reader;
  EDCSYNC_ASSIGN(reader.database, OpenReader());
  reader.tables = std::make_unique<EdgeTables>(*reader.database, *cipher_);
  return reader;
}

Status EdgeStore::Read(const std::function<Status(EdgeTables&)>& read) {
  Reader reader;
  {
    const std::lock_guard lock(readers_mutex_);
    if (!idle_readers_.empty()) {
      reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
    }
  }
  if (reader.database == nullptr) {
    EDCSYNC_ASSIGN(reader, NewReader());
  }
  EDCSYNC_TRY(reader.database->BeginRead());
  Status status = read(*reader.tables);
  reader.database->Rollback();
  const std::lock_guard lock(readers_mutex_);
  if (idle_readers_.size() < kIdleReaderCountMax) idle_readers_.push_back(std::move(reader));
  return status;
}

Result<std::size_t> EdgeStore::RewrapKeys(WrappingKey& next, const std::string& actor,
                                          const std::string& detail) {
  std::size_t count = 0;
  EDCSYNC_TRY(writer_->Run([&]() -> Status {
    EDCSYNC_ASSIGN(count, cipher_->Rewrap(next, clock_.Wall()));
    AuditEntry entry;
    entry.at = clock_.Wall();
    entry.actor = actor;
    entry.action = "key.rotated";
    entry.object = next.id().ToHex();
    entry.detail = detail;
    return writer_tables_->audit.Append(std::move(entry));
  }));
  return count;
}

Status EdgeStore::Backup(const std::string& path, const std::function<void(int)>& progress) {
  EDCSYNC_ASSIGN(const std::unique_ptr<Database> source, OpenReader());
  return source->BackupTo(path, progress);
}

}  // namespace edcsync::edge
