// Disks are lost, with all that was on them; each side stands up again from its backup or from what
// the other still has. At the end no acknowledged revision is missing as long as one edge has it.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

namespace fs = std::filesystem;

std::string NextBackup(Trial& trial) { return trial.PathOf("backup-" + trial.Unique()); }

std::size_t FilesIn(const std::string& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(Disaster, AnEdgeWhoseDataDiskIsLostIsFilledWithAllThatItDelivered) {
  Trial trial;
  trial.StartGateway();
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  const Lines lines = RecordsOf("SITE.702", 3);
  kisumu.Start();
  kisumu.Capture(Slice(lines, 0, 60));
  kisumu.AwaitDelivered();
  kisumu.Cut();
  const Lines lost = Slice(lines, 60, 5);
  kisumu.Capture(lost);  // Never leaves this disk.
  kisumu.Kill();
  fs::remove_all(kisumu.DataFile(""));
  trial.Forget(lost);
  kisumu.link().Restore();
  kisumu.Start();
  kisumu.AwaitStopped("incarnation_mismatch");
  const Ran readmitted = trial.Centre({"edge", "readmit", "kisumu", "--reason", "Disk lost"});
  EXPECT_EQ(readmitted.exit_code, 0) << readmitted.err;
  EXPECT_NE(readmitted.out.find("through sequence 60"), std::string::npos) << "the known loss";
  kisumu.SyncNow();
  kisumu.AwaitLive();
  kisumu.Capture(Slice(lines, 70, 10));
  trial.ExpectEverythingOnce();
}

TEST(Disaster, RestoreOfAnEdgeChecksTheBackupKeepsTheFormerDatabaseAndSaysWhatComesNext) {
  Trial trial;
  trial.StartGateway();
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  const Lines lines = RecordsOf("SITE.702", 3);
  kisumu.Start();
  kisumu.Capture(Slice(lines, 0, 40));
  kisumu.AwaitDelivered();
  const std::string backup = NextBackup(trial);
  const Ran made = kisumu.Agent({"backup", backup, "--verify"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_NE(made.out.find("verified whole: 40 captured"), std::string::npos) << made.out;
  kisumu.Capture(Slice(lines, 40, 20));
  kisumu.AwaitDelivered();
  EXPECT_EQ(kisumu.Agent({"restore", backup}).exit_code, 1) << "while the agent runs";
  kisumu.Stop();
  const std::string damaged = backup + ".damaged";
  fs::copy_file(backup, damaged);
  {
    std::fstream file(damaged, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(fs::file_size(damaged) / 8192 * 4096));
    file << std::string(4096, '\xff');
  }
  const std::size_t files = FilesIn(kisumu.DataFile(""));
  EXPECT_EQ(kisumu.Agent({"restore", damaged}).exit_code, 1);
  EXPECT_EQ(kisumu.Status()["captured"], 60) << "a refused restore altered the database";
  EXPECT_LE(FilesIn(kisumu.DataFile("")), files + 2) << "-wal and -shm of the reader";
  const Ran restored = kisumu.Agent({"restore", backup});
  EXPECT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_NE(restored.out.find("edge readmit kisumu"), std::string::npos) << restored.out;
  EXPECT_NE(restored.out.find("edge.db.before-"), std::string::npos) << restored.out;
  kisumu.Start();
  kisumu.SyncNow();
  kisumu.AwaitStopped("incarnation_mismatch");
  EXPECT_EQ(trial.Centre({"edge", "readmit", "kisumu", "--reason", "Restored"}).exit_code, 0);
  EXPECT_EQ(kisumu.Agent({"sync", "new-incarnation"}).exit_code, 0);
  kisumu.AwaitLive();
  trial.ExpectEverythingOnce();
}

TEST(Disaster, ARestoreThatWasCutOffNeverBecomesAnEmptyDatabase) {
  Trial trial;
  trial.StartGateway();
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  kisumu.Start();
  kisumu.Capture(Slice(RecordsOf("SITE.702", 3), 0, 5));
  kisumu.AwaitDelivered();
  kisumu.Stop();
  const std::string backup = NextBackup(trial);
  EXPECT_EQ(kisumu.Agent({"backup", backup}).exit_code, 0);
  fs::rename(kisumu.DataFile("edge.db"), kisumu.DataFile("edge.db.before-now"));
  fs::copy_file(backup, kisumu.DataFile("edge.db.restoring"));
  const Ran refused = kisumu.Agent({"run"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.err.find("restore"), std::string::npos) << refused.err;
  EXPECT_EQ(kisumu.Agent({"restore", backup}).exit_code, 0);
  kisumu.Start();
  trial.ExpectEverythingOnce();
}

TEST(Disaster, DatedBackupsAreVerifiedAndTheNewestKept) {
  Trial trial;
  trial.StartGateway();
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  kisumu.Start();
  const std::string folder = NextBackup(trial);
  fs::create_directory(folder);
  std::ofstream(folder + "/edge-kisumu-notes.db") << "not ours";
  for (const char* old : {"edge-kisumu-20200101T000000Z.db", "edge-kisumu-20200102T000000Z.db",
                          "central-20200101T000000Z.db"}) {
    std::ofstream(folder + "/" + old) << "old";
  }
  EXPECT_EQ(kisumu.Agent({"backup", folder, "--keep", "2"}).exit_code, 0);
  EXPECT_EQ(trial.Centre({"backup", folder, "--keep", "1"}).exit_code, 0);
  EXPECT_FALSE(fs::exists(folder + "/edge-kisumu-20200101T000000Z.db"));
  EXPECT_TRUE(fs::exists(folder + "/edge-kisumu-20200102T000000Z.db"));
  EXPECT_FALSE(fs::exists(folder + "/central-20200101T000000Z.db"));
  EXPECT_TRUE(fs::exists(folder + "/edge-kisumu-notes.db"));
  EXPECT_EQ(FilesIn(folder), 4u);
}

// The centre of three sites loses its machine; one site is offline all the while.
TEST(Disaster, ACentreThatLostItsDiskStandsUpFromYesterdaysBackupAndLosesNothingAnEdgeHas) {
  Trial trial;
  trial.StartGateway();
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  Site& gulu = trial.AddSite("gulu", "SITE.705");
  const Lines of_kisumu = RecordsOf("SITE.702", 3), of_tororo = RecordsOf("SITE.703"),
              of_gulu = RecordsOf("SITE.705");
  for (Site* site : {&kisumu, &tororo, &gulu}) site->Start();
  kisumu.Capture(Slice(of_kisumu, 0, 40));
  tororo.Capture(Slice(of_tororo, 0, 40));
  gulu.Capture(Slice(of_gulu, 0, 20));
  for (Site* site : {&kisumu, &tororo, &gulu}) site->AwaitDelivered();

  const std::string backup = NextBackup(trial), keys = NextBackup(trial);
  const Ran made = trial.Centre({"backup", backup, "--full", "--keys", keys, "--verify"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  for (const auto& entry : fs::recursive_directory_iterator(backup)) {
    EXPECT_NE(entry.path().extension(), ".key") << "a key lies beside the backup";
  }

  // After the backup: acknowledged captures, edits online, and a conflict that is decided.
  kisumu.Capture(Slice(of_kisumu, 40, 30));
  gulu.Capture(Slice(of_gulu, 20, 20));
  const std::string form = of_tororo[0], item = ItemName(form, 0);
  tororo.Cut();
  trial.EditOnline({Edited(form, item, "1931-01-01", "dm.okello")});
  tororo.Capture({Edited(form, item, "1931-01-31", "nurse-2")});
  tororo.Restore();
  tororo.AwaitDelivered();
  const SortedJson conflicts = trial.CentreJson({"conflict", "list"});
  ASSERT_EQ(conflicts.size(), 1u);
  const std::string id = conflicts[0]["conflictId"], take = tororo.Record(form)["heads"][0];
  const Ran decided = trial.Centre({"conflict", "resolve", id, "--take", take, "--user",
                                    "dm.okello", "--reason", "Source document"});
  ASSERT_EQ(decided.exit_code, 0) << decided.err;
  Await("the decision reached the site", [&] { return tororo.Status()["conflictsOpen"] == 0; });
  for (Site* site : {&kisumu, &gulu}) site->AwaitDelivered();
  gulu.Cut();  // Offline during the loss and the restore, with work of its own.
  gulu.Capture(Slice(of_gulu, 40, 10));

  trial.KillGateway();
  fs::remove_all(trial.GatewayDir());
  std::ofstream(backup + "/planted") << "x";
  EXPECT_EQ(trial.Centre({"restore", backup, "--keys", keys}).exit_code, 1)
      << "a file that is not in the manifest";
  fs::remove(backup + "/planted");
  const Ran restored = trial.Centre({"restore", backup, "--keys", keys});
  ASSERT_EQ(restored.exit_code, 0) << restored.out << restored.err;
  EXPECT_NE(restored.out.find("signatures"), std::string::npos) << "the known hole is named";
  trial.StartGateway();
  kisumu.SyncNow();
  tororo.SyncNow();
  kisumu.AwaitLive();
  tororo.AwaitLive();
  gulu.Restore();
  gulu.AwaitLive();
  kisumu.Capture(Slice(of_kisumu, 70, 5));
  Await("the decision came back", [&] { return trial.CentreJson({"conflict", "list"}).empty(); });
  trial.ExpectEverythingOnce(/*made_there=*/1);
  EXPECT_EQ(trial.CentreJson({"status"})["decisionsUnsignedSinceRestore"], 1);
  const Ran examined = trial.Centre({"doctor", "--deep"});
  EXPECT_EQ(examined.exit_code, 0) << examined.out;
  EXPECT_NE(examined.out.find("1 decisions came back from sites"), std::string::npos);
}

TEST(Disaster, AnEdgeThatWasRevokedAfterTheBackupStaysRevoked) {
  Trial trial;
  trial.StartGateway();
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  kisumu.Start();
  tororo.Start();
  const Lines lines = RecordsOf("SITE.703");
  tororo.Capture(Slice(lines, 0, 10));
  tororo.AwaitDelivered();
  const std::string backup = NextBackup(trial);
  EXPECT_EQ(trial.Centre({"backup", backup}).exit_code, 0);
  EXPECT_EQ(trial.Centre({"edge", "revoke", "kisumu", "--reason", "Stolen"}).exit_code, 0);
  trial.StopGateway();
  const Ran restored = trial.Centre({"restore", backup});
  EXPECT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_NE(restored.out.find("Edge kisumu stays revoked"), std::string::npos) << restored.out;
  EXPECT_EQ(trial.Edge("kisumu")["standing"], "revoked");
  EXPECT_EQ(trial.Edge("tororo")["standing"], "active");
  trial.StartGateway();
  tororo.SyncNow();
  tororo.Capture(Slice(lines, 10, 5));
  trial.ExpectEverythingOnce(0, {"kisumu"});
}

TEST(Disaster, AnEdgeThatWasAddedAfterTheBackupIsAddedAgainAndGivesEverything) {
  Trial trial;
  trial.StartGateway();
  const std::string backup = NextBackup(trial);
  EXPECT_EQ(trial.Centre({"backup", backup}).exit_code, 0);
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  tororo.Start();
  const Lines lines = RecordsOf("SITE.703");
  tororo.Capture(Slice(lines, 0, 20));
  tororo.AwaitDelivered();
  trial.StopGateway();
  EXPECT_EQ(trial.Centre({"restore", backup}).exit_code, 0);
  trial.StartGateway();
  tororo.Capture(Slice(lines, 20, 5));
  tororo.Stop();
  const std::string bundle = trial.PathOf("tororo-anew");
  const Ran added = trial.Centre({"edge", "add", "tororo", "--site", "SITE.703", "--out", bundle});
  EXPECT_EQ(added.exit_code, 0) << added.err;
  for (const char* name : {"edge.crt", "edge.key"}) {
    fs::copy_file(bundle + "/" + name, tororo.dir() + "/" + name,
                  fs::copy_options::overwrite_existing);
  }
  tororo.Start();
  tororo.SyncNow();
  trial.ExpectEverythingOnce();
}

TEST(Disaster, ABrokerThatLostAllItsFilesIsMadeAnewAndNothingIsLost) {
  Trial trial;
  trial.StartGateway();
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  const Lines lines = RecordsOf("SITE.702", 3);
  kisumu.Start();
  kisumu.Capture(Slice(lines, 0, 30));
  kisumu.AwaitDelivered();
  ASSERT_EQ(::kill(trial.BrokerProcess(), SIGKILL), 0);
  fs::rename(trial.GatewayDir() + "/broker", trial.PathOf("lost"));
  kisumu.Capture(Slice(lines, 30, 30));
  trial.StopGateway();
  trial.StartGateway();
  kisumu.SyncNow();
  trial.ExpectEverythingOnce();
}

}  // namespace
}  // namespace edcsync::testing
