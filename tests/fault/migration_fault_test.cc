#include "schema/migrations.h"
#include "shared/storage/migration.h"
#include "tests/fault/central_fault_world.h"
#include "tests/fault/edge_fault_world.h"

namespace edcsync {
namespace {

using testing::Describe;
using testing::EveryCall;
using testing::FaultFolder;
using testing::SimDisk;

// What the disk holds once the schema is made and nothing else.
SimDisk::Files OnlyMigrated(const std::string& path, std::span<const schema::Migration> steps) {
  SimDisk disk("migrated", 1);
  {
    DatabaseOptions options;
    options.path = path;
    options.vfs = disk.vfs();
    const auto database = Database::Open(options);
    EXPECT_TRUE(database.ok());
    EXPECT_EQ(Describe(Migrate(**database, steps)), "ok");
  }
  return disk.Copy();
}

// Whether `look` is what `World` shows of a disk where only some of the steps, or all, were made.
template <class World>
bool IsSchemaOnly(const std::string& look, const std::string& path,
                  std::span<const schema::Migration> steps, const FaultFolder& folder) {
  for (std::size_t count = 1; count <= steps.size(); ++count) {
    SimDisk disk("other", 1);
    disk.Put(OnlyMigrated(path, steps.first(count)));
    if (World(disk, folder).Look() == look) return true;
  }
  return false;
}

// The edge's first start: its key file lies there already, or is made.
class NewEdgeWorld final : public edge::EdgeFaultWorld {
 public:
  NewEdgeWorld(SimDisk& disk, const FaultFolder& folder)
      : EdgeFaultWorld(disk, folder), folder_(folder) {
    std::filesystem::remove(options_.key_file);
  }
  Status Open() override { return Ok(); }
  Status Operate() override {
    Close();
    return EdgeFaultWorld::Open();
  }
  Result<std::vector<std::string>> Check() override {
    if (store_ == nullptr) return std::vector<std::string>{};
    return EdgeFaultWorld::Check();
  }
  bool IsBetween(const std::string& look) override {
    return IsSchemaOnly<edge::EdgeFaultWorld>(look, edge::kEdgePath, schema::EdgeMigrations(),
                                              folder_);
  }

 private:
  const FaultFolder& folder_;
};

TEST(MigrationFault, AnEdgesFirstStartIsTakenUpAgainWhateverCallFails) {
  const FaultFolder folder;
  EveryCall([&](SimDisk& disk) { return std::make_unique<NewEdgeWorld>(disk, folder); }, {}).Run();
}

// Making a central store, by a person who does what an interrupted attempt tells.
class NewCentreWorld final : public central::CentralFaultWorld {
 public:
  NewCentreWorld(SimDisk& disk, const FaultFolder& folder)
      : CentralFaultWorld(disk, folder), folder_(folder) {
    std::filesystem::remove(options_.key_file);
  }
  Status Open() override { return Ok(); }
  Status Operate() override {
    Close();
    const Status created = Create();
    if (created.ok()) return CentralFaultWorld::Open();
    if (created.error().code != ErrorCode::kAlreadyExists) return created;
    // An earlier attempt came to its end, or it holds no data and is removed.
    const Status opened = CentralFaultWorld::Open();
    if (opened.ok()) return opened;
    const ErrorCode code = opened.error().code;
    if (code != ErrorCode::kCorrupt && code != ErrorCode::kNotFound) return opened;
    EXPECT_NE(Look(), "");
    disk_.Put({});
    std::filesystem::remove(options_.key_file);
    EDCSYNC_TRY(Create());
    return CentralFaultWorld::Open();
  }
  Result<std::vector<std::string>> Check() override {
    if (store_ == nullptr) return std::vector<std::string>{};
    return CentralFaultWorld::Check();
  }
  bool IsBetween(const std::string& look) override {
    return IsSchemaOnly<central::CentralFaultWorld>(look, central::kCentralPath,
                                                    schema::CentralMigrations(), folder_);
  }

