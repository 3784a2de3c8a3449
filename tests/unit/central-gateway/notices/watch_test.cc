#include "central-gateway/notices/watch.h"

#include <gmock/gmock.h>

#include "tests/unit/central-gateway/desk/trial_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;

class WatchTest : public TrialTest {
 protected:
  void SetUp() override {
    TrialTest::SetUp();
    for (const NoticeTopic topic : kAllTopics) options_.channels[topic] = {"ops"};
    options_.holder = "gateway-1";
    Restart();
    Pass();  // Begins: what stands by now is not new.
  }

  // As a new process would.
  void Restart() { watch_ = std::make_unique<Watch>(options_, *store_, clock_); }

  void Pass() {
    while (true) {
      const Result<bool> more = watch_->Pass();
      ASSERT_TRUE(more.ok()) << more.error().ToString();
      if (!*more) return;
    }
  }
  // Passes a minute later, so that it looks at overdue conflicts and edges too.
  void SlowPass() {
    clock_.Advance(Watch::kSlowEveryMs);
    Pass();
  }

  // What gathers for a channel, oldest first, and is then taken as sent.
  std::vector<NoticeRow> Take(const std::string& channel = "ops") {
    std::vector<NoticeRow> notices;
    Change([&](CentralWriter& writer) -> Status {
      NoticeMessageRow message;
      EDCSYNC_ASSIGN(message.id, writer.NewId());
      message.channel = channel;
      message.formed_at = writer.Now();
      EDCSYNC_TRY(writer.FormMessage(message));
      EDCSYNC_ASSIGN(notices, writer.NoticesIn(message.id, 10'000));
      message.state = MessageState::kSent;
      message.settled_at = writer.Now();
      return writer.UpdateMessage(message);
    });
    return notices;
  }
  std::vector<std::string> TakeIds(const std::string& channel = "ops") {
    std::vector<std::string> ids;
    for (const NoticeRow& notice : Take(channel)) ids.push_back(notice.id);
    return ids;
  }

  // The edge spoke just now with this drift.
  void Hear(const EdgeId& edge, std::optional<std::int64_t> drift_ms = std::nullopt) {
    Change([&](CentralWriter& writer) -> Status {
      EDCSYNC_TRY(writer.BindSession(edge, GatewayId("gateway-1"), "0.1.0", clock_.Wall(),
                                     drift_ms));
      return Ok();
    });
  }
  void HearBoth() {
    Hear(kisumu_);
    Hear(tororo_);
  }

  const EdgeId tororo_{"edge-tororo"};
  WatchOptions options_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(WatchTest, AHardConflictIsToldOnceWithItsKeysAndItsDueDate) {
  const Opened opened = OpenConflict("702-1082");
  Pass();
  const std::vector<NoticeRow> notices = Take();
  ASSERT_EQ(notices.size(), 1u);
  const NoticeRow& notice = notices[0];
  EXPECT_EQ(notice.kind, NoticeKind::kHardConflict);
  EXPECT_EQ(notice.id, "hard_conflict-" + opened.id());
  EXPECT_EQ(notice.study, kPilot);
  EXPECT_EQ(notice.site, kKisumu);
  EXPECT_EQ(notice.record, ToString(opened.base.revision.key));
  EXPECT_EQ(notice.conflict, opened.row.id);
  EXPECT_EQ(notice.severity, Severity::kHard);
  EXPECT_EQ(notice.at, opened.row.opened_at);
  EXPECT_EQ(notice.due_at, options_.due_times.DueAt(opened.row));
  Pass();
  SlowPass();
  EXPECT_THAT(TakeIds(), IsEmpty());
}

TEST_F(WatchTest, AThirdHeadOnAToldConflictIsNotToldAgain) {
  const Opened opened = OpenConflict("702-1082");
  Pass();
  EXPECT_EQ(TakeIds().size(), 1u);
  Apply(Vitals("702-1082", kKisumu, {&opened.base}, {{kPulse, "99"}}));
  Pass();
  EXPECT_THAT(TakeIds(), IsEmpty());
}

TEST_F(WatchTest, ASoftConflictIsToldOnlyOnceItIsHard) {
  const KnownRevision base = Vitals("702-1082", kKisumu, {}, {{kPulse, "70"}, {kSystolic, "120"}});
  Apply(base);
  Apply(Vitals("702-1082", kKisumu, {&base}, {{kPulse, "71"}, {kSystolic, "120"}}));
  Apply(Vitals("702-1082", kKisumu, {&base}, {{kPulse, "70"}, {kSystolic, "121"}}));
  ASSERT_EQ(OpenOf(base).severity, Severity::kSoft);
  Pass();
  EXPECT_THAT(TakeIds(), IsEmpty());
  Apply(Vitals("702-1082", kKisumu, {&base}, {{kPulse, "72"}, {kSystolic, "120"}}));
  Pass();
  EXPECT_EQ(TakeIds().size(), 1u);
}

TEST_F(WatchTest, AConflictThatEndedBeforeItWasLookedAtIsNotTold) {
  const Opened opened = OpenConflict("702-1082");
  Apply(Vitals("702-1082", kKisumu, {&opened.left, &opened.right}, {{kPulse, "80"}}));
  Pass();
  EXPECT_THAT(TakeIds(), IsEmpty());
}

TEST_F(WatchTest, AnOverdueConflictIsToldOncePerConflictHoweverLongItStaysOpen) {
  const Opened first = OpenConflict("702-1082");
  Pass();
  Take();
  clock_.Advance(options_.due_times.hard_ms);
  HearBoth();
  SlowPass();
  EXPECT_THAT(TakeIds(), ElementsAre("conflict_overdue-" + first.id()));
  clock_.Advance(30 * kDayMs + kHourMs);  // Past the time for which settled messages are kept.
  HearBoth();
  SlowPass();
  Restart();
  SlowPass();
  EXPECT_THAT(TakeIds(), IsEmpty());

  Apply(Vitals("702-1082", kKisumu, {&first.left, &first.right}, {{kPulse, "80"}}));
  const Opened again = OpenConflict("702-1083");
  Pass();
  EXPECT_THAT(TakeIds(), ElementsAre("hard_conflict-" + again.id()));
}

TEST_F(WatchTest, ASoftConflictIsDueLaterThanAHardOne) {
  const KnownRevision base = Vitals("702-1082", kKisumu, {}, {{kPulse, "70"}, {kSystolic, "120"}});
  Apply(base);
  Apply(Vitals("702-1082", kKisumu, {&base}, {{kPulse, "71"}, {kSystolic, "120"}}));
  Apply(Vitals("702-1082", kKisumu, {&base}, {{kPulse, "70"}, {kSystolic, "121"}}));
  const std::int64_t opened_ms = OpenOf(base).opened_at.ms;
  clock_.Advance(opened_ms + options_.due_times.soft_ms - clock_.Wall().ms);
  HearBoth();
  Pass();
  EXPECT_THAT(TakeIds(), IsEmpty());  // Due now, not overdue.
  SlowPass();
  EXPECT_EQ(TakeIds().size(), 1u);
}

TEST_F(WatchTest, QuarantineThatWaitsForAPersonIsToldOnceWithItsReason) {
  const KnownRevision known = Quarantine("702-1082", kTororo);
  Pass();
  const std::vector<NoticeRow> notices = Take();
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].kind, NoticeKind::kQuarantine);
  EXPECT_EQ(notices[0].revision, known.id);
  EXPECT_EQ(notices[0].site, kTororo);
  EXPECT_EQ(notices[0].record, ToString(known.revision.key));
  EXPECT_EQ(notices[0].reason, static_cast<std::uint16_t>(ErrorCode::kStudyDefinition));
  Pass();
  EXPECT_THAT(TakeIds(), IsEmpty());
}

TEST_F(WatchTest, ARevisionThatWaitsForItsParentIsNotTold) {
  const KnownRevision base = Vitals("702-1082", kKisumu, {}, {{kPulse, "70"}});
  Apply(Vitals("702-1082", kKisumu, {&base}, {{kPulse, "71"}}));
  Pass();
  EXPECT_THAT(TakeIds(), IsEmpty());
}

TEST_F(WatchTest, ASilentEdgeIsToldOnceAndOnceMoreWhenItIsBack) {
  clock_.Advance(Watch::kStartGraceMs);
  HearBoth();
  clock_.Advance(options_.edge_silent_ms);
  Hear(tororo_);
  Pass();
  EXPECT_THAT(TakeIds(), IsEmpty());  // Not longer than the bound.
  const WallTime last{clock_.Wall().ms - options_.edge_silent_ms};
  SlowPass();
  const std::vector<NoticeRow> silent = Take();
  ASSERT_EQ(silent.size(), 1u);
  EXPECT_EQ(silent[0].kind, NoticeKind::kEdgeSilent);
  EXPECT_EQ(silent[0].edge, kisumu_);
  EXPECT_EQ(silent[0].site, kKisumu);
  EXPECT_EQ(silent[0].at, last);
  clock_.Advance(kHourMs);
  Restart();
  SlowPass();
  EXPECT_THAT(TakeIds(), IsEmpty());

  Hear(kisumu_);
  SlowPass();
  const std::vector<NoticeRow> back = Take();
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].kind, NoticeKind::kEdgeBack);
  EXPECT_EQ(back[0].since, last);
  SlowPass();
  EXPECT_THAT(TakeIds(), IsEmpty());

  clock_.Advance(options_.edge_silent_ms);
  Hear(tororo_);
  SlowPass();
  EXPECT_EQ(TakeIds().size(), 1u);  // Another silence.
}

