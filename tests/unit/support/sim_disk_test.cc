#include "tests/support/sim_disk.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <functional>

namespace edcsync::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Eq;
using Call = SimDisk::Call;
using Fault = SimDisk::Fault;

// A connection on the disk. Each call gives SQLite's plain code; nothing waits for a lock.
class Connection {
 public:
  explicit Connection(SimDisk& disk, int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) {
    opened = sqlite3_open_v2("/a/world.db", &handle_, flags, disk.vfs().c_str());
  }
  ~Connection() { sqlite3_close(handle_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int Run(const std::string& sql) {
    return sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) & 0xff;
  }
  // The first value, or "error N".
  std::string Ask(const std::string& sql) {
    std::string answer;
    const auto take = [](void* out, int, char** values, char**) {
      if (values[0] != nullptr) *static_cast<std::string*>(out) = values[0];
      return 0;
    };
    const int code = sqlite3_exec(handle_, sql.c_str(), take, &answer, nullptr) & 0xff;
    return code == SQLITE_OK ? answer : "error " + std::to_string(code);
  }

  int opened = SQLITE_ERROR;

 private:
  sqlite3* handle_ = nullptr;
};

constexpr char kTable[] = "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, filling BLOB)";
constexpr int kRowCount = 6;

std::string Insert(int n) {
  return "INSERT INTO t VALUES (" + std::to_string(n) + ", randomblob(900))";
}

struct RunResult {
  int acknowledged_count = 0;  // Rows whose commit was told done.
  bool table_acknowledged = false;
  bool struck = false;
};

// Inserts rows, each in a transaction, until something fails.
RunResult InsertRows(SimDisk& disk, const std::string& pragmas, bool close = true) {
  RunResult run;
  Connection connection(disk);
  run.table_acknowledged =
      connection.Run(pragmas) == SQLITE_OK && connection.Run(kTable) == SQLITE_OK;
  while (run.table_acknowledged && run.acknowledged_count < kRowCount) {
    if (connection.Run(Insert(run.acknowledged_count + 1)) != SQLITE_OK) break;
    ++run.acknowledged_count;
    if (run.acknowledged_count == kRowCount / 2) connection.Run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  if (!close) disk.PowerCut();
  run.struck = disk.fault_struck();
  return run;
}

// The rows after a restart; -1 if there is no table. Fails the test if the database is damaged.
int RowsAfterRestart(SimDisk& disk) {
  disk.Mend();
  disk.Restart();
  Connection connection(disk);
  EXPECT_EQ(connection.Ask("PRAGMA integrity_check"), "ok");
  if (connection.Ask("SELECT count(*) FROM sqlite_schema") == "0") return -1;
  const std::string rows = connection.Ask("SELECT count(*) FROM t");
  EXPECT_EQ(connection.Ask("SELECT max(n) FROM t"), rows == "0" ? "" : rows);
  return std::atoi(rows.c_str());
}

// Runs InsertRows with `fault` at every call, with several seeds each; returns how many runs a
// fault struck.
int AtEveryCall(Fault fault, const std::string& pragmas, std::uint64_t seed_count,
                const std::function<void(const RunResult&, int rows)>& verify) {
  int struck_count = 0;
  for (std::uint64_t seed = 1; seed <= seed_count; ++seed) {
    bool struck = true;
    for (std::uint64_t n = 1; struck; ++n) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", call " + std::to_string(n));
      SimDisk disk("unit", seed * 1000 + n);
      disk.FailCall(n, fault);
      const RunResult run = InsertRows(disk, pragmas);
      struck = run.struck;
      if (struck) ++struck_count;
      verify(run, RowsAfterRestart(disk));
      if (::testing::Test::HasFailure()) return struck_count;
    }
  }
  return struck_count;
}

// What SQLite promises: all that was acknowledged, and of the rest the one in flight or nothing.
void ExpectKept(const RunResult& run, int rows) {
  if (!run.table_acknowledged) {
    EXPECT_THAT(rows, AnyOf(Eq(-1), Eq(0)));
  } else {
    EXPECT_THAT(rows, AnyOf(Eq(run.acknowledged_count), Eq(run.acknowledged_count + 1)));
  }
}

TEST(SimDisk, WhatASyncedCommitWroteToTheLogSurvivesAPowerCutAtAnyCall) {
  EXPECT_GT(AtEveryCall(Fault::kPowerCut, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", 20,
                        ExpectKept),
            20 * 30);
}

TEST(SimDisk, WhatACommitWithARollbackJournalWroteSurvivesIfTheFolderIsSyncedToo) {
  EXPECT_GT(AtEveryCall(Fault::kPowerCut, "PRAGMA synchronous=EXTRA", 20, ExpectKept), 20 * 30);
}