 private:
  const FaultFolder& folder_;
};

TEST(MigrationFault, AHalfMadeCentralStoreIsNeverTakenForAWholeOne) {
  const FaultFolder folder;
  EveryCall([&](SimDisk& disk) { return std::make_unique<NewCentreWorld>(disk, folder); },
            {}).Run();
}

// A later release's steps: a column filled from what is there, a table made anew with its rows.
constexpr schema::Migration kLaterSteps[] = {
    {"test_column", "ALTER TABLE record ADD COLUMN weight INTEGER NOT NULL DEFAULT 0;"
                    "UPDATE record SET weight = current_version * 10;"},
    {"test_table", "CREATE TABLE record_weight (record_id INTEGER PRIMARY KEY, weight INTEGER);"
                   "INSERT INTO record_weight SELECT record_id, weight FROM record;"
                   "ALTER TABLE record DROP COLUMN weight;"},
};

// An older database with data, opened by that release.
class OlderWorld final : public testing::FaultWorld {
 public:
  OlderWorld(SimDisk& disk, std::string path, std::vector<schema::Migration> steps,
             const SimDisk::Files& begin)
      : disk_(disk), path_(std::move(path)), steps_(std::move(steps)), begin_(begin) {}

  Status Open() override { return Ok(); }
  void Close() override { database_.reset(); }
  Status Operate() override {
    database_.reset();
    DatabaseOptions options;
    options.path = path_;
    options.vfs = disk_.vfs();
    EDCSYNC_ASSIGN(database_, Database::Open(options));
    return Migrate(*database_, steps_);
  }
  std::string Look() override {
    return testing::LookAt(disk_, path_,
                           {"PRAGMA user_version", "SELECT sum(current_version) FROM record",
                            "SELECT weight FROM record ORDER BY record_id",
                            "SELECT weight FROM record_weight ORDER BY record_id"});
  }
  bool IsBetween(const std::string& look) override {
    SimDisk disk("other", 1);
    disk.Put(begin_);
    OlderWorld half(disk, path_, {steps_.begin(), steps_.end() - 1}, begin_);
    EXPECT_EQ(Describe(half.Operate()), "ok");
    half.Close();
    return look == half.Look();
  }
  Result<std::vector<std::string>> Check() override {
    if (database_ == nullptr) return std::vector<std::string>{};
    return database_->CheckIntegrity();
  }

 private:
  SimDisk& disk_;
  std::string path_;
  std::vector<schema::Migration> steps_;
  const SimDisk::Files& begin_;
  std::unique_ptr<Database> database_;
};

std::vector<schema::Migration> WithLaterSteps(std::span<const schema::Migration> steps) {
  std::vector<schema::Migration> all(steps.begin(), steps.end());
  all.insert(all.end(), std::begin(kLaterSteps), std::end(kLaterSteps));
  return all;
}

class EdgeMigrationFault : public edge::EdgeFault {};

TEST_F(EdgeMigrationFault, AnOlderDatabaseIsAtAWholeVersionWhateverCallFails) {
  const SimDisk::Files begin = Begin();
  EveryCall(
      [&](SimDisk& disk) {
        return std::make_unique<OlderWorld>(disk, edge::kEdgePath,
                                            WithLaterSteps(schema::EdgeMigrations()), begin);
      },
      begin).Run();
}

class CentralMigrationFault : public central::CentralFault {};

TEST_F(CentralMigrationFault, AnOlderDatabaseIsAtAWholeVersionWhateverCallFails) {
  const SimDisk::Files begin = Begin();
  EveryCall(
      [&](SimDisk& disk) {
        return std::make_unique<OlderWorld>(disk, central::kCentralPath,
                                            WithLaterSteps(schema::CentralMigrations()), begin);
      },
      begin).Run();
}

}  // namespace
}  // namespace edcsync