TEST_F(WatchTest, TheGatewaysOwnAbsenceIsNotTakenForTheEdges) {
  HearBoth();
  clock_.Advance(7 * kDayMs);  // Nothing ran here.
  Restart();
  Pass();
  EXPECT_THAT(TakeIds(), IsEmpty());
  clock_.Advance(kHourMs / 60);
  HearBoth();
  clock_.Advance(Watch::kStartGraceMs);
  Pass();
  EXPECT_THAT(TakeIds(), IsEmpty());
}

TEST_F(WatchTest, ARevokedEdgeMayBeSilent) {
  clock_.Advance(options_.edge_silent_ms + Watch::kStartGraceMs);
  Hear(tororo_);
  Change([&](CentralWriter& writer) {
    return writer.SetEdgeStanding(kisumu_, EdgeStanding::kRevoked, "Site closed");
  });
  SlowPass();
  EXPECT_THAT(TakeIds(), IsEmpty());
}

TEST_F(WatchTest, AWrongClockIsToldPastItsBoundAndTakenBackWithinHalfOfIt) {
  const std::int64_t bound_ms = options_.clock_drift_ms;
  const auto drift = [&](std::int64_t drift_ms) {
    Hear(kisumu_, drift_ms);
    SlowPass();
    std::vector<NoticeKind> kinds;
    for (const NoticeRow& notice : Take()) {
      EXPECT_EQ(notice.drift_ms, drift_ms);
      kinds.push_back(notice.kind);
    }
    return kinds;
  };
  EXPECT_THAT(drift(bound_ms), IsEmpty());
  EXPECT_THAT(drift(-bound_ms - 1), ElementsAre(NoticeKind::kClockDrift));
  EXPECT_THAT(drift(bound_ms - 1), IsEmpty());  // About the bound: neither told nor taken back.
  EXPECT_THAT(drift(bound_ms + 1), IsEmpty());
  EXPECT_THAT(drift(bound_ms / 2), ElementsAre(NoticeKind::kClockRight));
  EXPECT_THAT(drift(bound_ms + 1), ElementsAre(NoticeKind::kClockDrift));
}

