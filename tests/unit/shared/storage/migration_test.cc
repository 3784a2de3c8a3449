#include "shared/storage/migration.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/shared/storage/temporary_folder.h"

namespace edcsync {
namespace {

using schema::Migration;

const std::vector<Migration> kThree = {
    {"0001_initial.sql", "CREATE TABLE record (id INTEGER PRIMARY KEY);"},
    {"0002_body.sql", "ALTER TABLE record ADD COLUMN body; INSERT INTO record VALUES (1, 'x');"},
    {"0003_index.sql", "CREATE INDEX record_body ON record (body);"},
};

TEST(Migration, EachRunsOnceAndInOrder) {
  TemporaryFolder folder;
  auto database = OpenDatabase(folder.File("site.db"));
  const std::span<const Migration> all(kThree);
  ASSERT_TRUE(Migrate(*database, all.first(1)).ok());
  EXPECT_EQ(Number(*database, "PRAGMA user_version"), 1);
  ASSERT_TRUE(Migrate(*database, all).ok());
  ASSERT_TRUE(Migrate(*database, all).ok());
  EXPECT_EQ(Number(*database, "PRAGMA user_version"), 3);
  EXPECT_EQ(Number(*database, "SELECT count(*) FROM record"), 1);
}

TEST(Migration, OneThatFailsHalfWayLeavesTheVersionBefore) {
  TemporaryFolder folder;
  auto database = OpenDatabase(folder.File("site.db"));
  std::vector<Migration> broken = kThree;
  broken[1].sql = "ALTER TABLE record ADD COLUMN body; INSERT INTO absent VALUES (1);";
  const Status status = Migrate(*database, broken);
  ASSERT_EQ(CodeOf(status), ErrorCode::kInternal);
  EXPECT_NE(status.error().message.find("0002_body.sql"), std::string::npos);
  EXPECT_FALSE(database->InTransaction());
  EXPECT_EQ(Number(*database, "PRAGMA user_version"), 1);
  EXPECT_EQ(Number(*database, "SELECT count(*) FROM pragma_table_info('record')"), 1);
  ASSERT_TRUE(Migrate(*database, kThree).ok());
  EXPECT_EQ(Number(*database, "PRAGMA user_version"), 3);
}

TEST(Migration, AFullDiskInTheMiddleLeavesTheVersionBefore) {
  TemporaryFolder folder;
  auto database = OpenDatabase(folder.File("site.db"));
  std::vector<Migration> large = kThree;
  large[1].sql = "ALTER TABLE record ADD COLUMN body; CREATE TABLE later (x);"
                 "INSERT INTO record VALUES (1, zeroblob(99999));";
  ASSERT_TRUE(Migrate(*database, std::span<const Migration>(large).first(1)).ok());
  LimitGrowth(*database, 3);
  EXPECT_EQ(CodeOf(Migrate(*database, large)), ErrorCode::kDiskFull);
  EXPECT_EQ(Number(*database, "PRAGMA user_version"), 1);
  EXPECT_EQ(Number(*database, "SELECT count(*) FROM sqlite_schema"), 1);
  LiftLimit(*database);
  EXPECT_TRUE(Migrate(*database, large).ok());
}

TEST(Migration, ADatabaseOfALaterReleaseIsRefusedUntouched) {
  TemporaryFolder folder;
  auto database = OpenDatabase(folder.File("site.db"));
  ASSERT_TRUE(Migrate(*database, kThree).ok());
  const std::span<const Migration> older = std::span<const Migration>(kThree).first(2);
  EXPECT_EQ(CodeOf(Migrate(*database, older)), ErrorCode::kSchemaTooNew);
  EXPECT_EQ(Number(*database, "PRAGMA user_version"), 3);
}

TEST(Migration, TwoProgramsStartedAtOnceMigrateOnce) {
  TemporaryFolder folder;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto database = OpenDatabase(folder.File("site.db"));
      ASSERT_NE(database, nullptr);
      const Status status = Migrate(*database, kThree);
      EXPECT_TRUE(status.ok()) << status.error().ToString();
    });
  }
  for (std::thread& thread : threads) thread.join();
  auto database = OpenDatabase(folder.File("site.db"));
  EXPECT_EQ(Number(*database, "SELECT count(*) FROM record"), 1);
}

}  // namespace
}  // namespace edcsync
