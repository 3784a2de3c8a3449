#include "shared/storage/database_restore.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "shared/base/file.h"
#include "shared/storage/file_lock.h"

namespace edcsync {
namespace {

constexpr WallTime kNow{1'790'000'000'000};

class DatabaseRestore : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    Write("backup", "backup");
    Write("data.db", "former");
    Write("data.db-wal", "log of the former");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string In(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) { std::ofstream(In(name)) << text; }
  std::string Text(const std::string& path) const { return ReadFile(path, 1000).value_or(""); }
  Result<std::string> Restore(Status prepared = Ok()) {
    return RestoreDatabase(In("data.db"), In("backup"), kNow, [&](const std::string& copy) {
      EXPECT_EQ(Text(copy), "backup");
      return prepared;
    });
  }

  std::string folder_;
};

TEST_F(DatabaseRestore, GivesTheCopyTheNameAndKeepsTheFormerWithItsLog) {
  const Result<std::string> former = Restore();
  ASSERT_TRUE(former.ok()) << former.error().message;
  EXPECT_EQ(Text(In("data.db")), "backup");
  EXPECT_EQ(Text(*former), "former");
  EXPECT_EQ(Text(*former + "-wal"), "log of the former");
  EXPECT_FALSE(std::filesystem::exists(In("data.db-wal")));
  EXPECT_FALSE(std::filesystem::exists(RestoringCopyOf(In("data.db"))));
}

TEST_F(DatabaseRestore, ThatIsRefusedChangesNothing) {
  EXPECT_EQ(Restore(Fail(ErrorCode::kCorrupt, "damaged")).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Text(In("data.db")), "former");
  EXPECT_EQ(Text(In("data.db-wal")), "log of the former");
  EXPECT_FALSE(std::filesystem::exists(RestoringCopyOf(In("data.db"))));
  std::filesystem::remove(In("backup"));
  EXPECT_EQ(Restore().error().code, ErrorCode::kNotFound);
}

TEST_F(DatabaseRestore, IsRefusedWhileAnotherUsesTheDatabase) {
  const FileLock other = FileLock::Take(In("data.db.lock"), FileLock::Mode::kShared).value();
  EXPECT_EQ(Restore().error().code, ErrorCode::kAlreadyRunning);
}

TEST_F(DatabaseRestore, PutsABackupWhereThereIsNone) {
  std::filesystem::remove(In("data.db"));
  std::filesystem::remove(In("data.db-wal"));
  EXPECT_EQ(Restore().value_or("failed"), "");
  EXPECT_EQ(Text(In("data.db")), "backup");
}

TEST_F(DatabaseRestore, OnlyBackupsOfThatNameAndFormGoWhenOldOnesGo) {
  for (const char* name : {"edge-a-20260101T000000Z.db", "edge-a-20260102T000000Z.db",
                           "edge-a-20260103T000000Z.db", "edge-ab-20260101T000000Z.db",
                           "edge-a-2026010XT000000Z.db", "edge-a-20260101T000000Z.db.old"}) {
    Write(name, "x");
  }
  EXPECT_EQ(DatedBackup("/f", "edge-a", kNow), "/f/edge-a-20260921T141320Z.db");
  ASSERT_TRUE(KeepNewestBackups(folder_, "edge-a", 1).ok());
  EXPECT_FALSE(std::filesystem::exists(In("edge-a-20260101T000000Z.db")));
  EXPECT_FALSE(std::filesystem::exists(In("edge-a-20260102T000000Z.db")));
  for (const char* name : {"edge-a-20260103T000000Z.db", "edge-ab-20260101T000000Z.db",
                           "edge-a-2026010XT000000Z.db", "edge-a-20260101T000000Z.db.old"}) {
    EXPECT_TRUE(std::filesystem::exists(In(name))) << name;
  }
}

TEST_F(DatabaseRestore, WhatLookingIntoABackupLeavesGoesAgain) {
  Write("backup-shm", "another's");
  {
    const OpenedBackup opened(In("backup"));
    Write("backup-wal", "");
  }
  EXPECT_FALSE(std::filesystem::exists(In("backup-wal")));
  EXPECT_TRUE(std::filesystem::exists(In("backup-shm")));
}

}  // namespace
}  // namespace edcsync
