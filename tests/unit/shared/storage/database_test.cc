#include "shared/storage/database.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "tests/unit/shared/storage/temporary_folder.h"

namespace edcsync {
namespace {

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = OpenDatabase(path_);
    ASSERT_NE(database_, nullptr);
    ASSERT_TRUE(database_->Execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body)").ok());
  }

  Status Insert(std::int64_t id, std::string_view body) {
    Statement statement = database_->Prepare("INSERT INTO note VALUES (?1, ?2)");
    EDCSYNC_TRY(statement.Bind(1, id).Bind(2, body).Run());
    return Ok();
  }
  std::int64_t Count() { return Number(*database_, "SELECT count(*) FROM note"); }

  TemporaryFolder folder_;
  std::string path_ = folder_.File("site.db");
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseTest, FilesAreReadableByTheirOwnerOnly) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat info {};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << suffix;
  }
}

TEST_F(DatabaseTest, EveryConnectionHasTheSettingsThatDurabilityNeeds) {
  EXPECT_EQ(Number(*database_, "PRAGMA synchronous"), 2);
  EXPECT_EQ(Number(*database_, "PRAGMA foreign_keys"), 1);
  EXPECT_EQ(Number(*database_, "PRAGMA trusted_schema"), 0);
  EXPECT_EQ(Number(*database_, "PRAGMA secure_delete"), 2);
  Statement mode = database_->Prepare("PRAGMA journal_mode");
  ASSERT_TRUE(mode.Step().value());
  EXPECT_EQ(mode.Text(0), "wal");
}

TEST_F(DatabaseTest, ValuesComeBackAsTheyWereBound) {
  const Bytes blob = {0, 1, 255};
  {
    Statement insert = database_->Prepare("INSERT INTO note VALUES (?1, ?2)");
    EXPECT_EQ(insert.Bind(1, INT64_MIN).Bind(2, std::string_view("a\0b", 3)).Run().value(), 1);
    EXPECT_EQ(insert.Bind(1, std::int64_t{2}).Bind(2, BytesView(blob)).Run().value(), 1);
    EXPECT_EQ(insert.Bind(1, std::int64_t{3}).BindNull(2).Run().value(), 1);
    EXPECT_EQ(insert.Bind(1, std::int64_t{4}).Bind(2, std::string_view()).Run().value(), 1);
    EXPECT_EQ(insert.Bind(1, std::int64_t{5}).Bind(2, BytesView()).Run().value(), 1);
  }
  Statement select = database_->Prepare("SELECT id, body, typeof(body) FROM note ORDER BY id");
  ASSERT_TRUE(select.Step().value());
  EXPECT_EQ(select.Int(0), INT64_MIN);
  EXPECT_EQ(select.Text(1), std::string_view("a\0b", 3));
  ASSERT_TRUE(select.Step().value());
  EXPECT_EQ(Bytes(select.Blob(1).begin(), select.Blob(1).end()), blob);
  ASSERT_TRUE(select.Step().value());
  EXPECT_TRUE(select.IsNull(1));
  ASSERT_TRUE(select.Step().value());
  EXPECT_EQ(select.Text(2), "text") << "an empty text is not NULL";
  ASSERT_TRUE(select.Step().value());
  EXPECT_EQ(select.Text(2), "blob") << "an empty blob is not NULL";
  EXPECT_FALSE(select.Step().value());
}

TEST_F(DatabaseTest, AReadingStatementKeepsItsParameterWhenTheCallersBytesAreGone) {
  for (int id = 1; id <= 3; ++id) ASSERT_TRUE(Insert(id, "same").ok());
  Statement select = database_->Prepare("SELECT id FROM note WHERE +body = ?1");
  std::string wanted = "same";
  select.Bind(1, wanted);
  int found = 0;
  while (select.Step().value()) {
    ++found;
    wanted.assign("else");
  }
  EXPECT_EQ(found, 3);
}

TEST_F(DatabaseTest, AParameterForgottenIsNullAndNotTheFormerUsers) {
  ASSERT_TRUE(Insert(1, "of another record").ok());
  {
    Statement insert = database_->Prepare("INSERT INTO note VALUES (?1, ?2)");
    ASSERT_TRUE(insert.Bind(1, std::int64_t{2}).Run().ok());
  }
  EXPECT_EQ(Number(*database_, "SELECT body IS NULL FROM note WHERE id = 2"), 1);
}