TEST_F(WatchTest, WhatAComparisonFoundOrCouldNotFinishIsToldOnceAndThatAllIsEqualNever) {
  const auto end_as = [&](ReconciliationState state) {
    ReconciliationRow row;
    Change([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(row.id, writer.NewId());
      row.site = kKisumu;
      row.edge = kisumu_;
      row.asked_by = "schedule";
      row.asked_at = row.changed_at = writer.Now();
      EDCSYNC_TRY(writer.InsertReconciliation(row));
      row.state = state;
      row.ended_at = writer.Now();
      return writer.UpdateReconciliation(row);
    });
    clock_.Advance(1000);
    return std::to_string(row.id.value());
  };
  const std::string mended = end_as(ReconciliationState::kMended);
  const std::string failed = end_as(ReconciliationState::kFailed);
  end_as(ReconciliationState::kEqual);
  const std::string different = end_as(ReconciliationState::kDifferent);
  SlowPass();
  const std::vector<NoticeRow> told = Take();
  std::vector<std::string> ids;
  for (const NoticeRow& notice : told) {
    ids.push_back(notice.id);
    EXPECT_EQ(notice.edge, kisumu_);
    EXPECT_EQ(notice.site, kKisumu);
  }
  EXPECT_THAT(ids, UnorderedElementsAre("reconciliation_mended-edge-kisumu-" + mended,
                                        "reconciliation_unmended-edge-kisumu-" + failed,
                                        "reconciliation_unmended-edge-kisumu-" + different));
  for (const NoticeRow& notice : told) {
    if (notice.kind == NoticeKind::kReconciliationMended) {
      EXPECT_EQ(ReconciliationOf(notice), mended);
    }
  }
  Restart();
  SlowPass();
  EXPECT_THAT(TakeIds(), IsEmpty());
}

