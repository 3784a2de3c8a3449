#include "central-gateway/desk/claims.h"

#include "central-gateway/desk/bulk_decision.h"
#include "tests/unit/central-gateway/desk/trial_fixture.h"

namespace edcsync::central {
namespace {

class ClaimsTest : public TrialTest {
 protected:
  void SetUp() override {
    TrialTest::SetUp();
    opened_ = OpenConflict("01-702-1082");
    id_ = opened_.row.id;
  }
  ConflictWork Work() {
    return Read<ConflictWork>([&](CentralReader& reader) { return reader.WorkOn(id_); });
  }
  std::vector<std::string> Actions() {
    std::vector<std::string> actions;
    for (const AuditEntry& entry : Read<std::vector<AuditEntry>>([&](CentralReader& reader) {
           return reader.ListAudit(ToString(opened_.base.revision.key), 0, 1000);
         })) {
      if (entry.action.starts_with("conflict.") && entry.actor.find(':') == std::string::npos &&
          entry.actor != "gateway") {
        actions.push_back(entry.actor + " " + entry.action);
      }
    }
    return actions;
  }
  // Another conflict ended it.
  void Settle() {
    Decision decision;
    decision.conflict = id_;
    decision.take = opened_.left.id;
    decision.reason = "checked";
    decision.user = "dm";
    ASSERT_TRUE(Resolve(*store_, {clock_, random_}, decision).ok());
  }

