// Signatures in the store, and the trail as the desk reads it.
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

class SignatureTableTest : public CentralStoreTest {
 protected:
  void SetUp() override {
    CentralStoreTest::SetUp();
    first_ = Make("S1", "F.VS", {}, 1, "70").id;
    second_ = Make("S2", "F.VS", {}, 1, "71").id;
    Sign(first_, "nakato", "Rose Nakato", "decided");
  }
  void Sign(const RevisionId& revision, const std::string& user, const std::string& full_name,
            const std::string& meaning) {
    ExpectOk(store_->Write([&](CentralWriter& writer) {
      return writer.InsertSignature({revision, user, full_name, meaning, writer.Now()});
    }));
  }
  std::vector<SignatureRow> Of(const RevisionId& revision) {
    std::vector<SignatureRow> rows;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(rows, reader.SignaturesOf(revision));
      return Ok();
    }));
    return rows;
  }
  // Alters the row as one who holds the file could.
  void Alter(const std::string& assignment) {
    Damage("DROP TRIGGER signature_no_update; UPDATE signature SET " + assignment);
  }

  RevisionId first_, second_;
};

TEST_F(SignatureTableTest, ASignatureIsReadAsItWasGivenAndValid) {
  Sign(first_, "okello", "Sam Okello", "approved");
  const std::vector<SignatureRow> rows = Of(first_);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].user, "nakato");
  EXPECT_EQ(rows[0].full_name, "Rose Nakato");
  EXPECT_EQ(rows[0].meaning, "decided");
  EXPECT_EQ(rows[0].signed_at, clock_.Wall());
  EXPECT_TRUE(rows[0].valid);
  EXPECT_EQ(rows[1].user, "okello");
  EXPECT_TRUE(rows[1].valid);
  EXPECT_TRUE(Of(second_).empty());
}

TEST_F(SignatureTableTest, ASignatureMovedToAnotherRevisionIsInvalid) {
  Alter("revision_id = x'" + second_.ToHex() + "'");
  EXPECT_TRUE(Of(first_).empty());
  ASSERT_EQ(Of(second_).size(), 1u);
  EXPECT_FALSE(Of(second_)[0].valid);
}

TEST_F(SignatureTableTest, ASignatureWithAnyFieldAlteredIsInvalid) {
  for (const char* assignment :
       {"user = 'okello'", "full_name = 'Sam Okello'", "meaning = 'approved'",
        "signed_at_ms = signed_at_ms + 1", "mac = zeroblob(32)",
        // The same letters, otherwise divided.
        "user = 'nakatoR', full_name = 'ose Nakato'"}) {
    TearDown();
    SetUp();
    Alter(assignment);
    ASSERT_EQ(Of(first_).size(), 1u) << assignment;
    EXPECT_FALSE(Of(first_)[0].valid) << assignment;
  }
}

TEST_F(SignatureTableTest, AMeaningThatIsNoneIsNotStored) {
  EXPECT_FALSE(store_
                   ->Write([&](CentralWriter& writer) {
                     return writer.InsertSignature(
                         {first_, "nakato", "Rose Nakato", "glanced at", writer.Now()});
                   })
                   .ok());
  EXPECT_EQ(Of(first_).size(), 1u);
}

class AuditSearch : public CentralStoreTest {
 protected:
  void SetUp() override {
    CentralStoreTest::SetUp();
    const char* const entries[][3] = {
        {"dm", "conflict.claimed", "A"},          {"okello", "conflict.claimed", "B"},
        {"dm", "conflict.assigned", "B"},         {"dm", "conflicts", "A"},
        {"edge:kisumu", "revision.applied", "A"}, {"dm", "conflict.claimed.x", "A"}};
    for (const auto& [actor, action, object] : entries) {
      clock_.Advance(1000);
      ExpectOk(store_->Write([&, a = actor, b = action, c = object](CentralWriter& writer) {
        return writer.AppendAudit(a, b, c, "");
      }));
    }
    all_ = Find({});
    ASSERT_GE(all_.size(), 6u);
  }
  std::vector<AuditEntry> Find(const AuditFilter& filter) {
    std::vector<AuditEntry> entries;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(entries, reader.ListAuditNewestFirst(filter));
      return Ok();
    }));
    return entries;
  }
  std::size_t CountOf(const AuditFilter& filter) { return Find(filter).size(); }
  static AuditFilter ByAction(const std::string& action) {
    AuditFilter filter;
    filter.action = action;
    return filter;
  }

  std::vector<AuditEntry> all_;
};

TEST_F(AuditSearch, TheNewestComeFirstAndPagesGoBackWithoutAGap) {
  for (std::size_t i = 1; i < all_.size(); ++i) {
    EXPECT_EQ(all_[i].number + 1, all_[i - 1].number);
  }
  EXPECT_EQ(all_.back().number, 1u);
  std::vector<std::uint64_t> numbers;
  AuditFilter page;
  page.count_max = 2;
  for (auto entries = Find(page); !entries.empty(); entries = Find(page)) {
    for (const AuditEntry& entry : entries) numbers.push_back(entry.number);
    page.before_number = entries.back().number;
    if (page.before_number == 1) break;
  }
  ASSERT_EQ(numbers.size(), all_.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], all_[i].number);
}

TEST_F(AuditSearch, AnActionIsExactAndAPrefixEndsInADot) {
  EXPECT_EQ(CountOf(ByAction("conflict.claimed")), 2u);
  EXPECT_EQ(CountOf(ByAction("conflict.")), 4u) << "conflicts is none of them";
  EXPECT_EQ(CountOf(ByAction("conflict")), 0u);
  EXPECT_EQ(CountOf(ByAction("revision.")), 1u);
  EXPECT_EQ(CountOf(ByAction("%")), 0u);
}

TEST_F(AuditSearch, ActorObjectAndTimeNarrowTogether) {
  AuditFilter filter;
  filter.actor = "dm";
  filter.object = "A";
  EXPECT_EQ(CountOf(filter), 3u);
  filter.action = "conflict.";
  EXPECT_EQ(CountOf(filter), 2u);
  filter.from = clock_.Wall();
  ASSERT_EQ(CountOf(filter), 1u);
  EXPECT_EQ(Find(filter)[0].action, "conflict.claimed.x");
  filter.from.reset();
  filter.to = WallTime{clock_.Wall().ms - 1};
  ASSERT_EQ(CountOf(filter), 1u);
  EXPECT_EQ(Find(filter)[0].action, "conflict.claimed");
}

}  // namespace
}  // namespace edcsync::central
