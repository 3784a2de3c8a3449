#include "central-gateway/merge/proposals.h"

#include "central-gateway/admin/study_admin.h"
#include "central-gateway/feed/feed_server.h"
#include "tests/unit/central-gateway/desk/trial_fixture.h"

namespace edcsync::central {
namespace {

// A conflict of a study whose sites endorse what is decided.
class ProposalsTest : public TrialTest {
 protected:
  void SetUp() override {
    TrialTest::SetUp();
    ExpectOk(SetResolution(*store_, kPilot, ResolutionMode::kSiteEndorsed, "", "admin"));
    opened_ = OpenConflict("01-702-1082");
  }
  Decision TakeLeft() {
    Decision decision;
    decision.conflict = opened_.row.id;
    decision.take = opened_.left.id;
    decision.reason = "as on the source document";
    decision.user = "dm";
    decision.signing = Signing{"Grace Achieng", "decided"};
    return decision;
  }
  Proposed ProposeLeft() { return Must(Propose(*store_, {clock_, random_}, TakeLeft())); }

  wire::Endorsement Answer(const Proposed& proposed, bool accepted, const std::string& reason) {
    return {Epoch(1), proposed.proposal.value(), proposed.revision, accepted,
            "investigator", reason, clock_.Wall()};
  }
  ProposalState Take(const wire::Endorsement& answer, const SiteOID& site = kKisumu) {
    ProposalState state = ProposalState::kUnknown;
    Change([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(state,
                     SettleProposal(writer, registry_, EdgeId("kisumu-1"), site, answer));
      return Ok();
    });
    return state;
  }
  ProposalRow Row(const Proposed& proposed) {
    return *Read<std::optional<ProposalRow>>(
        [&](CentralReader& reader) { return reader.FindProposal(proposed.proposal); });
  }
  ConflictRow Conflict() {
    return *Read<std::optional<ConflictRow>>(
        [&](CentralReader& reader) { return reader.FindConflict(opened_.row.id); });
  }
  // What the site's feed says last of conflicts.
  wire::ConflictState ToldLast(const SiteOID& site = kKisumu) {
    FeedServer feed(*store_);
    wire::Pull pull;
    pull.entry_count_max = 1000;
    const wire::Feed page = Must(feed.Page(site, EdgeId("other"), {}, pull));
    wire::ConflictState last;
    for (const wire::FeedEntry& entry : page.entries) {
      if (entry.kind == wire::FeedKind::kConflict) last = entry.conflict;
    }
    return last;
  }
  void ExpectSound() {
    EXPECT_EQ(Must(store_->Check([](std::string_view, int) {})), std::vector<std::string>{});
  }

