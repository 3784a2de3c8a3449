#include "shared/model/merge_rule.h"

#include <gtest/gtest.h>

namespace edcsync {
namespace {

RevisionId Id(std::uint8_t number) {
  RevisionId id;
  id.digest.fill(number);
  return id;
}

FormItems Vitals(ItemValue pulse, ItemValue temperature) {
  return {{{ItemGroupOID("IG.VS"), RepeatKey("1")},
           {{ItemOID("IT.PULSE"), pulse}, {ItemOID("IT.TEMP"), temperature}}}};
}
const ItemPath kVitalsPulse{{ItemGroupOID("IG.VS"), RepeatKey("1")}, ItemOID("IT.PULSE")};

KnownRevision Make(std::uint8_t id, std::uint32_t version, std::vector<RevisionId> parents,
                   FormItems items, std::int64_t edited_ms = 1000) {
  KnownRevision known;
  known.id = Id(id);
  Revision& revision = known.revision;
  revision.key = {StudyOID("S"), SubjectKey("01"), StudyEventOID("E"), RepeatKey("1"),
                  FormOID("F"), RepeatKey("1")};
  revision.site = SiteOID("SITE.702");
  revision.edge = EdgeId("kisumu-1");
  revision.version = version;
  revision.parents = std::move(parents);
  revision.edited_at = {edited_ms, 0};
  revision.salt.fill(id);
  revision.items = std::move(items);
  return known;
}

const KnownRevision kAncestor = Make(1, 1, {}, Vitals("70", "37.0"));

TEST(MergeRule, TheHigherVersionWinsThenTheLaterEditThenTheGreaterId) {
  const KnownRevision low = Make(9, 2, {Id(1)}, Vitals("1", "1"), 9000);
  const KnownRevision high = Make(2, 3, {Id(1)}, Vitals("2", "2"), 10);
  EXPECT_EQ(Winner({low, high}).id, high.id);
  const KnownRevision later = Make(3, 3, {Id(1)}, Vitals("3", "3"), 11);
  EXPECT_EQ(Winner({later, high}).id, later.id);
  const KnownRevision twin = Make(4, 3, {Id(1)}, Vitals("4", "4"), 11);
  EXPECT_EQ(Winner({later, twin, low}).id, twin.id);
}

TEST(MergeRule, ASuccessorOfTheOnlyHeadIsAppliedAndNeverFlagged) {
  const KnownRevision next = Make(2, 2, {Id(1)}, Vitals("71", "37.0"));
  EXPECT_EQ(NextHeads({Id(1)}, {Id(1)}, Id(2)), std::vector{Id(2)});
  EXPECT_EQ(DecideMerge({next}, next.id, nullptr, MergePolicy::kFlag).outcome, Outcome::kApplied);
}

TEST(MergeRule, TwoValuesForOneItemAreAHardConflictUnderEitherPolicy) {
  const KnownRevision a = Make(2, 2, {Id(1)}, Vitals("71", "37.0"));
  const KnownRevision b = Make(3, 2, {Id(1)}, Vitals("72", "37.0"));
  for (const MergePolicy policy : {MergePolicy::kFlag, MergePolicy::kMergeDisjoint}) {
    EXPECT_EQ(DecideMerge({a, b}, b.id, &kAncestor.revision, policy).outcome,
              Outcome::kConflictWon);
    EXPECT_EQ(DecideMerge({a, b}, a.id, &kAncestor.revision, policy).outcome,
              Outcome::kConflictLost);
  }
  const Dispute dispute = FindDispute({a, b}, &kAncestor.revision);
  EXPECT_EQ(dispute.severity, Severity::kHard);
  EXPECT_EQ(dispute.items, std::vector{kVitalsPulse});
}

TEST(MergeRule, DifferentItemsAreASoftConflictOrMergedIfTheStudyAllows) {
  const KnownRevision a = Make(2, 2, {Id(1)}, Vitals("71", "37.0"), 500);
  const KnownRevision b = Make(3, 3, {Id(1)}, Vitals("70", "38.5"), 400);
  EXPECT_EQ(FindDispute({a, b}, &kAncestor.revision).severity, Severity::kSoft);
  EXPECT_FALSE(DecideMerge({a, b}, b.id, &kAncestor.revision, MergePolicy::kFlag).joined);
  const MergeDecision merged =
      DecideMerge({a, b}, b.id, &kAncestor.revision, MergePolicy::kMergeDisjoint);
  ASSERT_EQ(merged.outcome, Outcome::kMerged);
  EXPECT_EQ(merged.joined->items, Vitals("71", "38.5"));
  EXPECT_EQ(merged.joined->version, 4u);
  EXPECT_EQ(merged.joined->parents, (std::vector{Id(2), Id(3)}));
  EXPECT_TRUE(CheckRevision(*merged.joined).ok());
  // Whichever came last, the gateway writes the same revision.
  EXPECT_EQ(DecideMerge({b, a}, a.id, &kAncestor.revision, MergePolicy::kMergeDisjoint).joined,
            merged.joined);
  // Without an ancestor nobody knows what was changed.
  EXPECT_FALSE(DecideMerge({a, b}, b.id, nullptr, MergePolicy::kMergeDisjoint).joined);
}

TEST(MergeRule, TheSameContentConvergesWithoutAskingAnybody) {
  const KnownRevision a = Make(2, 2, {Id(1)}, Vitals("71", std::nullopt));
  const KnownRevision b = Make(3, 2, {Id(1)}, Vitals("71", std::nullopt));
  const MergeDecision decision = DecideMerge({a, b}, b.id, &kAncestor.revision, MergePolicy::kFlag);
  ASSERT_EQ(decision.outcome, Outcome::kConverged);
  EXPECT_EQ(decision.joined->items, a.revision.items);
  EXPECT_EQ(decision.joined->origin, Origin::kConvergence);
  EXPECT_TRUE(CheckRevision(*decision.joined).ok());
}

TEST(MergeRule, ARemovalAgainstAChangeIsHardAndNeverMerged) {
  KnownRevision removal = Make(2, 2, {Id(1)}, {});
  removal.revision.removed = true;
  const KnownRevision change = Make(3, 2, {Id(1)}, Vitals("70", "38.5"));
  EXPECT_EQ(FindDispute({removal, change}, &kAncestor.revision).severity, Severity::kHard);
  EXPECT_EQ(DecideMerge({removal, change}, change.id, &kAncestor.revision,
                        MergePolicy::kMergeDisjoint)
                .outcome,
            Outcome::kConflictWon);
  // Removed is not the same as emptied.
  EXPECT_FALSE(SameContent(removal.revision, Make(4, 2, {Id(1)}, {}).revision));
}

// Regression: two disjoint changes of the largest size were merged into a revision that no edge
// could decode, so the feed stood still at it.
TEST(MergeRule, AMergeTooLargeForOneRevisionIsAConflictInstead) {
  const auto with = [](std::uint8_t id, const std::string& prefix) {
    KnownRevision known = Make(id, 2, {Id(1)}, Vitals("70", "37.0"));
    for (int i = 0; i < 7; ++i) {
      known.revision.items.begin()->second[ItemOID(prefix + std::to_string(i))] =
          std::string(60 * 1024, 'x');
    }
    return known;
  };
  const KnownRevision a = with(2, "A");
  const KnownRevision b = with(3, "B");
  ASSERT_LE(EncodeRevision(a.revision).size(), limits::kRevisionBytesMax);
  const MergeDecision decision =
      DecideMerge({a, b}, b.id, &kAncestor.revision, MergePolicy::kMergeDisjoint);
  EXPECT_EQ(decision.outcome, Outcome::kConflictWon);
  EXPECT_FALSE(decision.joined);
}

TEST(MergeRule, TheBestCommonAncestorIsTheLatestThatAllDescendFrom) {
  // 1 - 2 - 3, 2 - 4, 1 - 5.
  std::map<RevisionId, GraphNode> graph{{Id(1), {1, {}}},      {Id(2), {2, {Id(1)}}},
                                        {Id(3), {3, {Id(2)}}}, {Id(4), {3, {Id(2)}}},
                                        {Id(5), {2, {Id(1)}}}, {Id(9), {1, {}}}};
  std::size_t reads = 0;
  const auto node_of = [&](const RevisionId& id) -> Result<GraphNode> {
    ++reads;
    if (!graph.contains(id)) return Fail(ErrorCode::kNotFound, "no such revision");
    return graph.at(id);
  };
  EXPECT_EQ(BestCommonAncestor({Id(3), Id(4)}, node_of).value(), Id(2));
  EXPECT_EQ(reads, 4u);  // Each ancestor once.
  EXPECT_EQ(BestCommonAncestor({Id(3), Id(4), Id(5)}, node_of).value(), Id(1));
  EXPECT_EQ(BestCommonAncestor({Id(3), Id(2)}, node_of).value(), Id(2));
  EXPECT_EQ(BestCommonAncestor({Id(3), Id(9)}, node_of).value(), std::nullopt);
  EXPECT_EQ(BestCommonAncestor({Id(3), Id(77)}, node_of).error().code, ErrorCode::kNotFound);
}

TEST(MergeRule, NoEdgeBuysTheWinWithALargeVersion) {
  const KnownRevision greedy = Make(2, 1000, {Id(1)}, Vitals("1", "1"));
  EXPECT_EQ(CheckVersion(greedy.revision, {1}).error().code, ErrorCode::kVersionMismatch);
  EXPECT_TRUE(CheckVersion(Make(2, 4, {Id(1), Id(3)}, {}).revision, {1, 3}).ok());
  EXPECT_TRUE(CheckVersion(kAncestor.revision, {}).ok());
}

}  // namespace
}  // namespace edcsync