TEST(SimDisk, AJournalDeletedWithoutASyncOfItsFolderComesBackForSomeSeed) {
  int lost_count = 0;
  AtEveryCall(Fault::kPowerCut, "PRAGMA synchronous=FULL", 5, [&](const RunResult& run, int rows) {
    lost_count += rows < run.acknowledged_count;
  });
  EXPECT_GT(lost_count, 0);
}

TEST(SimDisk, ACommitThatWasNotSyncedIsLostForSomeSeedAndKeptForAnother) {
  int lost_count = 0;
  int kept_count = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimDisk disk("unit", seed);
    InsertRows(disk, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF", false);
    disk.Restart();
    Connection connection(disk);
    const std::string rows = connection.Ask("SELECT count(*) FROM t");
    if (rows == std::to_string(kRowCount)) ++kept_count;
    else ++lost_count;
  }
  EXPECT_GT(lost_count, 0);
  EXPECT_GT(kept_count, 0);
}

TEST(SimDisk, AWriteThatWasNotSyncedIsTornForSomeSeed) {
  SimDisk::Losses losses;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimDisk disk("unit", seed);
    InsertRows(disk, "PRAGMA synchronous=OFF", false);
    losses.writes_kept += disk.losses().writes_kept;
    losses.writes_dropped += disk.losses().writes_dropped;
    losses.writes_torn += disk.losses().writes_torn;
    disk.Restart();
  }
  EXPECT_GT(losses.writes_kept, 0u);
  EXPECT_GT(losses.writes_dropped, 0u);
  EXPECT_GT(losses.writes_torn, 0u);
}

TEST(SimDisk, AKilledProcessLosesNothingThatItCommittedEvenUnsynced) {
  EXPECT_GT(AtEveryCall(Fault::kKill, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF", 1,
                        ExpectKept),
            20);
  EXPECT_GT(AtEveryCall(Fault::kKill, "PRAGMA synchronous=OFF", 1, ExpectKept), 20);
}

TEST(SimDisk, AnErrorAtAnyCallCostsNoAcknowledgedCommit) {
  for (const Fault fault : {Fault::kErrorOnce, Fault::kErrorForGood, Fault::kFullOnce}) {
    EXPECT_GT(AtEveryCall(fault, "PRAGMA journal_mode=WAL", 1, ExpectKept), 15);
    EXPECT_GT(AtEveryCall(fault, "", 1, ExpectKept), 15);
  }
}

TEST(SimDisk, AnErrorOnceIsOverAfterwardsAndOneForGoodLastsUntilItIsMended) {
  SimDisk disk("unit", 1);
  Connection connection(disk);
  ASSERT_EQ(connection.Run(kTable), SQLITE_OK);
  disk.FailCall(Call::kWrite, 1, Fault::kErrorOnce);
  EXPECT_EQ(connection.Run(Insert(1)), SQLITE_IOERR);
  EXPECT_TRUE(disk.fault_struck());
  EXPECT_EQ(connection.Run(Insert(1)), SQLITE_OK);
  disk.FailCall(Call::kSync, 2, Fault::kErrorForGood);
  EXPECT_EQ(connection.Run(Insert(2)), SQLITE_IOERR);
  EXPECT_NE(connection.Run("SELECT * FROM t"), SQLITE_OK);
  EXPECT_NE(connection.Run(Insert(2)), SQLITE_OK);
  disk.Mend();
  EXPECT_EQ(connection.Run(Insert(2)), SQLITE_OK);
  EXPECT_EQ(connection.Ask("SELECT count(*) FROM t"), "2");
}

TEST(SimDisk, AFullDiskRefusesAndTakesAgainOnceThereIsRoom) {
  SimDisk disk("unit", 1);
  Connection connection(disk);
  ASSERT_EQ(connection.Run(std::string("PRAGMA journal_mode=WAL; ") + kTable), SQLITE_OK);
  ASSERT_EQ(connection.Run(Insert(1)), SQLITE_OK);
  disk.SetCapacity(disk.size_bytes() + 1000);
  EXPECT_EQ(connection.Run(Insert(2)), SQLITE_FULL);
  EXPECT_EQ(connection.Ask("SELECT count(*) FROM t"), "1");
  disk.SetCapacity(std::nullopt);
  EXPECT_EQ(connection.Run(Insert(2)), SQLITE_OK);
  EXPECT_EQ(connection.Ask("PRAGMA integrity_check"), "ok");
}

