#include "edge-agent/downlink/feed_applier.h"

#include "shared/crypto/revision_id.h"
#include "tests/support/edge_world.h"

namespace edcsync::edge {
namespace {

class FeedApplierTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(world_.Open().ok()); }

  KnownRevision Online(std::vector<RevisionId> parents, std::uint32_t version,
                       const std::string& value, const std::string& site = "SITE.702") {
    KnownRevision known;
    Revision& revision = known.revision;
    revision.key = {StudyOID("CDISCPILOT01"), SubjectKey("S1"), StudyEventOID("SE.WEEK_2"),
                    RepeatKey("1"),           FormOID("F.VS"),  RepeatKey("1")};
    revision.site = SiteOID(site);
    revision.origin = Origin::kOnline;
    revision.version = version;
    revision.parents = std::move(parents);
    revision.edited_at = {world_.clock.Wall().ms, 0};
    world_.random.Fill(revision.salt);
    revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.PULSE")] = value;
    known.id = IdOf(EncodeRevision(revision));
    return known;
  }
  wire::FeedEntry At(std::uint64_t cursor, wire::FeedKind kind) {
    wire::FeedEntry entry;
    entry.cursor = FeedCursor(cursor);
    entry.kind = kind;
    return entry;
  }
  wire::FeedEntry At(std::uint64_t cursor, const KnownRevision& known) {
    wire::FeedEntry entry = At(cursor, wire::FeedKind::kRevision);
    entry.revision = EncodeRevision(known.revision);
    entry.mark.fill(7);
    return entry;
  }
  wire::Feed Page(std::vector<wire::FeedEntry> entries) {
    wire::Feed feed;
    feed.next = entries.back().cursor;
    feed.entries = std::move(entries);
    return feed;
  }
  void Apply(const wire::Feed& page) {
    Status applied = Fail(ErrorCode::kInternal, "not run");
    FeedApplier applier(world_.store(), SiteOID("SITE.702"));  // Outlives its queued work.
    ASSERT_TRUE(applier.Apply(page, [&](Status status) { applied = status; }).ok());
    world_.store().writer().Drain();
    ASSERT_TRUE(applied.ok()) << applied.error().ToString();
  }
  void Look(const std::function<void(EdgeTables&)>& look) {
    ASSERT_TRUE(world_.store().Read([&](EdgeTables& tables) -> Status {
      look(tables);
      return Ok();
    }).ok());
  }
  void ExpectSound() {
    EXPECT_EQ(*world_.store().Check([](std::string_view, int) {}), std::vector<std::string>{});
  }

  EdgeWorld world_;
};

TEST_F(FeedApplierTest, RevisionsThatComeBackwardsAreHeldAndFollowTheirParent) {
  const KnownRevision first = Online({}, 1, "70");
  const KnownRevision second = Online({first.id}, 2, "71");
  const KnownRevision third = Online({second.id}, 3, "72");
  Apply(Page({At(1, third), At(2, second)}));
  Look([&](EdgeTables& tables) {
    EXPECT_EQ(*tables.held.Count(), 2u);
    EXPECT_FALSE(*tables.records.Find(first.revision.key));
  });
  ASSERT_TRUE(world_.Open().ok());  // Held ones survive a restart.
  Apply(Page({At(3, first)}));
  Look([&](EdgeTables& tables) {
    EXPECT_EQ(*tables.held.Count(), 0u);
    EXPECT_EQ((*tables.records.Find(first.revision.key))->heads, std::vector{third.id});
    EXPECT_EQ(tables.marks.List(0, 10)->size(), 3u);
    EXPECT_EQ(tables.checkpoint.Get()->feed_cursor, FeedCursor(3));
  });
  ExpectSound();
}

// Story: a page repeated by the broker set a lock again that a later page had cleared.
TEST_F(FeedApplierTest, APageThatComesAgainLateChangesNothing) {
  wire::FeedEntry lock = At(1, wire::FeedKind::kLock);
  lock.lock.scope = wire::LockScope::kSubject;
  lock.lock.study = StudyOID("CDISCPILOT01");
  lock.lock.subject = SubjectKey("S1");
  wire::FeedEntry conflict = At(2, wire::FeedKind::kConflict);
  const KnownRevision first = Online({}, 1, "70");
  conflict.conflict.key = first.revision.key;
  conflict.conflict.conflict_id = 5;
  conflict.conflict.severity = Severity::kHard;
  const wire::Feed early = Page({lock, conflict, At(3, first)});
  Apply(early);
  Look([&](EdgeTables& tables) {
    EXPECT_TRUE(*tables.locks.Covers(first.revision.key, SiteOID("SITE.702")));
    EXPECT_EQ((*tables.conflicts.Find(ToString(first.revision.key)))->severity, Severity::kHard);
  });
  wire::FeedEntry unlock = lock;
  unlock.cursor = FeedCursor(4);
  unlock.lock.locked = false;
  wire::FeedEntry settled = conflict;
  settled.cursor = FeedCursor(5);
  settled.conflict.open = false;
  Apply(Page({unlock, settled}));
  Apply(early);
  Look([&](EdgeTables& tables) {
    EXPECT_FALSE(*tables.locks.Covers(first.revision.key, SiteOID("SITE.702")));
    EXPECT_EQ(*tables.conflicts.Count(), 0u);
    EXPECT_EQ(*tables.revisions.Count(), 1u);
    EXPECT_EQ(tables.checkpoint.Get()->feed_cursor, FeedCursor(5));
  });
  ExpectSound();
}

TEST_F(FeedApplierTest, AnotherSitesRevisionAndGarbageAreRefusedAndTheRestFlows) {
  const KnownRevision foreign = Online({}, 1, "99", "SITE.703");
  const KnownRevision own = Online({}, 1, "70");
  wire::FeedEntry garbage = At(2, wire::FeedKind::kRevision);
  garbage.revision = {1, 2, 3};
  Apply(Page({At(1, foreign), garbage, At(3, own)}));
  Look([&](EdgeTables& tables) {
    EXPECT_FALSE(*tables.revisions.Contains(foreign.id));
    EXPECT_TRUE(*tables.revisions.Contains(own.id));
  });
  ExpectSound();
}

TEST_F(FeedApplierTest, TheSiteSeesWhatWaitsInQuarantineAndWhatBecameOfIt) {
  wire::FeedEntry waiting = At(1, wire::FeedKind::kQuarantine);
  waiting.quarantine = {Online({}, 1, "70").id, 1,
                        static_cast<std::uint16_t>(ErrorCode::kLocked)};
  Apply(Page({waiting}));
  Look([](EdgeTables& tables) { EXPECT_EQ(*tables.quarantine.CountWaiting(), 1u); });
  waiting.cursor = FeedCursor(2);
  waiting.quarantine.state = 3;
  Apply(Page({waiting}));
  Look([](EdgeTables& tables) {
    EXPECT_EQ(*tables.quarantine.CountWaiting(), 0u);
    EXPECT_EQ(tables.quarantine.List(10)->at(0).state, 3);
  });
}

}  // namespace
}  // namespace edcsync::edge