TEST_F(DatabaseTest, OneSqlMayBeInUseTwiceAtOnce) {
  for (int id = 1; id <= 3; ++id) ASSERT_TRUE(Insert(id, "x").ok());
  int pairs = 0;
  const std::string_view sql = "SELECT id FROM note";
  Statement outer = database_->Prepare(sql);
  while (outer.Step().value()) {
    Statement inner = database_->Prepare(sql);
    while (inner.Step().value()) ++pairs;
  }
  EXPECT_EQ(pairs, 9);
}

TEST_F(DatabaseTest, SqlInAReusedBufferIsNotTakenForTheOneBefore) {
  std::string sql = "SELECT 1";
  EXPECT_EQ(Number(*database_, sql), 1);
  sql[7] = '2';
  EXPECT_EQ(Number(*database_, sql), 2);
}

TEST_F(DatabaseTest, AReaderLeftHalfWayDoesNotHoldTheLogOpen) {
  for (int id = 1; id <= 3; ++id) ASSERT_TRUE(Insert(id, "x").ok());
  {
    Statement select = database_->Prepare("SELECT id FROM note");
    ASSERT_TRUE(select.Step().value());
  }
  // Column 0 is 1 if a reader or writer kept the checkpoint from emptying the log.
  EXPECT_EQ(Number(*database_, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
}

TEST_F(DatabaseTest, AFailedStepNamesStatementAndFileButNoValue) {
  ASSERT_TRUE(Insert(1, "first").ok());
  const Status again = Insert(1, "SECRET");
  ASSERT_EQ(CodeOf(again), ErrorCode::kInternal);
  EXPECT_NE(again.error().message.find("INSERT INTO note"), std::string::npos);
  EXPECT_NE(again.error().message.find("note.id"), std::string::npos);
  EXPECT_NE(again.error().message.find(path_), std::string::npos);
  EXPECT_EQ(again.error().message.find("SECRET"), std::string::npos);
}

TEST_F(DatabaseTest, AFullDiskDropsTheTransactionWholeAndIsForgottenOnceThereIsRoom) {
  ASSERT_TRUE(Insert(1, "before").ok());
  LimitGrowth(*database_, 4);
  {
    auto transaction = WriteTransaction::Begin(*database_);
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(Insert(2, "first half").ok());
    const Status full = Insert(3, std::string(100'000, 'x'));
    EXPECT_EQ(CodeOf(full), ErrorCode::kDiskFull);
    // A caller who goes on regardless must not write outside any transaction.
    EXPECT_EQ(CodeOf(Insert(4, "second half")), ErrorCode::kDiskFull);
    EXPECT_EQ(CodeOf(database_->Execute("DELETE FROM note")), ErrorCode::kDiskFull);
    EXPECT_EQ(CodeOf(transaction->Commit()), ErrorCode::kDiskFull);
  }
  EXPECT_EQ(Count(), 1);
  LiftLimit(*database_);
  ASSERT_TRUE(Insert(3, std::string(100'000, 'x')).ok());
  EXPECT_EQ(Count(), 2);
  EXPECT_TRUE(database_->CheckIntegrity().value().empty());
}

TEST_F(DatabaseTest, AWriteTheSystemRefusesFailsTheCommitAndNothingIsStored) {
  ASSERT_TRUE(Insert(1, "before").ok());
  struct rlimit former {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &former), 0);
  const auto former_handler = ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = former;
  small.rlim_cur = 64 * 1024;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Status status = database_->Begin();
  if (status.ok()) status = Insert(2, std::string(1'000'000, 'x'));
  if (status.ok()) status = database_->Commit();
  database_->Rollback();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &former), 0);
  ::signal(SIGXFSZ, former_handler);
  EXPECT_EQ(CodeOf(status), ErrorCode::kIo);
  EXPECT_EQ(Count(), 1);
  ASSERT_TRUE(Insert(2, std::string(1'000'000, 'x')).ok());
  EXPECT_TRUE(database_->CheckIntegrity().value().empty());
}

TEST_F(DatabaseTest, SavepointUndoesOneWorkAndKeepsTheOthers) {
  ASSERT_TRUE(database_->Begin().ok());
  for (int id = 1; id <= 3; ++id) {
    ASSERT_TRUE(database_->Savepoint().ok());
    ASSERT_TRUE(Insert(id, "x").ok());
    if (id == 2) {
      database_->RollbackToSavepoint();
    } else {
      ASSERT_TRUE(database_->ReleaseSavepoint().ok());
    }
  }
  ASSERT_TRUE(database_->Commit().ok());
  EXPECT_EQ(Count(), 2);
  EXPECT_FALSE(database_->InTransaction());
}

TEST_F(DatabaseTest, AnotherWriterIsBusyAndAReadTransactionSeesOneState) {
  DatabaseOptions options;
  options.path = path_;
  options.busy_timeout_ms = 0;
  auto other = Database::Open(options).value();
  ASSERT_TRUE(other->BeginRead().ok());
  EXPECT_EQ(Number(*other, "SELECT count(*) FROM note"), 0);
  {
    auto transaction = WriteTransaction::Begin(*database_);
    ASSERT_TRUE(transaction.ok() && Insert(1, "x").ok() && transaction->Commit().ok());
  }
  EXPECT_EQ(Number(*other, "SELECT count(*) FROM note"), 0);
  other->Rollback();
  const std::int64_t version = other->DataVersion().value();
  EXPECT_EQ(Number(*other, "SELECT count(*) FROM note"), 1);
  ASSERT_TRUE(database_->Begin().ok());
  EXPECT_EQ(CodeOf(other->Begin()), ErrorCode::kBusy);
  ASSERT_TRUE(Insert(2, "x").ok());
  ASSERT_TRUE(database_->Commit().ok());
  EXPECT_NE(other->DataVersion().value(), version);
  EXPECT_TRUE(other->Begin().ok());
  other->Rollback();
}

TEST_F(DatabaseTest, AReadOnlyConnectionReadsAndRefusesToWrite) {
  ASSERT_TRUE(Insert(1, "x").ok());
  DatabaseOptions options;
  options.path = path_;
  options.read_only = true;
  auto reader = Database::Open(options).value();
  EXPECT_EQ(Number(*reader, "SELECT count(*) FROM note"), 1);
  EXPECT_EQ(CodeOf(reader->Execute("DELETE FROM note")), ErrorCode::kPermissions);
}

TEST_F(DatabaseTest, DamageAndBrokenReferencesAreFindings) {
  ASSERT_TRUE(database_->Execute("PRAGMA foreign_keys=OFF;"
                                 "CREATE TABLE child (note INTEGER REFERENCES note (id));"
                                 "INSERT INTO child VALUES (77);").ok());
  const auto references = database_->CheckIntegrity().value();
  ASSERT_EQ(references.size(), 1U);
  EXPECT_NE(references[0].find("child"), std::string::npos);
  ASSERT_TRUE(Insert(1, std::string(200'000, 'x')).ok());
  database_.reset();
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);  // The root page of `note`.
    file << std::string(2 * 4096, '\xff');
  }
  database_ = OpenDatabase(path_);
  ASSERT_NE(database_, nullptr);
  EXPECT_FALSE(database_->CheckIntegrity().value().empty());
  EXPECT_EQ(CodeOf(Insert(2, "x")), ErrorCode::kCorrupt);
}

TEST(DatabaseOpen, WhatIsNoDatabaseOrIsNotThereIsRefusedByName) {
  TemporaryFolder folder;
  DatabaseOptions options;
  options.path = folder.File("notes.txt");
  std::ofstream(options.path) << std::string(8192, 'n');
  EXPECT_EQ(Database::Open(options).error().code, ErrorCode::kCorrupt);
  options.read_only = true;
  EXPECT_EQ(Database::Open(options).error().code, ErrorCode::kCorrupt);
  options.path = folder.File("absent.db");
  EXPECT_EQ(Database::Open(options).error().code, ErrorCode::kNotFound);
  options.read_only = false;
  options.create = false;
  EXPECT_EQ(Database::Open(options).error().code, ErrorCode::kNotFound);
  options.create = true;
  options.path = folder.File("absent/site.db");
  EXPECT_EQ(Database::Open(options).error().code, ErrorCode::kNotFound);
}

TEST(DatabaseOpen, ManyConnectionsMayCreateOneDatabaseAtOnce) {
  for (int round = 0; round < 4; ++round) {
    TemporaryFolder folder;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        auto database = OpenDatabase(folder.File("site.db"));
        ASSERT_NE(database, nullptr);
        ASSERT_TRUE(database->Begin().ok());
        ASSERT_TRUE(database->Execute("CREATE TABLE IF NOT EXISTS n (x);"
                                      "INSERT INTO n VALUES (1)").ok());
        ASSERT_TRUE(database->Commit().ok());
      });
    }
    for (std::thread& thread : threads) thread.join();
    auto database = OpenDatabase(folder.File("site.db"));
    EXPECT_EQ(Number(*database, "SELECT count(*) FROM n"), 8);
  }
}

}  // namespace
}  // namespace edcsync
