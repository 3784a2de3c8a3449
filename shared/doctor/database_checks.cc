#include "shared/doctor/database_checks.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "shared/storage/database.h"

namespace edcsync::doctor {
namespace {

constexpr char kDamaged[] =
    "Stop the program, keep the files as they are, restore from a backup, report it "
    "(runbook: \"The database may be damaged\").";

Result<std::unique_ptr<Database>> OpenToLook(const std::string& path) {
  DatabaseOptions options;
  options.path = path;
  options.read_only = true;
  options.create = false;
  return Database::Open(options);
}

Result<std::int64_t> NumberOf(Database& database, const std::string& sql) {
  Statement statement = database.PrepareOnce(sql);
  EDCSYNC_ASSIGN(const bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

Result<std::string> FirstDamage(Database& database) {
  Statement statement = database.Prepare("PRAGMA quick_check(1)");
  EDCSYNC_ASSIGN(const bool row, statement.Step());
  const std::string found(row ? statement.Text(0) : "no answer");
  return found == "ok" ? std::string() : found;
}

Result<std::int64_t> SchemaVersionOf(const std::string& path) {
  EDCSYNC_ASSIGN(const std::unique_ptr<Database> database, OpenToLook(path));
  return NumberOf(*database, "PRAGMA user_version");
}

}  // namespace

Finding CheckDatabasePages(const std::string& check, const std::string& path) {
  const Result<std::unique_ptr<Database>> database = OpenToLook(path);
  if (!database.ok()) {
    if (database.error().code == ErrorCode::kCorrupt) {
      return Problem(check, path + ": " + database.error().message + ".", kDamaged);
    }
    return Problem(check, database.error());
  }
  const Result<std::string> damage = FirstDamage(**database);
  if (!damage.ok() && damage.error().code != ErrorCode::kCorrupt) {
    return NotChecked(check, damage.error().message + ".");
  }
  if (!damage.ok()) return Problem(check, path + ": " + damage.error().message + ".", kDamaged);
  if (!damage->empty()) return Problem(check, path + " is damaged: " + *damage + ".", kDamaged);
  return Sound(check, "Every page of " + path + " is in order.");
}

Finding CheckSchemaVersion(const std::string& check, const std::string& path,
                           std::size_t newest) {
  const Result<std::int64_t> version = SchemaVersionOf(path);
  if (!version.ok()) return NotChecked(check, version.error().message + ".");
  const std::string found = "The database has schema " + std::to_string(*version) +
                            ", this program knows " + std::to_string(newest) + ".";
  if (*version == static_cast<std::int64_t>(newest)) return Sound(check, found);
  if (*version > static_cast<std::int64_t>(newest)) {
    return Problem(check, found, "Install the release that wrote it, or a later one.");
  }
  return Warning(check, found, "Start the service once: it brings the database up.");
}

Status RequireSchemaVersion(const std::string& path, std::size_t newest) {
  EDCSYNC_ASSIGN(const std::int64_t version, SchemaVersionOf(path));
  if (version == static_cast<std::int64_t>(newest)) return Ok();
  const bool later = version > static_cast<std::int64_t>(newest);
  return Fail(later ? ErrorCode::kSchemaTooNew : ErrorCode::kUnavailable,
              "The database has schema " + std::to_string(version) + ", this program knows " +
                  std::to_string(newest) + ": it was not opened, for that would alter it.");
}

Result<Json> DescribeDatabase(const std::string& path) {
  EDCSYNC_ASSIGN(const std::unique_ptr<Database> database, OpenToLook(path));
  Json json;
  EDCSYNC_ASSIGN(json["schemaVersion"], NumberOf(*database, "PRAGMA user_version"));
  EDCSYNC_ASSIGN(json["pageSize"], NumberOf(*database, "PRAGMA page_size"));
  EDCSYNC_ASSIGN(json["pages"], NumberOf(*database, "PRAGMA page_count"));
  json["tables"] = Json::object();
  std::vector<std::string> tables;
  {
    Statement statement = database->Prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "ORDER BY name");
    while (true) {
      EDCSYNC_ASSIGN(const bool row, statement.Step());
      if (!row) break;
      tables.emplace_back(statement.Text(0));
    }
  }
  for (const std::string& table : tables) {
    EDCSYNC_ASSIGN(json["tables"][table],
                   NumberOf(*database, "SELECT count(*) FROM \"" + table + "\""));
  }
  return json;
}

}  // namespace edcsync::doctor