TEST_F(WatchTest, AnEdgeThatIsNotComparedInTimeIsToldOnce) {
  options_.reconcile_every_ms = kDayMs;
  Restart();
  clock_.Advance(kDayMs);
  HearBoth();
  SlowPass();
  EXPECT_THAT(TakeIds(), IsEmpty());  // Due, and not late.
  clock_.Advance(kDayMs / 4);
  HearBoth();
  Change([&](CentralWriter& writer) -> Status {  // The other one was.
    ReconciliationRow row;
    EDCSYNC_ASSIGN(row.id, writer.NewId());
    row.edge = tororo_;
    row.asked_at = row.changed_at = writer.Now();
    EDCSYNC_TRY(writer.InsertReconciliation(row));
    row.state = ReconciliationState::kEqual;
    row.ended_at = writer.Now();
    return writer.UpdateReconciliation(row);
  });
  SlowPass();
  const std::vector<NoticeRow> told = Take();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, NoticeKind::kReconciliationOverdue);
  EXPECT_EQ(told[0].edge, kisumu_);
  EXPECT_EQ(told[0].due_at->ms, told[0].since->ms + kDayMs);
  EXPECT_EQ(ReconciliationOf(told[0]), "");
  Restart();
  SlowPass();
  EXPECT_THAT(TakeIds(), IsEmpty());
}

TEST_F(WatchTest, OnlyTheKindsThatAChannelAsksForGoToIt) {
  options_.channels = {{NoticeTopic::kHardConflict, {"dm", "ops"}},
                       {NoticeTopic::kQuarantine, {"ops"}}};
  Restart();
  const Opened opened = OpenConflict("702-1082");
  const KnownRevision kept = Quarantine("702-1083");
  clock_.Advance(options_.due_times.hard_ms + options_.edge_silent_ms);
  SlowPass();
  EXPECT_THAT(TakeIds("dm"), ElementsAre("hard_conflict-" + opened.id()));
  EXPECT_THAT(TakeIds("ops"),
              ElementsAre("hard_conflict-" + opened.id(), "quarantine-" + kept.id.ToHex()));
}

