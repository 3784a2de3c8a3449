#include "edge-agent/site/endorsement.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "edge-agent/downlink/feed_applier.h"
#include "edge-agent/uplink/endorsement_sender.h"
#include "shared/crypto/revision_id.h"
#include "tests/support/edge_world.h"
#include "tests/support/virtual_scheduler.h"

namespace edcsync::edge {
namespace {

using SortedJson = nlohmann::json;

constexpr std::uint64_t kProposal = 777;

// A site whose feed told of a proposal, and its side of a session.
class EndorsementTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(world_.Open().ok());
    key_ = {StudyOID("S"),  SubjectKey("1"), StudyEventOID("E"),
            RepeatKey("1"), FormOID("F"),    RepeatKey("1")};
    Tell(1, kProposal);
  }

  // What the feed says of the conflict; proposal 0: none waits.
  void Tell(std::uint64_t cursor, std::uint64_t proposal, bool open = true) {
    Revision revision;
    revision.key = key_;
    revision.site = SiteOID("SITE.702");
    revision.origin = Origin::kResolution;
    revision.version = 2;
    revision.parents = {RevisionId{}};
    revision.user = "dm";
    revision.reason_for_change = "as on the source document";
    revision.items[{ItemGroupOID("G"), RepeatKey("1")}][ItemOID("I")] = "70";
    wire::Feed feed;
    feed.entries.resize(1);
    feed.entries[0].cursor = FeedCursor(cursor);
    feed.entries[0].kind = wire::FeedKind::kConflict;
    feed.entries[0].conflict = {42, key_, open, Severity::kHard, {RevisionId{}}, {}};
    if (proposal != 0) {
      feed.entries[0].conflict.proposal = {proposal, "Grace Achieng", EncodeRevision(revision)};
    }
    feed.next = FeedCursor(cursor);
    proposed_ = IdOf(EncodeRevision(revision));
    FeedApplier applier(world_.store(), SiteOID("SITE.702"));
    Status applied = Fail(ErrorCode::kInternal, "not run");
    ASSERT_TRUE(applier.Apply(feed, [&](Status status) { applied = status; }).ok());
    world_.store().writer().Drain();
    ASSERT_TRUE(applied.ok()) << applied.error().ToString();
  }
  SortedJson Shown() { return SortedJson::parse(ProposalJson(world_.store(), kProposal).value()); }
  std::size_t Waiting() {
    return SortedJson::parse(ProposalListJson(world_.store(), false).value())["proposals"].size();
  }

  EdgeWorld world_;
  RecordKey key_;
  RevisionId proposed_;
};

TEST_F(EndorsementTest, TheSiteSeesWhatWouldChangeAndItsAnswerStands) {
  EXPECT_EQ(Waiting(), 1u);
  const SortedJson shown = Shown();
  EXPECT_EQ(shown["proposedBy"], "Grace Achieng");
  EXPECT_EQ(shown["reason"], "as on the source document");
  EXPECT_EQ(shown["items"][0]["after"]["value"], "70");
  ASSERT_TRUE(AnswerProposal(world_.store(), {kProposal, true, "investigator", ""}).ok());
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_EQ(Shown()["state"], "accepted");
  EXPECT_EQ(Shown()["answer"]["told"], false);
  EXPECT_TRUE(AnswerProposal(world_.store(), {kProposal, true, "investigator", ""}).ok())
      << "said again it is the same answer";
  const Status changed = AnswerProposal(world_.store(), {kProposal, false, "nurse", "no"});
  ASSERT_FALSE(changed.ok());
  EXPECT_EQ(changed.error().code, ErrorCode::kStale);
}

TEST_F(EndorsementTest, ARejectionNeedsItsReasonAndAnAnswerItsUser) {
  EXPECT_EQ(AnswerProposal(world_.store(), {kProposal, false, "investigator", " "}).error().code,
            ErrorCode::kFieldMissing);
  EXPECT_EQ(AnswerProposal(world_.store(), {kProposal, true, "", ""}).error().code,
            ErrorCode::kFieldMissing);
  EXPECT_EQ(AnswerProposal(world_.store(), {4711, true, "investigator", ""}).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(Waiting(), 1u);
  ASSERT_TRUE(AnswerProposal(world_.store(), {kProposal, false, "investigator", "secret 90"}).ok());
  world_.Close();
  EXPECT_EQ(world_.BytesOf("edge.db").find("secret 90"), std::string::npos) << "sealed at rest";
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(Shown()["answer"]["reason"], "secret 90");
}

TEST_F(EndorsementTest, OneThatTheFeedNoLongerTellsIsOver) {
  Tell(2, 0);
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_EQ(AnswerProposal(world_.store(), {kProposal, true, "investigator", ""}).error().code,
            ErrorCode::kStale);
  Tell(3, kProposal);  // A restored centre tells it anew.
  EXPECT_EQ(Waiting(), 1u);
}

TEST_F(EndorsementTest, AnAnswerIsSaidUntilItsReceiptIsStored) {
  testing::VirtualClock clock;
  testing::VirtualScheduler scheduler(clock);
  scheduler.after_each.push_back([&] { world_.store().writer().Drain(); });
  std::vector<wire::Endorsement> sent;
  bool link = false;
  const auto send = [&](const wire::Endorsement& endorsement, const RecordKey&) -> Status {
    if (!link) return Fail(ErrorCode::kNotConnected, "no link");
    sent.push_back(endorsement);
    return Ok();
  };
  EndorsementSender sender(world_.store(), scheduler, send);
  ASSERT_TRUE(AnswerProposal(world_.store(), {kProposal, false, "investigator", "no"}).ok());
  sender.LookAgain();
  EXPECT_TRUE(sent.empty()) << "there is no session";
  sender.SessionOpened(Epoch(3));
  link = true;
  scheduler.RunFor(11'000'000);
  ASSERT_EQ(sent.size(), 1u) << "what was not sent is tried again";
  EXPECT_EQ(sent[0].epoch, Epoch(3));
  EXPECT_EQ(sent[0].revision, proposed_);
  EXPECT_FALSE(sent[0].accepted);
  EXPECT_EQ(sent[0].reason, "no");
  sender.SessionLost();
  sender.SessionOpened(Epoch(4));
  ASSERT_EQ(sent.size(), 2u);
  sender.OnReceipt({Epoch(3), kProposal, ProposalState::kRejected});  // Of the session before.
  sender.OnReceipt({Epoch(4), kProposal, ProposalState::kRejected});
  world_.store().writer().Drain();
  scheduler.RunFor(60'000'000);
  EXPECT_EQ(sent.size(), 2u) << "told, and nothing else waits";
  EXPECT_EQ(Shown()["answer"]["told"], true);
  // Seed 2556: the centre was restored from a backup of before the answer, and its feed told of the
  // proposal again within a session. The site said its answer only in the next one.
  Tell(2, kProposal);
  EXPECT_EQ(Shown()["answer"]["told"], false);
  sender.LookAgain();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[2].epoch, Epoch(4));
  EXPECT_EQ(sent[2].reason, "no");
}

}  // namespace
}  // namespace edcsync::edge
