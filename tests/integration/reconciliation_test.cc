// Site and centre are compared revision by revision: equal sides cost kilobytes, what one of them
// lost is named and brought back, nothing is named that only came late, and both sides sign the
// report.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include "shared/storage/database.h"
#include "tests/support/raw_edge.h"
#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

// Changes a database behind its program's back, as a failing disk or an administrator could.
void Damage(const std::string& path, const std::string& sql) {
  DatabaseOptions options;
  options.path = path;
  options.create = false;
  const Result<std::unique_ptr<Database>> database = Database::Open(options);
  ASSERT_TRUE(database.ok()) << database.error().ToString();
  const Status done = (*database)->Execute(
      "PRAGMA foreign_keys = OFF; DROP TRIGGER IF EXISTS revision_is_never_removed; " + sql);
  ASSERT_TRUE(done.ok()) << done.error().ToString();
}

struct Reconciled {
  int exit_code = 0;
  SortedJson rows;
};

Reconciled Reconcile(Trial& trial, const std::string& site, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"--json", "reconcile", "--site", site};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Ran ran = trial.Centre(arguments);
  SortedJson rows = SortedJson::parse(ran.out, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(rows.is_array()) << ran.out << ran.err;
  return {ran.exit_code, std::move(rows)};
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteAll(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

TEST(Reconciliation, EqualSidesCostKilobytesAndBothSignTheReport) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  const Lines lines = RecordsOf("SITE.703");
  tororo.Start();
  tororo.Capture(lines);
  tororo.AwaitDelivered();
  const std::string file = trial.PathOf("report.json");
  const Reconciled done = Reconcile(trial, "SITE.703", {"--out", file});
  EXPECT_EQ(done.exit_code, 0);
  ASSERT_EQ(done.rows.size(), 1u);
  EXPECT_EQ(done.rows[0]["state"], "equal");
  EXPECT_EQ(done.rows[0]["siteRevisions"], lines.size());
  EXPECT_EQ(done.rows[0]["centreRevisions"], lines.size());
  EXPECT_TRUE(done.rows[0]["signedBySite"].get<bool>());
  EXPECT_LT(done.rows[0]["bytesDown"].get<int>() + done.rows[0]["bytesUp"].get<int>(), 16 * 1024);
  const Ran verified = trial.Centre({"reconcile", "verify", file});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  EXPECT_NE(verified.out.find("site: tororo, site SITE.703"), std::string::npos) << verified.out;

  const SortedJson whole = SortedJson::parse(ReadAll(file));
  for (const char* part :
       {"/reports/0/report/result", "/reports/0/report/site/root", "/reports/0/report/centre/root",
        "/reports/0/report/asked_by", "/reports/0/signatures/site/signature",
        "/reports/0/signatures/centre/signature"}) {
    SortedJson altered = whole;
    std::string text = altered[SortedJson::json_pointer(part)].get<std::string>();
    text.back() = text.back() == '0' ? '1' : '0';
    altered[SortedJson::json_pointer(part)] = text;
    WriteAll(file, altered.dump(2));
    EXPECT_EQ(trial.Centre({"reconcile", "verify", file}).exit_code, 1) << part;
  }

  const SortedJson here = tororo.AgentJson({"reconcile", "list"});
  ASSERT_EQ(here["reconciliations"].size(), 1u);
  EXPECT_EQ(here["reconciliations"][0]["result"], "equal");
  const SortedJson shown = tororo.AgentJson(
      {"reconcile", "show", here["reconciliations"][0]["reconciliationId"].get<std::string>()});
  EXPECT_EQ(shown["report"], whole["reports"][0]["report"]);
  trial.ExpectEverythingOnce();
}

TEST(Reconciliation, WhatTheSiteLostIsNamedAndBroughtBackWhereItWas) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  const Lines lines = RecordsOf("SITE.703");
  tororo.Start();
  tororo.Capture(Slice(lines, 0, 40));
  tororo.Capture({Edited(lines[0], ItemName(lines[0], 0), "1931-01-01", "nurse-1")});
  tororo.AwaitDelivered();
  trial.EditOnline({Edited(lines[1], ItemName(lines[1], 0), "1931-01-02", "dm-1")});
  Await("the site has the online edit", [&] { return tororo.Status()["revisions"] == 42; });
  tororo.Stop();
  // A superseded one of its own, one that is a head, and the one made at the centre.
  Damage(tororo.DataFile("edge.db"), "DELETE FROM revision WHERE revision_rowid IN (1, 7, 42);");
  tororo.Start();
  EXPECT_EQ(tororo.Agent({"check"}).exit_code, 1);
  const Reconciled done = Reconcile(trial, "SITE.703");
  EXPECT_EQ(done.exit_code, 1);
  ASSERT_EQ(done.rows.size(), 1u);
  EXPECT_EQ(done.rows[0]["state"], "mended") << done.rows.dump(2);
  ASSERT_EQ(done.rows[0]["differences"].size(), 3u) << done.rows.dump(2);
  for (const SortedJson& one : done.rows[0]["differences"]) {
    EXPECT_EQ(one["found"], "missing_at_site");
    EXPECT_EQ(one["outcome"], "brought_back");
  }
  const Ran check = tororo.Agent({"check"});
  EXPECT_EQ(check.exit_code, 0) << check.out;
  EXPECT_EQ(Reconcile(trial, "SITE.703").exit_code, 0);
  trial.ExpectEverythingOnce();
}