TEST_F(WatchTest, WhatStoodBeforeNoticesWereSwitchedOnIsToldOnceItIsOverdue) {
  store_.reset();
  Damage("DELETE FROM notice_state");
  store_ = OpenStore("gateway-1");
  const Opened opened = OpenConflict("702-1082");
  Restart();
  Pass();
  EXPECT_THAT(TakeIds(), IsEmpty());
  clock_.Advance(options_.due_times.hard_ms + 1);
  HearBoth();
  SlowPass();
  EXPECT_THAT(TakeIds(), ElementsAre("conflict_overdue-" + opened.id()));
}

TEST_F(WatchTest, ARestartBetweenAnyTwoPassesLosesAndDoublesNothing) {
  std::vector<std::string> expected, told;
  for (int i = 0; i < 20; ++i) {
    const Opened opened = OpenConflict("702-" + std::to_string(1000 + i));
    expected.push_back("hard_conflict-" + opened.id());
    if (i % 3 == 0) {
      const Result<bool> more = watch_->Pass();
      ASSERT_TRUE(more.ok());
    }
    if (i % 2 == 0) Restart();
  }
  Pass();
  Restart();
  Pass();
  EXPECT_THAT(TakeIds(), ::testing::UnorderedElementsAreArray(expected));
}

TEST_F(WatchTest, AnotherGatewayStandsByUntilTheLeaseIsReleasedOrRunsOut) {
  WatchOptions other = options_;
  other.holder = "gateway-2";
  Watch second(other, *store_, clock_);
  const Opened opened = OpenConflict("702-1082");
  ASSERT_TRUE(second.Pass().ok());
  EXPECT_FALSE(second.holds_lease());
  EXPECT_THAT(TakeIds(), IsEmpty());
  Pass();
  EXPECT_TRUE(watch_->holds_lease());
  EXPECT_THAT(TakeIds(), ElementsAre("hard_conflict-" + opened.id()));

  clock_.Advance(Watch::kLeaseMs);  // The first one hangs.
  const Opened next = OpenConflict("702-1083");
  ASSERT_TRUE(second.Pass().ok());
  EXPECT_TRUE(second.holds_lease());
  EXPECT_THAT(TakeIds(), ElementsAre("hard_conflict-" + next.id()));
  Pass();
  EXPECT_FALSE(watch_->holds_lease());
  second.Release();
  Pass();
  EXPECT_TRUE(watch_->holds_lease());
  EXPECT_THAT(TakeIds(), IsEmpty());
}

TEST_F(WatchTest, MoreThanOnePassTakesAreFoundByTheNext) {
  Change([&](CentralWriter& writer) -> Status {
    for (int i = 0; i < 2500; ++i) {
      const KnownRevision known = Make("S-" + std::to_string(i), "F.VS", {}, 1, "70");
      EDCSYNC_TRY(Insert(writer, known));
      EDCSYNC_ASSIGN(const ConflictRow conflict, ConflictOver(writer, known.revision.key));
      FeedRow row;
      row.kind = FeedKind::kConflict;
      row.site = conflict.site;
      row.conflict = conflict.id;
      EDCSYNC_TRY(writer.AppendFeed(row));
    }
    return Ok();
  });
  const Result<bool> first = watch_->Pass();
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(*first);
  Pass();
  EXPECT_EQ(TakeIds().size(), 2500u);
}

TEST_F(WatchTest, TheStoreChecksSoundWithNoticesInIt) {
  OpenConflict("702-1082");
  Quarantine("702-1083");
  Pass();
  EXPECT_EQ(TakeIds().size(), 2u);
  EXPECT_THAT(Findings(), IsEmpty());
  Damage("UPDATE notice_state SET feed_cursor = 1000000");
  EXPECT_THAT(Findings(), ElementsAre("notices: their cursor is beyond the feed"));
}

}  // namespace
}  // namespace edcsync::central
