#include "central-gateway/desk/conflict_desk.h"

#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

class DeskTest : public CentralStoreTest {
 protected:
  void Apply(const KnownRevision& known) {
    Incoming incoming = ReadIncoming(EncodeRevision(known.revision));
    incoming.edge = kisumu_;
    incoming.site = SiteOID("Kisumu");
    incoming.incarnation = incarnation_;
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry_));
      EDCSYNC_TRY(merger.Apply(incoming));
      return Ok();
    }));
  }
  // Two values for one item.
  void OpenConflict() {
    base_ = Make("S1", "F.VS", {}, 1, "70");
    left_ = Make("S1", "F.VS", {base_.id}, 2, "71");
    right_ = Make("S1", "F.VS", {base_.id}, 2, "90");
    for (const KnownRevision* known : {&base_, &left_, &right_}) Apply(*known);
    decision_.conflict = Open()->id;
    decision_.take = left_.id;
    decision_.reason = "checked with the source";
    decision_.user = "dm";
  }
  std::optional<ConflictRow> Open() {
    std::vector<ConflictRow> rows;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(rows, reader.ListConflicts({}));
      return Ok();
    }));
    return rows.empty() ? std::nullopt : std::optional(rows.front());
  }
  FormItems Current() {
    FormItems items;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      const auto record = Must(reader.FindRecord(base_.revision.key));
      EXPECT_EQ(record->heads.size(), 1u);
      items = Must(reader.FindRevision(record->current))->known.revision.items;
      return Ok();
    }));
    return items;
  }

  RegistryCache registry_;
  CentreWriter centre_{clock_, random_};
  KnownRevision base_, left_, right_;
  Decision decision_;
};

TEST_F(DeskTest, TakingAHeadMakesItsContentWinEvenIfItHadLost) {
  OpenConflict();
  ASSERT_TRUE(Resolve(*store_, centre_, decision_).ok());
  EXPECT_EQ(Current(), left_.revision.items);
  EXPECT_FALSE(Open());
  EXPECT_EQ(Resolve(*store_, centre_, decision_).error().code, ErrorCode::kStale);
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

TEST_F(DeskTest, AComposedContentIsStoredVerbatim) {
  OpenConflict();
  decision_.take.reset();
  decision_.items = right_.revision.items;
  decision_.items->begin()->second[ItemOID("IT.PULSE")] = "080.0";
  ASSERT_TRUE(Resolve(*store_, centre_, decision_).ok());
  EXPECT_EQ(Current(), *decision_.items);
}

TEST_F(DeskTest, WithoutAReasonAUserOrExactlyOneContentNothingIsDecided) {
  OpenConflict();
  Decision unreasoned = decision_;
  unreasoned.reason.clear();
  EXPECT_EQ(Resolve(*store_, centre_, unreasoned).error().code, ErrorCode::kFieldMissing);
  Decision both = decision_;
  both.items = FormItems();
  EXPECT_EQ(Resolve(*store_, centre_, both).error().code, ErrorCode::kUsage);
  EXPECT_TRUE(Open());
}

// Story: a conflict follows its record, so a decision upon two heads settled a third unseen.
TEST_F(DeskTest, ADecisionUponHeadsThatHaveMovedOnIsStaleAndNamesTodays) {
  OpenConflict();
  decision_.seen_heads = Open()->heads;
  const KnownRevision unseen = Make("S1", "F.VS", {right_.id}, 3, "91");
  Apply(unseen);
  const auto stale = Resolve(*store_, centre_, decision_);
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.error().code, ErrorCode::kStale);
  EXPECT_NE(stale.error().message.find(unseen.id.ToHex()), std::string::npos);
  EXPECT_TRUE(Open());
}

TEST_F(DeskTest, WhatIsRejectedStaysReadableAndIsDecidedOnce) {
  const KnownRevision bad = Make("S1", "F.VS", {}, 7, "70");
  Apply(bad);
  ExpectOk(RejectQuarantine(*store_, bad.id, "dm", "its writer is defective"));
  EXPECT_EQ(RejectQuarantine(*store_, bad.id, "dm", "again").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReleaseQuarantine(*store_, bad.id, "dm", "after all").error().code,
            ErrorCode::kNotFound);
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    EXPECT_EQ(Must(reader.FindQuarantine(bad.id))->bytes, EncodeRevision(bad.revision));
    return Ok();
  }));
}

}  // namespace
}  // namespace edcsync::central
