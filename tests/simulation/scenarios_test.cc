// Single stories in a world without chance: what a failure or a review once taught, told step by
// step and judged by the same checkers as the worlds by seed.
#include <gtest/gtest.h>

#include "central-gateway/admin/study_admin.h"
#include "central-gateway/desk/conflict_desk.h"
#include "tests/simulation/checkers.h"
#include "tests/simulation/world.h"

namespace edcsync::simulation {
namespace {

class Scenario : public ::testing::Test {
 protected:
  Scenario() {
    world_.sites = {"SITE.701"};
    kisumu_ = &world_.AddEdge("kisumu", "SITE.701", 0);
    tororo_ = &world_.AddEdge("tororo", "SITE.701", 0);
  }

  // A pulse for subject 0 or 1, as people.h writes what it hands in.
  CaptureOutcome Submit(EdgeMachine& machine, int subject, const std::string& pulse) {
    Written written;
    written.edge = machine.edge();
    written.machine = machine.name();
    written.submission.key = {StudyOID(kStudyOID),
                              SubjectKey("SITE.701-" + std::to_string(subject)),
                              StudyEventOID("SE.WEEK_2"),
                              RepeatKey("1"),
                              FormOID("F.VS"),
                              RepeatKey("1")};
    written.submission.site = machine.site();
    written.submission.user = "achieng";
    written.submission.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.PULSE")] = pulse;
    const std::uint64_t number = world_.history.Add(written);
    Submission& submission = world_.history.written(number).submission;
    submission.reason_for_change = "#" + std::to_string(number);
    CaptureOutcome outcome = machine.Submit(submission);
    EXPECT_EQ(outcome.kind, CaptureOutcome::Kind::kCaptured);
    world_.history.written(number).told = Written::Told::kCaptured;
    world_.history.written(number).revision = outcome.revision;
    return outcome;
  }

  void Set(EdgeMachine& machine, Broker::Line line) {
    *machine.line = line;
    world_.broker.LineChanged(machine.line);
  }

  void Rest() {
    std::string why;
    for (int i = 0; i < 600 && !world_.AtRest(why); ++i) world_.Pass(kSecond);
    EXPECT_TRUE(world_.AtRest(why)) << why;
  }

  void ExpectSound() {
    Rest();
    CheckWorld(world_);
    for (const Violation& violation : world_.violations) {
      ADD_FAILURE() << violation.invariant << " " << violation.text;
    }
  }

  void ResolveTheConflict() {
    central::Decision decision;
    Must(world_.centre.Commands()->Read([&](central::CentralReader& reader) -> Status {
      const auto open = Must(reader.ListConflicts({}));
      EXPECT_EQ(open.size(), 1u);
      decision.conflict = open.at(0).id;
      decision.take = open.at(0).heads.at(0);
      written_key_ = open.at(0).key;
      return Ok();
    }));
    Written written;
    written.submission.key = written_key_;
    const std::uint64_t number = world_.history.Add(written);
    decision.reason = "#" + std::to_string(number);
    decision.user = "dm";
    const central::CentreWriter centre{world_.centre.clock, world_.random};
    const RevisionId id = Must(central::Resolve(*world_.centre.Commands(), centre, decision));
    world_.history.written(number).told = Written::Told::kCaptured;
    world_.history.written(number).revision = id;
  }

  void RestoreCentre(const testing::SimDisk::Files& backup, bool new_history) {
    world_.centre.Kill();
    world_.centre.disk.Put(backup);
    world_.centre_was_restored = true;
    if (new_history) {
      Must(world_.centre.Commands()->Write([&](central::CentralWriter& writer) {
        return writer.SetHistory(world_.random.NewId<HistoryId>());
      }));
    }
    Must(world_.centre.Start(0));
  }

