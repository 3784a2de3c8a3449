// The same forms change at a site and online at the centre while they are apart.
#include <gtest/gtest.h>

#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

// A site that is live, has delivered one form, and was then cut off.
class Conflict : public ::testing::Test {
 protected:
  void SetUp() override {
    trial_.StartGateway();
    site_.Start();
    site_.Capture({form_});
    site_.AwaitDelivered();
    site_.Cut();
  }

  void AwaitBothHeads(std::size_t conflicts) {
    site_.Restore();
    site_.AwaitDelivered();
    Await("the site knows the conflicts",
          [&] { return site_.Status()["conflictsOpen"] == conflicts; });
    EXPECT_EQ(trial_.CentreJson({"conflict", "list"}).size(), conflicts);
  }

  // The items that Edited() changes in `line`, as `record` shows them.
  static SortedJson ItemsOf(const SortedJson& record, const std::string& line) {
    const SortedJson edited = SortedJson::parse(line)["itemGroups"][0];
    for (const SortedJson& group : record["current"]["itemGroups"]) {
      if (group["itemGroupOID"] == edited["itemGroupOID"] &&
          group["itemGroupRepeatKey"] == edited["itemGroupRepeatKey"]) {
        return group["items"];
      }
    }
    return {};
  }

  Trial trial_;
  Site& site_ = trial_.AddSite("tororo", "SITE.703");
  const std::string form_ = RecordsOf("SITE.703")[0];
  const std::string first_ = ItemName(form_, 0);
  const std::string second_ = ItemName(form_, 1);
};

TEST_F(Conflict, TwoValuesOfOneItemWaitForADataManagerWhoseDecisionReachesTheSite) {
  const std::string at_site = Edited(form_, first_, "1931-01-01", "nurse");
  const std::string online = Edited(form_, first_, "1931-12-31", "monitor");
  site_.Capture({at_site});
  trial_.EditOnline({online});
  AwaitBothHeads(1);
  const SortedJson conflict = trial_.CentreJson({"conflict", "list"})[0];
  const std::string id = conflict["conflictId"];
  EXPECT_EQ(conflict["severity"], "hard");
  const SortedJson shown = trial_.CentreJson({"conflict", "show", id});
  ASSERT_EQ(shown["headRevisions"].size(), 2u);
  ASSERT_EQ(shown["dispute"].size(), 1u);
  std::string chosen;
  for (const SortedJson& head : shown["headRevisions"]) {
    if (head["user"] == "nurse") chosen = head["revisionId"];
  }
  EXPECT_EQ(shown["dispute"][0]["values"][chosen], "1931-01-01");
  EXPECT_NE(trial_.Centre({"conflict", "resolve", id, "--take", chosen}).exit_code, 0)
      << "A decision without a reason was taken";
  const SortedJson resolved =
      trial_.CentreJson({"conflict", "resolve", id, "--take", chosen, "--reason",
                         "Source document seen", "--user", "dm"});
  trial_.ExpectEverythingOnce(/*made_there=*/1);
  const SortedJson record = site_.Record(form_);
  EXPECT_EQ(record["current"]["revisionId"], resolved["revisionId"]);
  EXPECT_EQ(record["current"]["version"], 3);
  EXPECT_EQ(ItemsOf(record, form_)[first_], "1931-01-01");
  EXPECT_TRUE(record["conflict"].is_null());
  EXPECT_TRUE(trial_.CentreJson({"conflict", "list"}).empty());
}

TEST_F(Conflict, WhereTheSiteEndorsesAProposalIsAppliedOnlyByItsWordWhateverEndsOnTheWay) {
  EXPECT_EQ(
      trial_.Centre({"study", "resolution", kStudy, "site_endorsed", "--user", "dm"}).exit_code, 0);
  site_.Capture({Edited(form_, first_, "1931-01-01", "nurse")});
  trial_.EditOnline({Edited(form_, first_, "1931-12-31", "monitor")});
  AwaitBothHeads(1);
  const std::string id = trial_.CentreJson({"conflict", "list"})[0]["conflictId"];
  std::string chosen;
  const SortedJson conflict = trial_.CentreJson({"conflict", "show", id});
  for (const SortedJson& head : conflict["headRevisions"]) {
    if (head["user"] == "nurse") chosen = head["revisionId"];
  }
  const std::vector<std::string> decision = {id,       "--take", chosen, "--reason", "Source seen",
                                             "--user", "dm"};
  std::vector<std::string> resolve = {"conflict", "resolve"};
  resolve.insert(resolve.end(), decision.begin(), decision.end());
  EXPECT_NE(trial_.Centre(resolve).exit_code, 0) << "Decided without the site";
  std::vector<std::string> propose = {"conflict", "propose"};
  propose.insert(propose.end(), decision.begin(), decision.end());
  trial_.CentreJson(propose);
  const auto waiting = [&] { return site_.AgentJson({"endorse", "list"})["proposals"]; };
  Await("the site has the proposal", [&] { return waiting().size() == 1; });
  const std::string first = waiting()[0]["proposalId"];
  const SortedJson shown = site_.AgentJson({"endorse", "show", first});
  ASSERT_EQ(shown["items"].size(), 1u);
  EXPECT_EQ(shown["items"][0]["after"]["value"], "1931-01-01");

  EXPECT_EQ(site_
                .Agent({"endorse", "reject", first, "--user", "investigator", "--reason",
                        "The source was corrected"})
                .exit_code,
            0);
  Await("the centre has the rejection", [&] {
    return site_.AgentJson({"endorse", "show", first})["answer"]["told"] == true;
  });
  EXPECT_EQ(trial_.CentreJson({"conflict", "list"}).size(), 1u);

  trial_.CentreJson(propose);
  Await("the site has the second proposal", [&] { return waiting().size() == 1; });
  const std::string second = waiting()[0]["proposalId"];
  site_.Cut();
  EXPECT_EQ(site_.Agent({"endorse", "accept", second, "--user", "investigator"}).exit_code, 0);
  EXPECT_TRUE(trial_.CentreJson({"conflict", "list"}).size() == 1) << "It cannot know yet";
  site_.Kill();
  trial_.KillGateway();
  trial_.StartGateway();
  site_.Start();
  site_.Restore();
  Await("the endorsed resolution has come back with the feed",
        [&] { return site_.Record(form_)["current"]["origin"] == "resolution"; });
  trial_.ExpectEverythingOnce(/*made_there=*/1);
  EXPECT_EQ(ItemsOf(site_.Record(form_), form_)[first_], "1931-01-01");
  EXPECT_TRUE(trial_.CentreJson({"conflict", "list"}).empty());
}

