// An edge whose database is an old copy is refused and reported; nothing is merged by guess. A
// person lets it begin a new incarnation, and everything is there once.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

namespace fs = std::filesystem;

// Stops the agent and puts `backup` in the place of its database.
void Restore(Site& site, const std::string& backup) {
  site.Stop();
  for (const char* name : {"edge.db", "edge.db-wal", "edge.db-shm"}) {
    fs::remove(site.DataFile(name));
  }
  fs::copy_file(backup, site.DataFile("edge.db"));
}

void ExpectRefusedAndReported(Trial& trial, Site& site) {
  site.SyncNow();
  site.AwaitStopped("incarnation_mismatch");
  const SortedJson row = trial.Edge(site.edge());
  EXPECT_EQ(row["standing"], "suspended");
  EXPECT_FALSE(row["standingReason"].get<std::string>().empty());
  EXPECT_EQ(site.Status()["sync"]["state"], "stopped");
}

void BeginNewIncarnation(Trial& trial, Site& site) {
  const Ran readmitted =
      trial.Centre({"edge", "readmit", site.edge(), "--reason", "Restored after a disk fault"});
  EXPECT_EQ(readmitted.exit_code, 0) << readmitted.err;
  const Ran begun = site.Agent({"sync", "new-incarnation"});
  EXPECT_EQ(begun.exit_code, 0) << begun.err;
  site.AwaitLive();
}

TEST(RestoredDatabase, IsRefusedAndFilledFromTheCentreOnceAPersonReadmitsIt) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  const Lines lines = RecordsOf("SITE.703");
  tororo.Start();
  tororo.Capture(Slice(lines, 0, 40));
  tororo.AwaitDelivered();
  const std::string backup = trial.PathOf("tororo-backup.db");
  EXPECT_EQ(tororo.Agent({"backup", backup}).exit_code, 0);
  tororo.Capture(Slice(lines, 40, 30));
  tororo.AwaitDelivered();
  Restore(tororo, backup);
  tororo.Start();
  ExpectRefusedAndReported(trial, tororo);
  trial.ExpectCentreHolds();
  BeginNewIncarnation(trial, tororo);
  tororo.Capture(Slice(lines, 70, 10));
  trial.ExpectEverythingOnce();
}

TEST(RestoredDatabase, ThatCapturedMoreBeforeItReconnectsIsRefusedAndMergedOnlyWhenReadmitted) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  const Lines lines = RecordsOf("SITE.703");
  tororo.Start();
  tororo.Capture(Slice(lines, 0, 40));
  tororo.AwaitDelivered();
  const std::string backup = trial.PathOf("tororo-backup.db");
  EXPECT_EQ(tororo.Agent({"backup", backup}).exit_code, 0);
  tororo.Capture(Slice(lines, 40, 30));
  const std::string form = lines[0];
  const std::string item = ItemName(form, 0);
  tororo.Capture({Edited(form, item, "1931-01-01", "nurse-1")});
  tororo.AwaitDelivered();
  tororo.Cut();
  Restore(tororo, backup);
  tororo.Start();
  // Other revisions under sequences that the centre knows, and beyond them; one of them a change
  // of what the lost days had changed too.
  const Lines offline = Slice(lines, 200, 50);
  tororo.Capture(offline);
  const std::string other = Edited(form, item, "1931-01-31", "nurse-2");
  tororo.Capture({other});
  tororo.Restore();
  ExpectRefusedAndReported(trial, tororo);
  trial.Forget(offline);
  trial.Forget({other});
  trial.ExpectCentreHolds();
  BeginNewIncarnation(trial, tororo);
  trial.Expect(offline);
  trial.Expect({other});
  trial.ExpectEverythingOnce();
  const SortedJson conflicts = trial.CentreJson({"conflict", "list"});
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0]["key"], tororo.Record(form)["key"]);
}

TEST(RestoredDatabase, AClonedDatabaseOnASecondMachineIsRefusedAndTheEdgeReported) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  const Lines lines = RecordsOf("SITE.703");
  tororo.Start();
  tororo.Capture(Slice(lines, 0, 20));
  tororo.AwaitDelivered();
  const std::string clone = trial.PathOf("tororo-clone");
  tororo.Stop();
  fs::copy(tororo.dir(), clone, fs::copy_options::recursive);
  tororo.Start();
  tororo.Capture(Slice(lines, 20, 20));
  tororo.AwaitDelivered();
  tororo.Stop();
  Process cloned({tororo.CommandLine({})[0], "--dir", clone, "run"}, trial.LogOf("clone"));
  Await("the gateway has suspended the edge",
        [&] { return trial.Edge("tororo")["standing"] == "suspended"; });
  cloned.Kill();
  trial.ExpectCentreHolds();
}

}  // namespace
}  // namespace edcsync::testing
