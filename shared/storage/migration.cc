#include "shared/storage/migration.h"

#include "shared/base/check.h"
#include "shared/base/log.h"

namespace edcsync {
namespace {

Result<std::int64_t> UserVersion(Database& database) {
  Statement statement = database.Prepare("PRAGMA user_version");
  EDCSYNC_ASSIGN(const bool row, statement.Step());
  CHECK(row);
  return statement.Int(0);
}

Status CheckVersion(const Database& database, std::int64_t version, std::int64_t newest) {
  if (version < 0) {
    return Fail(ErrorCode::kCorrupt, "user_version is " + std::to_string(version) + " (" +
                                         database.path() + ")");
  }
  if (version > newest) {
    return Fail(ErrorCode::kSchemaTooNew,
                "the database has schema " + std::to_string(version) + ", this program knows " +
                    std::to_string(newest) + " (" + database.path() + ")");
  }
  return Ok();
}

}  // namespace

Status Migrate(Database& database, std::span<const schema::Migration> migrations) {
  const auto newest = static_cast<std::int64_t>(migrations.size());
  EDCSYNC_ASSIGN(std::int64_t version, UserVersion(database));
  EDCSYNC_TRY(CheckVersion(database, version, newest));
  while (version < newest) {
    EDCSYNC_ASSIGN(WriteTransaction transaction, WriteTransaction::Begin(database));
    // Read again under the lock: another process may have migrated meanwhile.
    EDCSYNC_ASSIGN(version, UserVersion(database));
    EDCSYNC_TRY(CheckVersion(database, version, newest));
    if (version == newest) return Ok();
    const schema::Migration& migration = migrations[static_cast<std::size_t>(version)];
    Status applied = database.Execute(migration.sql);
    if (!applied.ok()) {
      return Fail(applied.error().code,
                  "migration " + std::string(migration.name) + ": " + applied.error().message);
    }
    CHECK(database.InTransaction());  // A migration holds no COMMIT of its own.
    ++version;
    EDCSYNC_TRY(database.Execute("PRAGMA user_version=" + std::to_string(version)));
    EDCSYNC_TRY(transaction.Commit());
    Log(LogLevel::kInfo, "storage.migrated",
        {{"migration", migration.name}, {"schema", version}});
  }
  return Ok();
}

}  // namespace edcsync