TEST(Reconciliation, WhatTheCentreLostIsNamedAndTheSiteGivesItBack) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  const Lines lines = RecordsOf("SITE.703");
  tororo.Start();
  tororo.Capture(Slice(lines, 0, 40));
  tororo.Capture({Edited(lines[0], ItemName(lines[0], 0), "1931-01-01", "nurse-1")});
  tororo.AwaitDelivered();
  trial.EditOnline({Edited(lines[1], ItemName(lines[1], 0), "1931-01-02", "dm-1")});
  Await("the site has the online edit", [&] { return tororo.Status()["revisions"] == 42; });
  trial.StopGateway();
  Damage(trial.GatewayDir() + "/central.db",
         "DELETE FROM revision WHERE revision_rowid IN (1, 7, 42);");
  trial.StartGateway();
  tororo.SyncNow();
  const Reconciled done = Reconcile(trial, "SITE.703");
  EXPECT_EQ(done.exit_code, 1);
  ASSERT_EQ(done.rows.size(), 1u);
  EXPECT_EQ(done.rows[0]["state"], "mended") << done.rows.dump(2);
  ASSERT_EQ(done.rows[0]["differences"].size(), 3u) << done.rows.dump(2);
  for (const SortedJson& one : done.rows[0]["differences"]) {
    EXPECT_EQ(one["found"], "missing_at_centre");
    EXPECT_EQ(one["outcome"], "brought_back");
  }
  const Ran check = trial.Centre({"check"});
  EXPECT_EQ(check.exit_code, 0) << check.out;
  EXPECT_EQ(Reconcile(trial, "SITE.703").exit_code, 0);
  trial.ExpectEverythingOnce();
}

TEST(Reconciliation, NamesNoDifferenceWhileRecordsAreCapturedAndEdited) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  Site& second = trial.AddSite("tororo-2", "SITE.703");
  const Lines lines = RecordsOf("SITE.703", 4);
  tororo.Start();
  second.Start();
  tororo.Capture(Slice(lines, 0, 30));
  std::atomic<bool> enough = false;
  std::thread capturing([&] {
    for (std::size_t i = 30; i + 4 <= lines.size() && !enough; i += 4) {
      tororo.Capture(Slice(lines, i, 2));
      second.Capture(Slice(lines, i + 2, 2));
    }
  });
  for (int i = 0; i < 3; ++i) {
    const Reconciled done = Reconcile(trial, "SITE.703");
    EXPECT_EQ(done.exit_code, 0) << done.rows.dump(2);
    EXPECT_EQ(done.rows.size(), 2u);  // Each edge of the site.
  }
  enough = true;
  capturing.join();
  trial.ExpectEverythingOnce();
}

TEST(Reconciliation, OfASiteThatIsAwayIsDoneWhenItComesBack) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  tororo.Start();
  tororo.Capture(Slice(RecordsOf("SITE.703"), 0, 10));
  tororo.AwaitDelivered();
  tororo.Stop();
  trial.StopGateway();
  EXPECT_EQ(Reconcile(trial, "SITE.703", {"--wait", "1"}).exit_code, 3);
  trial.StartGateway();
  EXPECT_EQ(Reconcile(trial, "SITE.703", {"--wait", "1"}).exit_code, 3);
  tororo.Start();
  Await("the reconciliation is done", [&] {
    const SortedJson rows = trial.CentreJson({"reconcile", "list"});
    return rows.size() == 1 && rows[0]["state"] == "equal";
  });
}

