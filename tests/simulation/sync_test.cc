#include "tests/simulation/sync_world.h"

#include "central-gateway/intake/push_intake.h"

namespace edcsync::testing {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

// Two edges of one site capture the same forms while the broker loses, repeats and reorders.
void DrainWithLoss(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  SyncWorld world(seed);
  const auto gateway = world.StartGateway("gateway-1");
  EdgeNode& kisumu = world.AddEdge("kisumu");
  EdgeNode& tororo = world.AddEdge("tororo");
  world.broker.chances = {10, 10, 200'000};
  for (int i = 0; i < 10; ++i) {
    for (EdgeNode* edge : {&kisumu, &tororo}) {
      const std::string subject = "01-702-10" + std::to_string(world.random.Below(3));
      edge->Submit(subject, std::to_string(60 + world.random.Below(30)));
    }
    if (world.random.Below(5) == 0) kisumu.transport->Cut(true);
    if (world.random.Below(3) == 0) kisumu.transport->Cut(false);
    world.scheduler.RunFor(static_cast<std::int64_t>(world.random.Below(2 * kSecond)));
  }
  kisumu.transport->Cut(false);
  world.broker.chances = {};
  EXPECT_TRUE(world.Settle());
  world.CheckAll();
}

TEST(Sync, EveryRevisionArrivesOnceAndAllAgreeWhateverIsLostRepeatedOrReordered) {
  for (std::uint64_t seed = 1; seed <= 50 && !::testing::Test::HasFailure(); ++seed) {
    DrainWithLoss(seed);
  }
}

TEST(Sync, AnotherGatewayTakesOverAndTheHangingOnesLateCommitIsFenced) {
  SyncWorld world(7);
  const auto first = world.StartGateway("gateway-1");
  EdgeNode& kisumu = world.AddEdge("kisumu");
  kisumu.Submit("S1", "70");
  ASSERT_TRUE(world.Settle());
  const Epoch before = kisumu.session->status().epoch;
  const auto second = world.StartGateway("gateway-2");
  first->transport->Hang(true);
  kisumu.Submit("S1", "71");  // Goes to the gateway that hangs.
  world.scheduler.RunFor(kSecond);
  kisumu.Submit("S2", "72");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(kisumu.session->status().gateway, GatewayId("gateway-2"));
  EXPECT_GT(kisumu.session->status().epoch, before);
  kisumu.Submit("S3", "73");
  first->transport->Hang(false);  // Wakes up with the pushes of the session it lost.
  ASSERT_TRUE(world.Settle());
  world.scheduler.RunFor(kSecond);
  EXPECT_GT(first->session->figures().frames_refused, 0u);
  EXPECT_EQ(kisumu.session->status().gateway, GatewayId("gateway-2"));
  world.CheckAll();
}

// A conflict settled at the centre after the backup: both heads come from the edges' outboxes, the
// resolution only by Offer.
void RestoredCentre(bool new_history, bool link_breaks) {
  SyncWorld world(11);
  auto gateway = world.StartGateway("gateway-1");
  EdgeNode& kisumu = world.AddEdge("kisumu");
  EdgeNode& tororo = world.AddEdge("tororo");
  kisumu.Submit("S1", "70");
  ASSERT_TRUE(world.Settle());
  ExpectOk(world.store->Backup(world.PathOf("backup.db"), [](int) {}));

  tororo.transport->Cut(true);
  kisumu.Submit("S1", "71");
  tororo.Submit("S1", "90");
  kisumu.Submit("S2", "60");
  world.scheduler.RunFor(kSecond);
  tororo.transport->Cut(false);
  ASSERT_TRUE(world.Settle());
  central::Decision decision;
  ExpectOk(world.store->Read([&](central::CentralReader& reader) -> Status {
    const auto open = Must(reader.ListConflicts({}));
    EXPECT_EQ(open.size(), 1u);
    decision.conflict = open.at(0).id;
    decision.take = open.at(0).heads.at(0);
    return Ok();
  }));
  decision.reason = "checked with the source";
  decision.user = "dm";
  const central::CentreWriter centre{world.clock, world.random};
  world.written_at_centre.push_back(Must(central::Resolve(*world.store, centre, decision)));
  ASSERT_TRUE(world.Settle());
  world.CheckAll();

  gateway.reset();
  world.store = Must(central::OpenSqliteCentralStore(world.StoreOptions("backup.db"), world.clock,
                                                     world.random));
  if (new_history) {
    ExpectOk(world.store->Write([&](central::CentralWriter& writer) {
      return writer.SetHistory(world.random.NewId<HistoryId>());
    }));
  }
  gateway = world.StartGateway("gateway-1");
  if (link_breaks) {
    // Every third message is lost while the centre is being filled: offers begin again.
    world.broker.chances = {35, 0, 2'000};
    world.scheduler.RunFor(120 * kSecond);
    world.broker.chances = {};
  }
  ASSERT_TRUE(world.Settle());
  world.scheduler.RunFor(90 * kSecond);
  ASSERT_TRUE(world.Settle());
  world.CheckAll();
}

TEST(Sync, ARestoredCentreWithANewHistoryGetsEverythingBackItsOwnResolutionToo) {
  RestoredCentre(/*new_history=*/true, /*link_breaks=*/false);
}
TEST(Sync, ACentreRestoredUnderItsOldHistoryGetsEverythingBackItsOwnResolutionToo) {
  RestoredCentre(/*new_history=*/false, /*link_breaks=*/false);
}
// Story: under the old history id nothing remembered that the offer was not finished.
TEST(Sync, AnOfferThatBreaksOffBeginsAgainAlsoUnderTheOldHistory) {
  RestoredCentre(/*new_history=*/false, /*link_breaks=*/true);
}

// Story: edges offer what the centre once wrote before they send their own. The convergence of two
// heads was held for its parents; joining them again wrote the same revision, and then the held
// one was applied a second time: the edge's push failed for ever.
TEST(Sync, AConvergenceOfferedToARestoredCentreBeforeItsParentsIsStoredOnce) {
  SyncWorld world(13);
  auto gateway = world.StartGateway("gateway-1");
  EdgeNode& kisumu = world.AddEdge("kisumu");
  EdgeNode& tororo = world.AddEdge("tororo");
  ASSERT_TRUE(world.Settle());
  ExpectOk(world.store->Backup(world.PathOf("backup.db"), [](int) {}));
  tororo.transport->Cut(true);
  kisumu.Submit("S1", "71");
  world.scheduler.RunFor(kSecond);
  tororo.Submit("S1", "71");
  tororo.transport->Cut(false);
  ASSERT_TRUE(world.Settle());
  world.CheckAll();
  gateway.reset();
  world.store = Must(central::OpenSqliteCentralStore(world.StoreOptions("backup.db"), world.clock,
                                                     world.random));
  ExpectOk(world.store->Write([&](central::CentralWriter& writer) {
    return writer.SetHistory(world.random.NewId<HistoryId>());
  }));
  gateway = world.StartGateway("gateway-1");
  ASSERT_TRUE(world.Settle());
  world.CheckAll();
}

TEST(Sync, ARevokedEdgeIsToldAndStopsWithItsOutboxKept) {
  SyncWorld world(17);
  const auto gateway = world.StartGateway("gateway-1");
  EdgeNode& kisumu = world.AddEdge("kisumu");
  kisumu.Submit("S1", "70");
  ASSERT_TRUE(world.Settle());
  ExpectOk(world.store->Write([&](central::CentralWriter& writer) {
    return writer.SetEdgeStanding(kisumu.name, central::EdgeStanding::kRevoked, "stolen");
  }));
  world.scheduler.RunFor(2 * kSecond);
  EXPECT_EQ(kisumu.session->status().state, edge::SyncState::kStopped);
  const CaptureOutcome after = kisumu.Submit("S1", "71");
  EXPECT_EQ(after.kind, CaptureOutcome::Kind::kCaptured);
  world.scheduler.RunFor(400 * kSecond);
  ExpectOk(kisumu.store->Read([&](edge::EdgeTables& tables) -> Status {
    EXPECT_EQ(Must(tables.checkpoint.Get()).acknowledged_through, Sequence(1));
    EXPECT_EQ(Must(tables.outbox.ReadTail()).last, Sequence(2));
    return Ok();
  }));
}

}  // namespace
}  // namespace edcsync::testing