  Opened opened_;
};

TEST_F(ProposalsTest, WhereTheSitesEndorseNobodyAtTheCentreDecidesAlone) {
  const auto resolved = Resolve(*store_, {clock_, random_}, TakeLeft());
  ASSERT_FALSE(resolved.ok());
  EXPECT_EQ(resolved.error().code, ErrorCode::kNeedsConsent);
  ProposeLeft();
  EXPECT_EQ(Current(opened_.base).user, opened_.right.revision.user) << "nothing has changed yet";
  EXPECT_EQ(Conflict().end, ConflictEnd::kOpen);
  ExpectSound();
}

TEST_F(ProposalsTest, WhatTheSiteEndorsesIsExactlyWhatWasProposedAndSigned) {
  const Proposed proposed = ProposeLeft();
  const wire::ConflictState told = ToldLast();
  EXPECT_EQ(told.proposal.proposal_id, proposed.proposal.value());
  EXPECT_EQ(told.proposal.proposed_by, "Grace Achieng");
  EXPECT_EQ(IdOf(told.proposal.revision), proposed.revision);
  EXPECT_EQ(ToldLast(kTororo).conflict_id, 0u) << "no other site hears of it";

  EXPECT_EQ(Take(Answer(proposed, true, "")), ProposalState::kAccepted);
  EXPECT_EQ(Conflict().end, ConflictEnd::kResolved);
  EXPECT_EQ(Conflict().ended_by, proposed.revision);
  EXPECT_EQ(Current(opened_.base).items, opened_.left.revision.items);
  const auto signatures = Read<std::vector<SignatureRow>>(
      [&](CentralReader& reader) { return reader.SignaturesOf(proposed.revision); });
  ASSERT_EQ(signatures.size(), 1u);
  EXPECT_TRUE(signatures[0].valid);
  EXPECT_EQ(Row(proposed).ended_by, "investigator");
  EXPECT_EQ(Row(proposed).edge, EdgeId("kisumu-1"));
  EXPECT_FALSE(ToldLast().open);
  EXPECT_EQ(ToldLast().proposal.proposal_id, 0u);
  ExpectSound();
}

TEST_F(ProposalsTest, AnAnswerThatComesAgainOrLateChangesNothing) {
  const Proposed proposed = ProposeLeft();
  const wire::Endorsement accepted = Answer(proposed, true, "");
  EXPECT_EQ(Take(accepted), ProposalState::kAccepted);
  const std::string before = Everything();
  EXPECT_EQ(Take(accepted), ProposalState::kAccepted);
  EXPECT_EQ(Take(Answer(proposed, false, "no")), ProposalState::kAccepted) << "the first one counts";
  EXPECT_EQ(Everything(), before);
}

TEST_F(ProposalsTest, ARejectionLeavesTheConflictToTheDataManagersWithItsReason) {
  const Proposed proposed = ProposeLeft();
  EXPECT_EQ(Take(Answer(proposed, false, "the source says 90")), ProposalState::kRejected);
  EXPECT_EQ(Conflict().end, ConflictEnd::kOpen);
  EXPECT_EQ(Row(proposed).answer_reason, "the source says 90");
  EXPECT_EQ(Rows("proposal").find(ToHex(AsBytes("the source says 90"))), std::string::npos)
      << "sealed at rest";
  EXPECT_TRUE(ToldLast().open);
  EXPECT_EQ(ToldLast().proposal.proposal_id, 0u);
  const Proposed another = ProposeLeft();
  EXPECT_NE(another.proposal, proposed.proposal);
  EXPECT_EQ(Take(Answer(another, true, "")), ProposalState::kAccepted);
}

TEST_F(ProposalsTest, OneThatTheRecordHasMovedPastIsSupersededAndItsAnswerTooLate) {
  const Proposed proposed = ProposeLeft();
  Apply(Vitals("01-702-1082", kKisumu, {&opened_.left},
               {{kPulse, "72"}, {kSystolic, "120"}, {kPosition, "SUPINE"}}));
  EXPECT_EQ(Row(proposed).state, ProposalState::kSuperseded);
  EXPECT_EQ(ToldLast().proposal.proposal_id, 0u);
  EXPECT_EQ(Take(Answer(proposed, true, "")), ProposalState::kSuperseded);
  EXPECT_EQ(Conflict().end, ConflictEnd::kOpen);
  ExpectSound();
}

TEST_F(ProposalsTest, AnEndorsementOfARecordLockedSinceIsNotApplied) {
  const Proposed proposed = ProposeLeft();
  LockRow lock;
  lock.study = kPilot;
  lock.set_by = "dm";
  lock.reason = "database lock";
  ExpectOk(SetLock(*store_, lock));
  EXPECT_EQ(Take(Answer(proposed, true, "")), ProposalState::kSuperseded);
  EXPECT_EQ(Conflict().end, ConflictEnd::kOpen);
  EXPECT_EQ(Current(opened_.base).items, opened_.right.revision.items);
  ExpectSound();
}

TEST_F(ProposalsTest, AnotherSitesAnswerOrOneToAnotherRevisionIsNone) {
  const Proposed proposed = ProposeLeft();
  EXPECT_EQ(Take(Answer(proposed, true, ""), kTororo), ProposalState::kUnknown);
  wire::Endorsement other = Answer(proposed, true, "");
  other.revision = opened_.right.id;
  EXPECT_EQ(Take(other), ProposalState::kUnknown);
  other.proposal_id = 4711;
  EXPECT_EQ(Take(other), ProposalState::kUnknown);
  EXPECT_EQ(Row(proposed).state, ProposalState::kWaiting);
}

TEST_F(ProposalsTest, OneProposalWaitsAtATimeAndCanBeWithdrawn) {
  const Proposed proposed = ProposeLeft();
  const auto second = Propose(*store_, {clock_, random_}, TakeLeft());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
  ExpectOk(WithdrawProposal(*store_, opened_.row.id, "dm"));
  EXPECT_EQ(Row(proposed).state, ProposalState::kWithdrawn);
  EXPECT_EQ(ToldLast().proposal.proposal_id, 0u);
  EXPECT_EQ(WithdrawProposal(*store_, opened_.row.id, "dm").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Take(Answer(proposed, true, "")), ProposalState::kWithdrawn);
  ProposeLeft();
}

TEST_F(ProposalsTest, TheQueueTellsThoseThatWaitForTheSiteApart) {
  OpenConflict("01-702-1083");
  ProposeLeft();
  QueueFilter filter;
  filter.scopes = {Scope()};
  const auto rows = [&] {
    return Read<std::vector<QueueRow>>(
        [&](CentralReader& reader) { return reader.ListQueue(filter, {}, nullptr, 10); });
  };
  EXPECT_EQ(rows().size(), 2u);
  const auto counts = Read<QueueCounts>(
      [&](CentralReader& reader) { return reader.CountQueue(filter, "dm", clock_.Wall()); });
  EXPECT_EQ(counts.at_site, 1u);
  filter.at_site = true;
  ASSERT_EQ(rows().size(), 1u);
  EXPECT_EQ(rows()[0].conflict.id, opened_.row.id);
  EXPECT_TRUE(rows()[0].at_site);
  filter.at_site = false;
  ASSERT_EQ(rows().size(), 1u);
  EXPECT_NE(rows()[0].conflict.id, opened_.row.id);
}

TEST_F(ProposalsTest, ACentralStudyKeepsTheTextOfItsRule) {
  const Status none = SetResolution(*store_, kPilot, ResolutionMode::kCentral, " ", "admin");
  EXPECT_EQ(none.error().code, ErrorCode::kFieldMissing);
  ExpectOk(SetResolution(*store_, kPilot, ResolutionMode::kCentral, "The later entry counts.",
                         "admin"));
  EXPECT_TRUE(Resolve(*store_, {clock_, random_}, TakeLeft()).ok());
}

class ReopenTest : public ProposalsTest {
 protected:
  void SetUp() override {
    ProposalsTest::SetUp();
    ExpectOk(SetResolution(*store_, kPilot, ResolutionMode::kCentral, "The later entry counts.",
                           "admin"));
    resolution_ = Must(Resolve(*store_, {clock_, random_}, TakeLeft()));
  }
  SnowflakeId ReopenIt() {
    return Must(Reopen(*store_, opened_.row.id, "dm", "the source was misread"));
  }
  RevisionId resolution_;
};

TEST_F(ReopenTest, AnEndedConflictIsDecidedAnewOnTopOfWhatCounts) {
  const SnowflakeId again = ReopenIt();
  const ConflictRow row = OpenOf(opened_.base);
  EXPECT_EQ(row.id, again);
  EXPECT_EQ(row.reopens, opened_.row.id);
  EXPECT_EQ(row.heads, std::vector{resolution_});
  EXPECT_EQ(row.severity, opened_.row.severity);
  EXPECT_TRUE(ToldLast().open);
  ExpectSound();
  Decision decision = TakeLeft();
  decision.conflict = again;
  decision.take = opened_.right.id;
  const RevisionId second = Must(Resolve(*store_, {clock_, random_}, decision));
  EXPECT_EQ(Current(opened_.base).items, opened_.right.revision.items);
  EXPECT_EQ(Current(opened_.base).parents, std::vector{resolution_});
  EXPECT_EQ(OpenOf(opened_.base).id, SnowflakeId());
  EXPECT_NE(second, resolution_);
  ExpectSound();
}

TEST_F(ReopenTest, AnEditDoesNotAnswerWhatWasAskedAnew) {
  ReopenIt();
  const Revision decided = Current(opened_.base);
  const KnownRevision top{resolution_, decided};
  Apply(Vitals("01-702-1082", kKisumu, {&top},
               {{kPulse, "73"}, {kSystolic, "120"}, {kPosition, "SUPINE"}}));
  const ConflictRow row = OpenOf(opened_.base);
  ASSERT_TRUE(row.reopens.has_value()) << "still open";
  EXPECT_EQ(row.heads.size(), 1u);
  EXPECT_NE(row.heads[0], resolution_);
  ExpectSound();
}

TEST_F(ReopenTest, AnOpenConflictOrOneWithoutAReasonIsNotOpenedAgain) {
  EXPECT_EQ(Reopen(*store_, opened_.row.id, "dm", "").error().code, ErrorCode::kFieldMissing);
  const SnowflakeId again = ReopenIt();
  EXPECT_EQ(Reopen(*store_, again, "dm", "why").error().code, ErrorCode::kStale);
  EXPECT_EQ(Reopen(*store_, opened_.row.id, "dm", "why").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Reopen(*store_, SnowflakeId(5), "dm", "why").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace edcsync::central