TEST_F(Conflict, ChangesOfDifferentItemsAreFlaggedSoftUnlessThePolicyMergesThem) {
  const std::string history = RecordsOf("SITE.703")[2];  // Another form, another policy.
  site_.Restore();
  site_.Capture({history});
  site_.AwaitDelivered();
  site_.Cut();
  const std::string merged_form = SortedJson::parse(history)["formOID"];
  EXPECT_EQ(
      trial_.Centre({"study", "policy", kStudy, "merge_disjoint", "--form", merged_form}).exit_code,
      0);
  site_.Capture({Edited(form_, first_, "1931-01-01", "nurse"),
                 Edited(history, ItemName(history, 0), "site's", "nurse")});
  trial_.EditOnline({Edited(form_, second_, "99", "monitor"),
                     Edited(history, ItemName(history, 1), "centre's", "monitor")});
  AwaitBothHeads(1);
  EXPECT_EQ(trial_.CentreJson({"conflict", "list"})[0]["severity"], "soft");
  trial_.ExpectEverythingOnce(/*made_there=*/1);
  const SortedJson record = site_.Record(history);
  EXPECT_EQ(record["current"]["origin"], "merge");
  EXPECT_EQ(ItemsOf(record, history)[ItemName(history, 0)], "site's");
  EXPECT_EQ(ItemsOf(record, history)[ItemName(history, 1)], "centre's");
}

TEST_F(Conflict, TheSameChangeOnBothSidesConvergesAndNobodyIsAsked) {
  site_.Capture({Edited(form_, first_, "1931-01-01", "nurse")});
  trial_.EditOnline({Edited(form_, first_, "1931-01-01", "monitor")});
  AwaitBothHeads(0);
  trial_.ExpectEverythingOnce(/*made_there=*/1);
  EXPECT_EQ(site_.Record(form_)["current"]["origin"], "convergence");
}

TEST_F(Conflict, AFormEditedOnlineAloneReachesTheSiteAndIsNoConflict) {
  trial_.EditOnline({Edited(form_, first_, "1931-12-31", "monitor")});
  site_.Restore();
  trial_.ExpectEverythingOnce();
  EXPECT_EQ(ItemsOf(site_.Record(form_), form_)[first_], "1931-12-31");
  site_.Capture({Edited(form_, first_, "1931-01-01", "nurse")});  // On top of it.
  trial_.ExpectEverythingOnce();
  EXPECT_EQ(trial_.CentreJson({"status"})["conflictsOpen"], 0);
  EXPECT_EQ(trial_.CentreJson({"status"})["conflictsEnded"], 0);
}

TEST_F(Conflict, ALockRefusesCaptureOnceKnownAndWhatCameBeforeWaitsForItsRelease) {
  const std::string subject = SortedJson::parse(form_)["subjectKey"];
  const std::string edited = Edited(form_, first_, "1931-01-01", "nurse");
  const Ran locked = trial_.Centre(
      {"lock", "set", "subject", kStudy, subject, "--reason", "Database lock", "--user", "dm"});
  EXPECT_EQ(locked.exit_code, 0) << locked.err;
  site_.Capture({edited});  // It cannot know yet.
  trial_.Forget({edited});
  site_.Restore();
  site_.AwaitDelivered();
  const SortedJson waiting = trial_.CentreJson({"quarantine", "list"});
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0]["reason"], "locked");
  trial_.ExpectCentreHolds();
  Await("the site knows the lock and its waiting revision", [&] {
    const SortedJson status = site_.Status();
    return status["locks"] == 1 && status["quarantined"] == 1;
  });
  const std::string refused = site_.FileOf({Edited(form_, first_, "1931-02-02", "nurse")});
  const Ran submitted = site_.Agent({"submit", refused});
  EXPECT_EQ(submitted.exit_code, 1);
  EXPECT_NE(submitted.err.find("locked"), std::string::npos) << submitted.err;
  const Ran released = trial_.Centre({"quarantine", "release", waiting[0]["revisionId"], "--reason",
                                      "Entered before the lock", "--user", "dm"});
  EXPECT_EQ(released.exit_code, 0) << released.err;
  trial_.Expect({edited});
  trial_.ExpectEverythingOnce();
  Await("nothing of the site waits any more", [&] { return site_.Status()["quarantined"] == 0; });
  EXPECT_EQ(trial_
                .Centre({"lock", "clear", "subject", kStudy, subject, "--reason", "Reopened",
                         "--user", "dm"})
                .exit_code,
            0);
  Await("the site knows that the lock is gone", [&] { return site_.Status()["locks"] == 0; });
  site_.Capture({Edited(form_, first_, "1931-02-02", "nurse")});
  trial_.ExpectEverythingOnce();
}

}  // namespace
}  // namespace edcsync::testing
