#include "tests/bench/ceiling.h"

#include <array>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/migrations.h"
#include "shared/storage/database.h"
#include "shared/storage/migration.h"
#include "tests/bench/service.h"
#include "tests/bench/world.h"

namespace edcsync::bench {
namespace {

constexpr std::size_t kRecordsPerCommit = 500;
constexpr int kCacheKib = 64 * 1024;  // The gateway's.

template <class T>
auto Must(T result) {
  if (!result.ok()) Abandon(result.error().ToString());
  if constexpr (!std::is_same_v<T, Status>) return std::move(*result);
}

// One table's rows in the order the gateway wrote them, one or none a record.
struct Table {
  std::string_view select;
  std::string_view insert;
  int columns;
};
constexpr std::array<Table, 5> kTables = {{
    {"SELECT record_id, study_oid, subject_key, study_event_oid, study_event_repeat_key, "
     "form_oid, form_repeat_key, site_oid, heads, current_revision_id, current_version, removed "
     "FROM record ORDER BY record_id",
     "INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
     "ON CONFLICT (study_oid, subject_key, study_event_oid, study_event_repeat_key, form_oid, "
     "form_repeat_key) DO UPDATE SET heads = excluded.heads, current_revision_id = "
     "excluded.current_revision_id, current_version = excluded.current_version",
     12},
    {"SELECT revision_rowid, revision_id, record_id, version, parents, origin, edited_at_ms, "
     "edited_at_counter, user, edge_id, received_at_ms, sealed FROM revision "
     "ORDER BY revision_rowid",
     "INSERT INTO revision VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)", 12},
    {"SELECT number, id, at_ms, actor, action, object, detail, hash FROM audit "
     "WHERE action = 'revision.applied' ORDER BY number",
     "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", 8},
    {"SELECT cursor, kind, site_id, incarnation_id, revision_rowid, conflict_id, revision_id, "
     "detail FROM feed WHERE kind = 1 ORDER BY cursor",
     "INSERT INTO feed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", 8},
    {"SELECT incarnation_id, sequence, revision_id, outcome, reason FROM intake "
     "ORDER BY incarnation_id, sequence",
     "INSERT INTO intake VALUES (?1, ?2, ?3, ?4, ?5)", 5},
}};

// A column's value in its SQLite type.
struct Value {
  enum class Kind { kNull, kInteger, kText, kBlob } kind = Kind::kNull;
  std::int64_t integer = 0;
  std::string bytes;
};
using Row = std::vector<Value>;

std::vector<Value::Kind> KindsOf(Database& database, const Table& table) {
  // Every column is STRICT, so the first row's types are all rows', NULL apart.
  std::string sql = "SELECT ";
  const std::string_view select = table.select;
  const std::size_t from = select.find(" FROM ");
  std::string_view list = select.substr(7, from - 7);
  for (bool first = true; !list.empty(); first = false) {
    const std::size_t comma = list.find(", ");
    sql += std::string(first ? "" : ", ") + "typeof(" + std::string(list.substr(0, comma)) + ")";
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 2);
  }
  sql += select.substr(from);
  Statement statement = database.Prepare(sql);
  if (!Must(statement.Step())) Abandon("the drained store is empty");
  std::vector<Value::Kind> kinds;
  for (int i = 0; i < table.columns; ++i) {
    const std::string_view type = statement.Text(i);
    kinds.push_back(type == "integer" ? Value::Kind::kInteger
                    : type == "text"  ? Value::Kind::kText
                    : type == "blob"  ? Value::Kind::kBlob
                                      : Value::Kind::kNull);
  }
  return kinds;
}

Row ReadRow(const Statement& statement, const std::vector<Value::Kind>& kinds) {
  Row row(kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const int column = static_cast<int>(i);
    if (statement.IsNull(column)) continue;
    row[i].kind = kinds[i];
    if (kinds[i] == Value::Kind::kInteger) row[i].integer = statement.Int(column);
    if (kinds[i] == Value::Kind::kText) row[i].bytes = statement.Text(column);
    if (kinds[i] == Value::Kind::kBlob) {
      const BytesView blob = statement.Blob(column);
      row[i].bytes.assign(blob.begin(), blob.end());
    }
  }
  return row;
}

void Insert(Database& database, const Table& table, const Row& row) {
  Statement statement = database.Prepare(table.insert);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const int index = static_cast<int>(i) + 1;
    switch (row[i].kind) {
      case Value::Kind::kNull: statement.BindNull(index); break;
      case Value::Kind::kInteger: statement.Bind(index, row[i].integer); break;
      case Value::Kind::kText: statement.Bind(index, std::string_view(row[i].bytes)); break;
      case Value::Kind::kBlob: statement.Bind(index, AsBytes(row[i].bytes)); break;
    }
  }
  Must(statement.Run());
}

std::unique_ptr<Database> NewStore(const std::string& path, const std::string& source) {
  DatabaseOptions options;
  options.path = path;
  options.cache_kib = kCacheKib;
  std::unique_ptr<Database> database = Must(Database::Open(options));
  Must(Migrate(*database, schema::CentralMigrations()));
  // What the rows refer to.
  Must(database->Execute("ATTACH '" + source + "' AS drained"));
  Must(database->Execute(
      "PRAGMA foreign_keys=OFF; INSERT INTO site SELECT * FROM drained.site WHERE site_id <> 0; "
      "INSERT INTO edge SELECT * FROM drained.edge; "
      "INSERT INTO incarnation SELECT * FROM drained.incarnation; PRAGMA foreign_keys=ON"));
  Must(database->Execute("DETACH drained"));
  return database;
}

}  // namespace

Ceiling MeasureCeiling(const std::string& source, const std::string& scratch) {
  const std::unique_ptr<Database> target = NewStore(scratch, source);
  DatabaseOptions options;
  options.path = source;
  options.read_only = true;
  options.create = false;
  const std::unique_ptr<Database> drained = Must(Database::Open(options));
  std::vector<std::vector<Value::Kind>> kinds;
  std::vector<Statement> streams;
  for (const Table& table : kTables) {
    kinds.push_back(KindsOf(*drained, table));
    streams.push_back(drained->Prepare(table.select));
  }
  Ceiling ceiling;
  double seconds = 0;
  double sealed_bytes = 0;
  std::vector<std::array<Row, kTables.size()>> batch;
  do {
    batch.clear();
    for (bool more = true; more && batch.size() < kRecordsPerCommit;) {
      std::array<Row, kTables.size()> rows;
      for (std::size_t t = 0; t < kTables.size() && more; ++t) {
        more = Must(streams[t].Step());
        if (more) rows[t] = ReadRow(streams[t], kinds[t]);
      }
      if (!more) break;
      sealed_bytes += static_cast<double>(rows[1].back().bytes.size());
      batch.push_back(std::move(rows));
    }
    const double begun = NowS();
    WriteTransaction transaction = Must(WriteTransaction::Begin(*target));
    for (const auto& rows : batch) {
      for (std::size_t t = 0; t < kTables.size(); ++t) Insert(*target, kTables[t], rows[t]);
    }
    Must(transaction.Commit());
    seconds += NowS() - begun;
    ceiling.records += batch.size();
  } while (batch.size() == kRecordsPerCommit);
  if (seconds > 0) ceiling.records_per_s = static_cast<double>(ceiling.records) / seconds;
  if (ceiling.records > 0) {
    ceiling.sealed_bytes_mean = sealed_bytes / static_cast<double>(ceiling.records);
  }
  return ceiling;
}

}  // namespace edcsync::bench