  // A conflict settled after the backup: both heads come back from the edges' outboxes, the
  // resolution only by Offer.
  void CentreIsRestored(bool new_history, bool line_breaks) {
    Submit(*kisumu_, 0, "70");
    Rest();
    const testing::SimDisk::Files backup = world_.centre.disk.Copy();
    Set(*tororo_, Broker::Line::kCut);
    Submit(*kisumu_, 0, "71");
    Submit(*tororo_, 0, "90");
    Submit(*kisumu_, 1, "60");
    world_.Pass(kSecond);
    Set(*tororo_, Broker::Line::kGood);
    Rest();
    ResolveTheConflict();
    Rest();
    RestoreCentre(backup, new_history);
    if (line_breaks) {
      world_.broker.weather = {35, 0, 2'000};
      world_.Pass(120 * kSecond);
      world_.broker.weather = {};
    }
    Rest();
    world_.Pass(90 * kSecond);
    ExpectSound();
  }

  World world_{WorldOptions{}};
  EdgeMachine* kisumu_;
  EdgeMachine* tororo_;
  RecordKey written_key_;
};

TEST_F(Scenario, AnotherGatewayTakesOverAndTheHangingOnesLateCommitIsFenced) {
  Submit(*kisumu_, 0, "70");
  Rest();
  const Epoch before = kisumu_->status().epoch;
  Must(world_.centre.Start(1));
  world_.centre.loop(0).Hang(true);
  Submit(*kisumu_, 0, "71");  // Goes to the gateway that hangs.
  world_.Pass(kSecond);
  // Its Hello may go to the one that hangs, and is said again.
  for (int i = 0; i < 600 && kisumu_->status().epoch == before; ++i) world_.Pass(kSecond);
  Submit(*kisumu_, 1, "72");
  world_.Pass(60 * kSecond);
  EXPECT_EQ(kisumu_->status().gateway, GatewayId("gateway-2"));
  EXPECT_GT(kisumu_->status().epoch, before);
  world_.centre.loop(0).Hang(false);  // Wakes up with the pushes of the session it lost.
  ExpectSound();
}

TEST_F(Scenario, ARestoredCentreWithANewHistoryGetsEverythingBackItsOwnResolutionToo) {
  CentreIsRestored(/*new_history=*/true, /*line_breaks=*/false);
}

TEST_F(Scenario, ACentreRestoredUnderItsOldHistoryGetsEverythingBackItsOwnResolutionToo) {
  CentreIsRestored(/*new_history=*/false, /*line_breaks=*/false);
}

// Story: under the old history id nothing remembered that the offer was not finished.
TEST_F(Scenario, AnOfferThatBreaksOffBeginsAgainAlsoUnderTheOldHistory) {
  CentreIsRestored(/*new_history=*/false, /*line_breaks=*/true);
}

// Story: edges offer what the centre once wrote before they send their own. The convergence of two
// heads was held for its parents; joining them again wrote the same revision, and then the held
// one was applied a second time: the edge's push failed for ever.
TEST_F(Scenario, AConvergenceOfferedToARestoredCentreBeforeItsParentsIsStoredOnce) {
  Rest();
  const testing::SimDisk::Files backup = world_.centre.disk.Copy();
  Set(*tororo_, Broker::Line::kCut);
  Submit(*kisumu_, 0, "71");
  world_.Pass(kSecond);
  Submit(*tororo_, 0, "71");
  Set(*tororo_, Broker::Line::kGood);
  Rest();
  RestoreCentre(backup, /*new_history=*/true);
  ExpectSound();
}

TEST_F(Scenario, ARevokedEdgeIsToldAndStopsWithItsOutboxKept) {
  Submit(*kisumu_, 0, "70");
  Rest();
  Must(world_.centre.Commands()->Write([&](central::CentralWriter& writer) {
    return writer.SetEdgeStanding(kisumu_->edge(), central::EdgeStanding::kRevoked, "stolen");
  }));
  world_.revoked.insert(kisumu_->edge());
  world_.Pass(2 * kSecond);
  EXPECT_EQ(kisumu_->status().state, edge::SyncState::kStopped);
  Submit(*kisumu_, 0, "71");
  world_.Pass(400 * kSecond);
  EXPECT_EQ(kisumu_->Checkpoint()->acknowledged_through, Sequence(1));
  ExpectSound();
}

// Story (seed 116): a receipt that could not be stored, because the disk was full, was dropped; the
// session went on, and the revision counted as waiting until something else was captured.
TEST_F(Scenario, AReceiptThatTheDiskHadNoRoomForIsStoredWhenThereIsRoomAgain) {
  Rest();
  const Epoch session = kisumu_->status().epoch;
  Submit(*kisumu_, 0, "70");
  kisumu_->disk.SetCapacity(kisumu_->disk.size_bytes());
  world_.Pass(5 * kSecond);
  EXPECT_EQ(kisumu_->Checkpoint()->acknowledged_through, Sequence(0));
  kisumu_->disk.SetCapacity(std::nullopt);
  world_.Pass(5 * kSecond);
  EXPECT_EQ(kisumu_->Checkpoint()->acknowledged_through, Sequence(1));
  EXPECT_EQ(kisumu_->status().epoch, session);
  ExpectSound();
}

// Story (seed 298): an edge with nothing to push never noticed that its gateway had gone. Its pulls
// went unanswered for hours, and what the centre decided did not reach the site.
TEST_F(Scenario, AnEdgeThatOnlyListensFindsTheGatewayThatIsLeft) {
  Rest();
  Must(world_.centre.Start(1));
  world_.centre.KillGateway(0);
  Submit(*tororo_, 0, "70");  // Finds the other gateway by its push; kisumu has nothing to say.
  world_.Pass(120 * kSecond);
  EXPECT_EQ(kisumu_->status().gateway, GatewayId("gateway-2"));
  EXPECT_TRUE(kisumu_->Current(world_.history.written(1).submission.key).has_value());
  Must(world_.centre.Start(0));
  ExpectSound();
}

// Story (seed 1754): a cloned database said Hello for its edge to the second gateway. The first went on
// feeding the idle original, which never learned that the centre had got more than it ever captured.
TEST_F(Scenario, AnEdgeThatOnlyListensLearnsThatAnotherGatewayTookItsSession) {
  Rest();
  Epoch taken;
  Must(world_.centre.Commands()->Write([&](central::CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(taken, writer.BindSession(kisumu_->edge(), GatewayId("gateway-2"), "a clone",
                                             writer.Now(), 0));
    return Ok();
  }));
  EXPECT_LT(kisumu_->status().epoch, taken);
  world_.Pass(70 * kSecond);
  EXPECT_GT(kisumu_->status().epoch, taken);
  ExpectSound();
}

// Story (seed 604): the centre came back from a backup with the epoch that the edge's session still
// had. The session went on, the edge never saw the new history, and what had been written at the
// centre since the backup was not offered.
TEST_F(Scenario, ASessionOfTheLifeBeforeDoesNotFitARestoredCentre) {
  Submit(*kisumu_, 0, "70");
  Submit(*tororo_, 0, "80");
  Rest();
  const testing::SimDisk::Files backup = world_.centre.disk.Copy();
  ResolveTheConflict();
  Rest();
  RestoreCentre(backup, /*new_history=*/true);
  Submit(*kisumu_, 1, "60");
  ExpectSound();
}

// Story (seed 12): a lock on a subject nobody had seen was told to every site, its end only to the
// site that the subject had by then: at the others it stood for ever.
TEST_F(Scenario, TheEndOfALockReachesEverySiteThatHeardOfIt) {
  world_.AddEdge("mbale", "SITE.702", 0);
  central::LockRow lock;
  lock.scope = central::LockScope::kSubject;
  lock.study = StudyOID(kStudyOID);
  lock.object = "SITE.701-0";
  lock.set_by = "dm";
  lock.reason = "under review";
  Submit(*kisumu_, 0, "70");
  Set(*kisumu_, Broker::Line::kCut);  // Captured, and not known at the centre yet.
  Must(central::SetLock(*world_.centre.Commands(), lock));
  world_.Pass(90 * kSecond);
  Set(*kisumu_, Broker::Line::kGood);
  Rest();
  central::QuarantineRow waiting;
  Must(world_.centre.Commands()->Read([&](central::CentralReader& reader) -> Status {
    waiting = Must(reader.ListQuarantine(false, 1)).at(0);
    return Ok();
  }));
  Must(central::ReleaseQuarantine(*world_.centre.Commands(), waiting.revision, "dm", "right"));
  Must(central::ClearLock(*world_.centre.Commands(), lock, "dm", "reviewed"));
  Rest();
  ExpectSound();
}

}  // namespace
}  // namespace edcsync::simulation
