#include "shared/storage/database_restore.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "shared/base/file.h"
#include "shared/storage/database.h"
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

// Story: only the file was copied, so that the last commits of a database whose program was killed
// were missing without a word.
TEST_F(DatabaseRestore, TakesWhatIsInTheBackupsLogOnly) {
  DatabaseOptions options;
  options.path = In("killed.db");
  {
    const auto killed = Database::Open(options).value();
    ASSERT_TRUE(killed->Execute("CREATE TABLE t (n INTEGER)").ok());
    ASSERT_TRUE(killed->Execute("INSERT INTO t VALUES (7)").ok());
    for (const char* suffix : {"", "-wal"}) {  // As they lie there while it is in use.
      std::filesystem::copy_file(In("killed.db") + suffix, In("left.db") + suffix);
    }
  }
  const auto read = [](const std::string& path) -> Result<std::int64_t> {
    DatabaseOptions copy;
    copy.path = path;
    EDCSYNC_ASSIGN(const auto database, Database::Open(copy));
    Statement statement = database->Prepare("SELECT n FROM t");
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    return found ? statement.Int(0) : 0;
  };
  const auto restored = RestoreDatabase(In("data.db"), In("left.db"), kNow,
                                        [&](const std::string& copy) -> Status {
                                          EDCSYNC_ASSIGN(const std::int64_t n, read(copy));
                                          EXPECT_EQ(n, 7);
                                          return Ok();
                                        });
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  EXPECT_EQ(read(In("data.db")).value_or(0), 7);
}

TEST_F(DatabaseRestore, ACopyThatCouldNotBeCompletedFromItsLogIsRefused) {
  const auto restored =
      RestoreDatabase(In("data.db"), In("backup"), kNow, [](const std::string& copy) -> Status {
        std::ofstream(copy + "-wal") << "not written back";
        return Ok();
      });
  EXPECT_EQ(restored.error().code, ErrorCode::kDiskFull);
  EXPECT_EQ(Text(In("data.db")), "former");
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
                           "edge-a-2026010XT000000Z.db", "edge-a-20260101T000000Z.db.old",
                           "edge-a-20260101T000000Z.db.partial-abcdef",
                           "edge-a-20260104T000000Z.db.partial-abcdef"}) {
    Write(name, "x");
  }
  EXPECT_EQ(DatedBackup("/f", "edge-a", kNow), "/f/edge-a-20260921T141320Z.db");
  ASSERT_TRUE(KeepNewestBackups(folder_, "edge-a", 1, In("edge-a-20260103T000000Z.db")).ok());
  EXPECT_FALSE(std::filesystem::exists(In("edge-a-20260101T000000Z.db")));
  EXPECT_FALSE(std::filesystem::exists(In("edge-a-20260102T000000Z.db")));
  EXPECT_FALSE(std::filesystem::exists(In("edge-a-20260101T000000Z.db.partial-abcdef")));
  for (const char* name : {"edge-a-20260103T000000Z.db", "edge-ab-20260101T000000Z.db",
                           "edge-a-2026010XT000000Z.db", "edge-a-20260101T000000Z.db.old",
                           "edge-a-20260104T000000Z.db.partial-abcdef"}) {
    EXPECT_TRUE(std::filesystem::exists(In(name))) << name;
  }
}

TEST_F(DatabaseRestore, TheBackupJustMadeStaysThoughTheClockWentBack) {
  for (const char* name : {"edge-a-20260101T000000Z.db", "edge-a-20260102T000000Z.db",
                           "edge-a-20270101T000000Z.db"}) {
    Write(name, "x");
  }
  ASSERT_TRUE(KeepNewestBackups(folder_, "edge-a", 2, In("edge-a-20260101T000000Z.db")).ok());
  EXPECT_TRUE(std::filesystem::exists(In("edge-a-20260101T000000Z.db")));
  EXPECT_FALSE(std::filesystem::exists(In("edge-a-20260102T000000Z.db")));
  EXPECT_TRUE(std::filesystem::exists(In("edge-a-20270101T000000Z.db")));
}

TEST_F(DatabaseRestore, ACopyThatIsNotVerifiedCountsAsNoBackupAndIsTheOnlyOneOfItsKind) {
  const Error why{ErrorCode::kCorrupt, "damaged"};
  for (const char* name : {"edge-a-20260101T000000Z.db", "edge-a-20260102T000000Z.db"}) {
    Write(name, name);
    const Status told = SetAsideUnverified(folder_, "edge-a", In(name), why);
    EXPECT_EQ(told.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(told.error().message.find("edge-a-unverified.db"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(In(name)));
  }
  EXPECT_EQ(Text(In("edge-a-unverified.db")), "edge-a-20260102T000000Z.db");
}

TEST_F(DatabaseRestore, ABackupLeavesTheRoomThatCaptureNeeds) {
  const DiskRoom room = RoomAt(folder_).value();
  DiskMarks marks;
  marks.warn_bytes = 0;
  marks.refuse_bytes = 0;
  EXPECT_TRUE(CheckRoomForBackup(folder_, In("data.db"), marks).ok());
  marks.warn_bytes = room.size_bytes;
  marks.warn_percent_max = 100;
  EXPECT_EQ(CheckRoomForBackup(folder_, In("data.db"), marks).error().code, ErrorCode::kDiskFull);
  EXPECT_EQ(CheckRoomForBackup("/no/such/folder", In("data.db"), marks).error().code,
            ErrorCode::kIo);
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