TEST(SimDisk, ADeadMachineAnswersNothingUntilItStartsAgain) {
  SimDisk disk("unit", 1);
  {
    Connection connection(disk);
    ASSERT_EQ(connection.Run(std::string("PRAGMA journal_mode=WAL; ") + kTable), SQLITE_OK);
    disk.Kill();
    EXPECT_EQ(connection.Run(Insert(1)), SQLITE_IOERR);
    Connection late(disk);
    EXPECT_NE(late.Run("SELECT * FROM t"), SQLITE_OK);
  }
  EXPECT_EQ(disk.open_files(), 0);
  disk.Restart();
  Connection connection(disk);
  EXPECT_EQ(connection.Run(Insert(1)), SQLITE_OK);
}

TEST(SimDisk, TwoWritersExcludeEachOtherWithAJournal) {
  SimDisk disk("unit", 1);
  Connection first(disk);
  Connection second(disk);
  ASSERT_EQ(first.Run(kTable), SQLITE_OK);
  ASSERT_EQ(first.Run("BEGIN IMMEDIATE; " + Insert(1)), SQLITE_OK);
  EXPECT_EQ(second.Run("BEGIN IMMEDIATE"), SQLITE_BUSY);
  EXPECT_EQ(second.Run("BEGIN; SELECT * FROM t"), SQLITE_OK);
  EXPECT_EQ(first.Run("COMMIT"), SQLITE_BUSY);  // A reader is within: it waits, PENDING.
  Connection third(disk);
  EXPECT_EQ(third.Run("SELECT * FROM t"), SQLITE_BUSY);
  EXPECT_EQ(second.Run("COMMIT"), SQLITE_OK);
  EXPECT_EQ(first.Run("COMMIT"), SQLITE_OK);
  EXPECT_EQ(third.Ask("SELECT count(*) FROM t"), "1");
}

TEST(SimDisk, WithALogAReaderKeepsItsSnapshotWhileOneWriterCommits) {
  SimDisk disk("unit", 1);
  Connection writer(disk);
  ASSERT_EQ(writer.Run(std::string("PRAGMA journal_mode=WAL; ") + kTable), SQLITE_OK);
  Connection reader(disk, SQLITE_OPEN_READONLY);
  ASSERT_EQ(reader.Run("BEGIN"), SQLITE_OK);
  EXPECT_EQ(reader.Ask("SELECT count(*) FROM t"), "0");
  Connection other(disk);
  ASSERT_EQ(writer.Run("BEGIN IMMEDIATE; " + Insert(1)), SQLITE_OK);
  EXPECT_EQ(other.Run("BEGIN IMMEDIATE"), SQLITE_BUSY);
  ASSERT_EQ(writer.Run("COMMIT"), SQLITE_OK);
  EXPECT_EQ(other.Run("BEGIN IMMEDIATE; COMMIT"), SQLITE_OK);
  EXPECT_EQ(reader.Ask("SELECT count(*) FROM t"), "0");
  // The checkpoint may not pass the reader's snapshot: its first column says busy.
  EXPECT_EQ(writer.Ask("PRAGMA wal_checkpoint(TRUNCATE)"), "1");
  ASSERT_EQ(reader.Run("COMMIT"), SQLITE_OK);
  EXPECT_EQ(reader.Ask("SELECT count(*) FROM t"), "1");
  EXPECT_EQ(writer.Ask("PRAGMA wal_checkpoint(TRUNCATE)"), "0");
}

SimDisk::Files FilesAfterAPowerCut(std::uint64_t seed) {
  SimDisk disk("unit", seed);
  disk.FailCall(Call::kSync, 5, Fault::kPowerCut);
  InsertRows(disk, "PRAGMA journal_mode=WAL");
  EXPECT_TRUE(disk.fault_struck());
  return disk.Copy();
}

TEST(SimDisk, TheSameSeedGivesTheSameBytesAndAnotherGivesOthers) {
  EXPECT_EQ(FilesAfterAPowerCut(5), FilesAfterAPowerCut(5));
  EXPECT_NE(FilesAfterAPowerCut(5), FilesAfterAPowerCut(6));
}

TEST(SimDisk, FilesCopiedFromOneDiskAreADatabaseOnAnother) {
  SimDisk first("first", 1);
  EXPECT_EQ(InsertRows(first, "PRAGMA journal_mode=WAL").acknowledged_count, kRowCount);
  SimDisk second("second", 2);
  second.Put(first.Copy());
  second.PowerCut();  // What was put is durable.
  EXPECT_EQ(RowsAfterRestart(second), kRowCount);
  EXPECT_GT(second.calls(Call::kRead), 0u);
  EXPECT_EQ(second.calls(Call::kWrite), 0u);
}

}  // namespace
}  // namespace edcsync::testing