  Opened opened_;
  SnowflakeId id_;
};

TEST_F(ClaimsTest, AClaimIsALeaseThatItsHolderProlongsUnderTheSameToken) {
  const ConflictWork first = Must(ClaimConflict(*store_, id_, "dm"));
  EXPECT_EQ(first.claimed_by, "dm");
  EXPECT_EQ(first.claim_expires_at.ms, clock_.Wall().ms + kClaimMs);
  EXPECT_EQ(first.fencing_token, 1u);
  clock_.Advance(kClaimMs - 1);
  const ConflictWork again = Must(ClaimConflict(*store_, id_, "dm"));
  EXPECT_EQ(again.claim_expires_at.ms, clock_.Wall().ms + kClaimMs);
  EXPECT_EQ(again.fencing_token, 1u);
  EXPECT_EQ(Actions(), std::vector<std::string>{"dm conflict.claimed"}) << "prolonged is not news";
}

TEST_F(ClaimsTest, AnothersClaimHoldsUntilItsLastMillisecond) {
  Must(ClaimConflict(*store_, id_, "dm"));
  const auto refused = ClaimConflict(*store_, id_, "okello");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kClaimed);
  EXPECT_NE(refused.error().message.find("dm"), std::string::npos);
  EXPECT_NE(refused.error().message.find(FormatUtc({clock_.Wall().ms + kClaimMs})),
            std::string::npos);
  clock_.Advance(kClaimMs - 1);
  EXPECT_FALSE(ClaimConflict(*store_, id_, "okello").ok());
  EXPECT_TRUE(IsClaimed(Work(), clock_.Wall()));
  clock_.Advance(1);
  EXPECT_FALSE(IsClaimed(Work(), clock_.Wall()));
  const ConflictWork taken = Must(ClaimConflict(*store_, id_, "okello"));
  EXPECT_EQ(taken.claimed_by, "okello");
  EXPECT_EQ(taken.fencing_token, 2u);
}

TEST_F(ClaimsTest, AClaimTakenAnewAfterItRanOutHasANewToken) {
  Must(ClaimConflict(*store_, id_, "dm"));
  clock_.Advance(kClaimMs);
  EXPECT_EQ(Must(ClaimConflict(*store_, id_, "dm")).fencing_token, 2u);
}

TEST_F(ClaimsTest, OnlyItsHolderGivesAClaimBack) {
  Must(ClaimConflict(*store_, id_, "dm"));
  ExpectOk(ReleaseClaim(*store_, id_, "okello"));
  EXPECT_EQ(Work().claimed_by, "dm");
  ExpectOk(ReleaseClaim(*store_, id_, "dm"));
  EXPECT_EQ(Work().claimed_by, "");
  EXPECT_EQ(Work().fencing_token, 1u) << "the token stays spent";
  EXPECT_EQ(Actions(), (std::vector<std::string>{"dm conflict.claimed", "dm conflict.released"}));
}

TEST_F(ClaimsTest, WithATokenOnlyTheClaimThatGaveItDecides) {
  const WallTime now = clock_.Wall();
  const ConflictWork claimed{id_, "", "dm", {now.ms + 1}, 5};
  EXPECT_TRUE(CheckClaim(claimed, "dm", 5, now).ok());
  EXPECT_TRUE(CheckClaim(claimed, "dm", std::nullopt, now).ok());
  EXPECT_EQ(CheckClaim(claimed, "dm", 4, now).error().code, ErrorCode::kClaimed);
  EXPECT_EQ(CheckClaim(claimed, "okello", 5, now).error().code, ErrorCode::kClaimed);
  EXPECT_EQ(CheckClaim(claimed, "okello", std::nullopt, now).error().code, ErrorCode::kClaimed);
  EXPECT_EQ(CheckClaim(claimed, "dm", 5, {now.ms + 1}).error().code, ErrorCode::kClaimed);
  EXPECT_TRUE(CheckClaim(claimed, "okello", std::nullopt, {now.ms + 1}).ok());
  EXPECT_EQ(CheckClaim({id_, "", "", {}, 5}, "dm", 5, now).error().code, ErrorCode::kClaimed);
}

TEST_F(ClaimsTest, AnAssigneeStaysThroughClaimsAndIsToldOnce) {
  ExpectOk(AssignConflict(*store_, id_, "okello", "lead"));
  ExpectOk(AssignConflict(*store_, id_, "okello", "lead"));
  Must(ClaimConflict(*store_, id_, "dm"));
  EXPECT_EQ(Work().assignee, "okello");
  EXPECT_EQ(Work().claimed_by, "dm");
  ExpectOk(AssignConflict(*store_, id_, "", "lead"));
  EXPECT_EQ(Work().assignee, "");
  EXPECT_EQ(Work().claimed_by, "dm");
  EXPECT_EQ(Actions(), (std::vector<std::string>{"lead conflict.assigned", "dm conflict.claimed",
                                                 "lead conflict.assigned"}));
}

TEST_F(ClaimsTest, WhatHasEndedOrIsNotThereIsNobodysWork) {
  Settle();
  EXPECT_EQ(ClaimConflict(*store_, id_, "dm").error().code, ErrorCode::kStale);
  EXPECT_EQ(AssignConflict(*store_, id_, "okello", "dm").error().code, ErrorCode::kStale);
  EXPECT_EQ(ClaimConflict(*store_, SnowflakeId(1), "dm").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(AssignConflict(*store_, SnowflakeId(1), "x", "dm").error().code, ErrorCode::kNotFound);
}

TEST_F(ClaimsTest, ADecisionEndsTheClaim) {
  Must(ClaimConflict(*store_, id_, "dm"));
  Settle();
  EXPECT_EQ(Work().claimed_by, "");
}

TEST_F(ClaimsTest, WhoMayNotSeeIsToldNothingAndWhoMayOnlySeeIsForbidden) {
  Viewer viewer;
  viewer.reads = {{kPilot, kTororo}};
  EXPECT_EQ(RequireDecides(*store_, viewer, id_).error().code, ErrorCode::kNotFound);
  viewer.reads = {{kPilot, kKisumu}};
  viewer.decides = {{kPilot, kTororo}};
  EXPECT_EQ(RequireDecides(*store_, viewer, id_).error().code, ErrorCode::kForbidden);
  viewer.decides = {{StudyOID(), kKisumu}};
  EXPECT_TRUE(RequireDecides(*store_, viewer, id_).ok());
  EXPECT_EQ(RequireDecides(*store_, viewer, SnowflakeId(1)).error().code, ErrorCode::kNotFound);
}

TEST_F(ClaimsTest, ARuleTakesTheHeadItNamesOrDoesNotFit) {
  EXPECT_EQ(Must(HeadByRule(*store_, id_, BulkRule::kCurrent)), opened_.right.id);
  EXPECT_EQ(Must(HeadByRule(*store_, id_, BulkRule::kNewest)), opened_.right.id);
  EXPECT_EQ(HeadByRule(*store_, id_, BulkRule::kSite).error().code, ErrorCode::kFieldInvalid)
      << "both sides are a site's";
  EXPECT_EQ(HeadByRule(*store_, id_, BulkRule::kOnline).error().code, ErrorCode::kFieldInvalid);
  // Edited later, but of a lower version: newest and current part.
  KnownRevision online = Vitals("01-702-1082", kKisumu, {}, {{kPulse, "66"}});
  online.revision.origin = Origin::kOnline;
  online.revision.edge = EdgeId();
  online.revision.version = 2;
  online.revision.parents = {opened_.base.id};
  const KnownRevision longer =
      Vitals("01-702-1082", kKisumu, {&opened_.left, &opened_.right}, {{kPulse, "72"}});
  online = Sealed(std::move(online));
  Apply(longer);
  clock_.Advance(1000);
  online.revision.edited_at.ms = clock_.Wall().ms;
  online = Sealed(std::move(online));
  Apply(online);
  id_ = OpenOf(online).id;
  EXPECT_EQ(Must(HeadByRule(*store_, id_, BulkRule::kCurrent)), longer.id);
  EXPECT_EQ(Must(HeadByRule(*store_, id_, BulkRule::kNewest)), online.id);
  EXPECT_EQ(Must(HeadByRule(*store_, id_, BulkRule::kSite)), longer.id);
  EXPECT_EQ(Must(HeadByRule(*store_, id_, BulkRule::kOnline)), online.id);
  EXPECT_EQ(HeadByRule(*store_, SnowflakeId(1), BulkRule::kNewest).error().code,
            ErrorCode::kNotFound);
}

TEST_F(ClaimsTest, ARuleHasOneOfFourNames) {
  EXPECT_EQ(ParseBulkRule("online"), BulkRule::kOnline);
  EXPECT_EQ(ParseBulkRule("current"), BulkRule::kCurrent);
  EXPECT_EQ(ParseBulkRule("Newest"), std::nullopt);
  EXPECT_EQ(ParseBulkRule(""), std::nullopt);
}

}  // namespace
}  // namespace edcsync::central
