#include "edge-agent/uplink/centre_refill.h"

#include "edge-agent/store/record_writer.h"
#include "shared/base/limits.h"
#include "shared/crypto/revision_id.h"
#include "tests/support/edge_world.h"

namespace edcsync::edge {
namespace {

// An edge that got one revision more from the centre than an Offer holds.
class CentreRefillTest : public testing::Test {
 protected:
  static constexpr std::size_t kCount = limits::kPushRevisionCountMax + 1;

  void SetUp() override {
    ASSERT_TRUE(world_.Open().ok());
    const Status added = world_.store().writer().Run([this]() -> Status {
      for (std::size_t i = 0; i < kCount; ++i) EDCSYNC_TRY(AddFromCentre(i));
      return Ok();
    });
    ASSERT_TRUE(added.ok()) << added.error().ToString();
    centre_.bytes.fill(9);
    refill_.emplace(world_.store());
    refill_->Begin(centre_);
  }

  Status AddFromCentre(std::size_t number) {
    Revision revision;
    revision.key = {StudyOID("CDISCPILOT01"), SubjectKey("S" + std::to_string(number)),
                    StudyEventOID("SE.WEEK_2"), RepeatKey("1"), FormOID("F.VS"), RepeatKey("1")};
    revision.site = SiteOID("SITE.702");
    revision.origin = Origin::kOnline;
    revision.version = 1;
    revision.edited_at = {world_.clock.Wall().ms, 0};
    world_.random.Fill(revision.salt);
    revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.PULSE")] = "70";
    const Bytes canonical = EncodeRevision(revision);
    EdgeTables& tables = world_.store().writer_tables();
    EDCSYNC_ASSIGN(const std::int64_t rowid,
                   AddRevision(tables, {IdOf(canonical), std::move(revision)}, canonical,
                               world_.clock.Wall()));
    return tables.marks.Put(rowid, Digest{});
  }
  wire::Offer Next() {
    auto offer = refill_->Next(Epoch(1));
    EXPECT_TRUE(offer.ok());
    return offer->value_or(wire::Offer{});
  }
  static wire::Receipt ReceiptOf(std::uint32_t page) {
    wire::Receipt receipt;
    receipt.offer_page = page;
    return receipt;
  }
  HistoryId StoredHistory() {
    HistoryId history;
    EXPECT_TRUE(world_.store().Read([&](EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(const Checkpoint checkpoint, tables.checkpoint.Get());
      history = checkpoint.history;
      return Ok();
    }).ok());
    return history;
  }

  EdgeWorld world_;
  std::optional<CentreRefill> refill_;
  HistoryId centre_;
};

// Story: a Receipt named no Offer, so that one that came twice counted for the Offer behind it too.
// Had that one been lost, the centre would have missed 512 revisions that only this edge still had.
TEST_F(CentreRefillTest, AReceiptThatComesTwiceTakesOneOfferOnly) {
  const wire::Offer first = Next();
  EXPECT_EQ(first.revisions.size(), kCount - 1);
  EXPECT_TRUE(refill_->Taken(ReceiptOf(first.page)));
  const wire::Offer second = Next();
  EXPECT_EQ(second.revisions.size(), 1u);
  EXPECT_FALSE(refill_->Taken(ReceiptOf(first.page)));
  EXPECT_FALSE(refill_->Taken(ReceiptOf(0)));  // Answers a Push.
  EXPECT_NE(StoredHistory(), centre_);
  EXPECT_TRUE(refill_->Taken(ReceiptOf(second.page)));
  EXPECT_TRUE(Next().revisions.empty());
  EXPECT_FALSE(refill_->under_way());
  EXPECT_EQ(StoredHistory(), centre_);
}

TEST_F(CentreRefillTest, ARefusedOfferIsGivenAgainAndItsLateReceiptDoesNotCount) {
  const wire::Offer refused = Next();
  refill_->GoBack();
  EXPECT_FALSE(refill_->Taken(ReceiptOf(refused.page)));
  const wire::Offer again = Next();
  EXPECT_EQ(again.revisions.size(), refused.revisions.size());
  EXPECT_FALSE(refill_->Taken(ReceiptOf(refused.page)));
  EXPECT_TRUE(refill_->Taken(ReceiptOf(again.page)));
  EXPECT_EQ(Next().revisions.size(), 1u);
}

// Story: one damaged revision failed the refill of a restored centre in every session, so that the
// site delivered nothing any more and no reconciliation could begin.
TEST_F(CentreRefillTest, ADamagedRevisionIsPassedOver) {
  const Status damaged = world_.store().writer().Run([this]() -> Status {
    Database& database = world_.store().writer_tables().database;
    EDCSYNC_TRY(database.Execute("DROP TRIGGER revision_is_never_altered"));
    return database.Execute("UPDATE revision SET sealed = x'00' WHERE revision_rowid <= 2");
  });
  ASSERT_TRUE(damaged.ok()) << damaged.error().ToString();
  const wire::Offer first = Next();
  EXPECT_EQ(first.revisions.size(), limits::kPushRevisionCountMax - 2);
  EXPECT_TRUE(refill_->Taken(ReceiptOf(first.page)));
  const wire::Offer second = Next();
  EXPECT_EQ(second.revisions.size(), 1u);
  EXPECT_TRUE(refill_->Taken(ReceiptOf(second.page)));
  EXPECT_TRUE(Next().revisions.empty());
  EXPECT_EQ(StoredHistory(), centre_);
}

}  // namespace
}  // namespace edcsync::edge