// Nobody asks, nobody looks on: the schedule finds what a disk lost, has it mended and signed, and
// `status` and `edge list` tell it.
TEST(Reconciliation, OfTheScheduleNeedsNoPerson) {
  Trial trial;
  trial.Configure("reconcile", "every_hours = 1");
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  tororo.Start();
  tororo.Capture(Slice(RecordsOf("SITE.703"), 0, 30));
  tororo.AwaitDelivered();
  EXPECT_TRUE(trial.Edge("tororo")["comparedAt"].is_null());
  EXPECT_EQ(trial.Edge("tororo")["comparisonOverdue"], false);
  tororo.Stop();
  trial.StopGateway();
  EXPECT_EQ(trial.CentreJson({"reconcile", "list"}).size(), 0u);  // It was not due.
  Damage(tororo.DataFile("edge.db"),
         "DROP TRIGGER revision_is_never_altered; DELETE FROM revision WHERE revision_rowid = 4; "
         "UPDATE revision SET sealed = zeroblob(length(sealed)) WHERE revision_rowid = 9;");
  // Two hours later.
  Damage(trial.GatewayDir() + "/central.db",
         "UPDATE edge SET added_at_ms = added_at_ms - 2 * 3600 * 1000;");
  EXPECT_EQ(trial.Edge("tororo")["comparisonOverdue"], true);
  EXPECT_NE(trial.Centre({"edge", "list"}).out.find("never compared with the centre, overdue"),
            std::string::npos);
  trial.StartGateway();
  tororo.Start();
  SortedJson rows;
  Await("the schedule's reconciliation is done", [&] {
    rows = trial.CentreJson({"reconcile", "list"});
    return rows.size() == 1 && rows[0]["state"] != "waiting" && rows[0]["state"] != "running";
  });
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["askedBy"], "schedule");
  EXPECT_EQ(rows[0]["state"], "mended") << rows.dump(2);
  EXPECT_TRUE(rows[0]["signedByCentre"].get<bool>());
  EXPECT_TRUE(rows[0]["signedBySite"].get<bool>());
  const std::string id = rows[0]["reconciliationId"];
  const SortedJson shown = trial.CentreJson({"reconcile", "show", id});
  std::multiset<std::string> found;
  for (const SortedJson& one : shown[0]["differences"]) {
    found.insert(one["found"]);
    EXPECT_EQ(one["outcome"], "brought_back");
  }
  EXPECT_EQ(found, (std::multiset<std::string>{"damaged_at_site", "missing_at_site"}));
  const std::string file = trial.PathOf("report.json");
  EXPECT_EQ(trial.Centre({"reconcile", "show", id, "--out", file}).exit_code, 0);
  EXPECT_EQ(trial.Centre({"reconcile", "verify", file}).exit_code, 0);
  EXPECT_EQ(tororo.AgentJson({"reconcile", "list"})["reconciliations"][0]["result"], "mended");

  const SortedJson edge = trial.Edge("tororo");
  EXPECT_EQ(edge["comparison"], "mended");
  EXPECT_EQ(edge["comparisonDifferences"], 2);
  EXPECT_EQ(edge["comparisonNotBroughtBack"], 0);
  EXPECT_EQ(edge["comparisonOverdue"], false);
  EXPECT_EQ(trial.CentreJson({"status"})["edges"][0]["comparison"], "mended");
  EXPECT_NE(trial.Centre({"status"}).out.find("2 differences, all mended"), std::string::npos);
  EXPECT_EQ(tororo.Agent({"check"}).exit_code, 0);
  trial.ExpectEverythingOnce();
}

TEST(Reconciliation, GoesOnAfterEitherSideWasKilledInTheMiddle) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  tororo.Start();
  tororo.Capture(RecordsOf("SITE.703"));
  tororo.AwaitDelivered();
  tororo.Stop();
  Damage(tororo.DataFile("edge.db"),
         "DELETE FROM revision WHERE revision_rowid % 9 = 0 "
         "AND revision_rowid < (SELECT max(revision_rowid) FROM revision);");
  tororo.Start();
  EXPECT_EQ(Reconcile(trial, "SITE.703", {"--wait", "0"}).exit_code, 3);
  Await("it has begun", [&] {
    return trial.CentreJson({"reconcile", "list"})[0]["state"] != "waiting";
  });
  trial.KillGateway();
  tororo.Kill();
  trial.StartGateway();
  tororo.Start();
  Await("the reconciliation is done", [&] {
    return trial.CentreJson({"reconcile", "list"})[0]["state"] == "mended";
  });
  EXPECT_EQ(tororo.Agent({"check"}).exit_code, 0);
  trial.ExpectEverythingOnce();
}

TEST(Reconciliation, AnEdgeWhoseAnswersDoNotFitEndsItsOwnReconciliationAndNothingElse) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  RawEdge edge(tororo);
  edge.OpenSession();
  EXPECT_EQ(Reconcile(trial, "SITE.703", {"--wait", "0"}).exit_code, 3);
  std::optional<wire::Compare> asked;
  while (!asked) {
    const std::optional<wire::Frame> frame = edge.Next();
    ASSERT_TRUE(frame);
    if (const auto* compare = std::get_if<wire::Compare>(&*frame)) asked = *compare;
  }
  wire::Comparison answer;
  answer.epoch = Epoch(asked->epoch.value() + 1);
  answer.reconciliation = asked->reconciliation;
  answer.serial = asked->serial;
  edge.Send(answer);  // Of another session.
  EXPECT_EQ(edge.NextRefuse().reason, static_cast<std::uint16_t>(ErrorCode::kStaleEpoch));
  answer.epoch = asked->epoch;
  answer.point.sequence = Sequence(1'000'000);            // What it never sent,
  answer.nodes.push_back({Digest{}, ~std::uint64_t{0}});  // and more than there is.
  answer.statement = "{}";
  edge.Send(answer);
  Await("it has ended", [&] {
    return trial.CentreJson({"reconcile", "list"})[0]["state"] == "failed";
  });
  EXPECT_EQ(trial.Centre({"check"}).exit_code, 0);
}

}  // namespace
}  // namespace edcsync::testing
