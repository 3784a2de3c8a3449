// What a site enters is readable by those who may, and by nobody who has the files.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

namespace fs = std::filesystem;

// Every file below `folder` that holds `text`, but for what the test itself submitted.
std::vector<std::string> FilesWith(const std::string& folder, const std::string& text,
                                   std::size_t& read) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (!entry.is_regular_file() || name.starts_with("submit-") || name.starts_with("online-")) {
      continue;
    }
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    ++read;
    if (bytes.find(text) != std::string::npos) found.push_back(entry.path());
  }
  return found;
}

TEST(Secrecy, AKnownValueStandsInNoDatabaseBackupLogOrBrokerFile) {
  const std::string value = "Zürich-Ω-planted-5d41402abc4b";
  const std::string reason = "planted-reason-7b0f2c9e";
  const auto planted = [&](const std::string& line, std::size_t item, const std::string& tail) {
    SortedJson json = SortedJson::parse(Edited(line, ItemName(line, item), value + tail, "nurse"));
    json["reasonForChange"] = reason;
    return json.dump();
  };
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  const Lines lines = Slice(RecordsOf("SITE.703"), 0, 60);
  tororo.Start();
  tororo.Capture(lines);
  tororo.AwaitDelivered();
  tororo.Cut();
  // Dates, numbers and code lists too, so that nonconformance is noted; a conflict; a quarantine.
  Lines changes;
  for (std::size_t i = 0; i < 40; ++i) changes.push_back(planted(lines[i], 0, ""));
  const std::string late = planted(lines[50], 0, "-late");
  tororo.Capture(changes);
  tororo.Capture({late});
  trial.EditOnline({planted(lines[0], 0, "-online")});
  EXPECT_EQ(trial.Centre({"lock", "set", "form", kStudy, KeyOf(lines[50]), "--reason", "Cleaned"})
                .exit_code,
            0);
  trial.Forget({late});
  tororo.Restore();
  tororo.AwaitDelivered();
  EXPECT_EQ(trial.CentreJson({"conflict", "list"}).size(), 1u);
  EXPECT_EQ(trial.CentreJson({"quarantine", "list"}).size(), 1u);
  EXPECT_EQ(trial.Centre({"backup", trial.PathOf("centre-backup.db")}).exit_code, 0);
  EXPECT_EQ(tororo.Agent({"backup", trial.PathOf("edge-backup.db")}).exit_code, 0);
  const auto search = [&](const char* when) {
    for (const std::string& text : {value, reason}) {
      std::size_t read = 0;
      const std::vector<std::string> found = FilesWith(trial.PathOf(""), text, read);
      EXPECT_GT(read, 20u);
      for (const std::string& file : found) ADD_FAILURE() << text << " in " << file << " " << when;
    }
  };
  search("while all runs");
  EXPECT_NE(trial.Centre({"export"}).out.find(value), std::string::npos);
  EXPECT_NE(tororo.Agent({"export", "--history"}).out.find(reason), std::string::npos);
  trial.ExpectCentreHolds();
  tororo.Stop();
  trial.StopGateway();
  search("after all has stopped");
}

}  // namespace
}  // namespace edcsync::testing
