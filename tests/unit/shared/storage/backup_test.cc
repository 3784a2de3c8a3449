#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/unit/shared/storage/temporary_folder.h"

namespace edcsync {
namespace {

class BackupTest : public ::testing::Test {
 protected:
  // 16 MiB in two tables whose rows are always equal in number.
  void SetUp() override {
    database_ = OpenDatabase(source_);
    ASSERT_NE(database_, nullptr);
    ASSERT_TRUE(database_->Execute(
        "CREATE TABLE a (x); CREATE TABLE b (x);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
        "INSERT INTO a SELECT randomblob(4096) FROM n;"
        "INSERT INTO b SELECT randomblob(4096) FROM a;").ok());
  }

  TemporaryFolder folder_;
  std::string source_ = folder_.File("site.db");
  std::string target_ = folder_.File("site.backup");
  std::unique_ptr<Database> database_;
};

TEST_F(BackupTest, ACopyTakenWhileOthersWriteIsOneConsistentState) {
  std::atomic<bool> stop{false};
  std::atomic<int> commits{0};
  std::thread writer([&] {
    auto other = OpenDatabase(source_);
    while (!stop) {
      auto transaction = WriteTransaction::Begin(*other).value();
      ASSERT_TRUE(other->Execute("INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);"
                                 "UPDATE a SET x = randomblob(4096) WHERE rowid % 97 = 0").ok());
      ASSERT_TRUE(transaction.Commit().ok());
      ++commits;
    }
  });
  int steps = 0;
  int last = 0;
  const Status status = database_->BackupTo(target_, [&](int percent) {
    ++steps;
    EXPECT_GT(percent, last);
    last = percent;
    // The next part is copied only after another commit has changed the source.
    for (const int seen = commits; commits == seen;) std::this_thread::yield();
  });
  stop = true;
  writer.join();
  ASSERT_TRUE(status.ok()) << status.error().ToString();
  EXPECT_EQ(last, 100);
  EXPECT_GT(steps, 2);
  struct stat info {};
  ASSERT_EQ(::stat(target_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  auto copy = OpenDatabase(target_);
  ASSERT_NE(copy, nullptr);
  EXPECT_TRUE(copy->CheckIntegrity().value().empty());
  EXPECT_GE(Number(*copy, "SELECT count(*) FROM a"), 2000);
  EXPECT_EQ(Number(*copy, "SELECT count(*) FROM a"), Number(*copy, "SELECT count(*) FROM b"));
  // The source can be written by this connection again: no snapshot was left open.
  EXPECT_TRUE(database_->Execute("INSERT INTO a VALUES (1)").ok());
}

TEST_F(BackupTest, AFileThatIsThereIsNeverReplaced) {
  std::ofstream(target_) << "last week's backup";
  EXPECT_EQ(CodeOf(database_->BackupTo(target_, nullptr)), ErrorCode::kAlreadyExists);
  // One that appears while the copy runs is not replaced either.
  const std::string late = folder_.File("late.backup");
  const Status status = database_->BackupTo(late, [&](int percent) {
    if (percent == 100) std::ofstream(late) << "somebody else's";
  });
  EXPECT_EQ(CodeOf(status), ErrorCode::kAlreadyExists);
  std::string text;
  std::getline(std::ifstream(late) >> std::ws, text);
  EXPECT_EQ(text, "somebody else's");
  std::getline(std::ifstream(target_) >> std::ws, text);
  EXPECT_EQ(text, "last week's backup");
}

TEST_F(BackupTest, AProcessThatDiesInTheMiddleLeavesNoTarget) {
  database_.reset();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    DatabaseOptions options;
    options.path = source_;
    auto database = Database::Open(options);
    if (!database.ok()) ::_exit(1);
    const Status ended = (*database)->BackupTo(target_, [](int percent) {
      if (percent > 30) ::_exit(42);
    });
    ::_exit(ended.ok() ? 2 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 42);
  EXPECT_FALSE(std::filesystem::exists(target_));
  auto database = OpenDatabase(source_);
  ASSERT_NE(database, nullptr);
  EXPECT_TRUE(database->BackupTo(target_, nullptr).ok());
}

TEST_F(BackupTest, ACopyThatFailsLeavesNothingBehind) {
  const std::size_t before = folder_.FileCount();
  EXPECT_EQ(CodeOf(database_->BackupTo(folder_.File("absent/x"), nullptr)), ErrorCode::kNotFound);
  EXPECT_EQ(folder_.FileCount(), before);
}

}  // namespace
}  // namespace edcsync
