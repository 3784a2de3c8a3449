#include "central-gateway/desk/audit_checkpoint.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/central-gateway/desk/trial_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Identity {
  PrivateKey key;
  Certificate certificate;
};

class AuditCheckpointTest : public TrialTest {
 protected:
  void SetUp() override {
    TrialTest::SetUp();
    OpenConflict("01-702-1082");
    centre_ = Issue(authority_, "gateway", "");
    text_ = Make(centre_);
    OpenConflict("01-702-1083");  // The trail goes on.
  }
  Identity Issue(const CertificateAuthority& authority, const std::string& name,
                 const std::string& site) {
    Identity identity;
    identity.key = Must(PrivateKey::Generate());
    CertificateAuthority::Request request;
    request.common_name = name;
    request.organizational_unit = site;
    request.purpose = site.empty() ? CertificateAuthority::Purpose::kGateway
                                   : CertificateAuthority::Purpose::kEdge;
    request.not_before = clock_.Wall();
    request.valid_days = 30;
    identity.certificate = Must(authority.Issue(identity.key, request, random_));
    return identity;
  }
  std::string Make(const Identity& identity) {
    return Must(
        MakeCheckpoint(*store_, "gateway-1", identity.key, identity.certificate, clock_.Wall()));
  }
  std::vector<std::string> Check(const std::string& text) {
    return Must(CheckCheckpoint(*store_, text, {authority_.certificate()}));
  }
  // The checkpoint with one field set.
  std::string With(const char* field, const nlohmann::ordered_json& value) {
    auto json = nlohmann::ordered_json::parse(text_);
    json[field] = value;
    return json.dump();
  }
  void DamageTrail(const std::string& sql) {
    Damage("DROP TRIGGER audit_is_never_altered; DROP TRIGGER audit_is_never_removed; " + sql);
  }
  std::string Entries() {
    return std::to_string(nlohmann::json::parse(text_).at("entries").get<std::uint64_t>());
  }

  const CertificateAuthority authority_ =
      *CertificateAuthority::Create("edcsync", clock_.Wall(), 365, random_);
  Identity centre_;
  std::string text_;
};

TEST_F(AuditCheckpointTest, ACheckpointHoldsWhileTheTrailGrowsAndAfterItsCertificateEnded) {
  EXPECT_THAT(Check(text_), IsEmpty());
  clock_.Advance(60LL * 24 * 3600 * 1000);
  OpenConflict("01-702-1084");
  EXPECT_THAT(Check(text_), IsEmpty());
}

TEST_F(AuditCheckpointTest, AnEntryAlteredInPlaceIsFound) {
  DamageTrail("UPDATE audit SET actor = 'nobody' WHERE number = 2");
  EXPECT_THAT(Check(text_), ElementsAre(HasSubstr("audit entry 2")));
}

// Who holds the database can compute every hash anew, so that the chain is whole again.
TEST_F(AuditCheckpointTest, AChainComputedAnewIsFound) {
  std::vector<AuditEntry> entries = Read<std::vector<AuditEntry>>(
      [](CentralReader& reader) { return reader.ListAudit("", 0, 100'000); });
  entries[1].actor = "nobody";
  Digest previous{};
  std::string sql;
  for (AuditEntry& entry : entries) {
    entry.hash = ChainDigest(previous, EncodeAuditEntry(entry));
    previous = entry.hash;
    sql += "UPDATE audit SET actor = '" + entry.actor + "', hash = x'" + ToHex(entry.hash) +
           "' WHERE number = " + std::to_string(entry.number) + ";";
  }
  DamageTrail(sql);
  std::uint64_t count = 0;
  EXPECT_THAT(Must(store_->VerifyAudit(count, [](std::uint64_t) {})), IsEmpty());
  EXPECT_THAT(Check(text_), ElementsAre(HasSubstr("entry " + Entries() + " has another hash")));
}

TEST_F(AuditCheckpointTest, EntriesTakenOutAreFound) {
  DamageTrail("DELETE FROM audit WHERE number >= " + Entries());
  EXPECT_THAT(Check(text_), ElementsAre(HasSubstr("entries were taken out")));
}

TEST_F(AuditCheckpointTest, AFieldThatWasNotSignedSoIsFound) {
  const std::string hash(64, 'a');
  EXPECT_THAT(Check(With("entries", 1)), Contains(HasSubstr("its signature does not fit")));
  EXPECT_THAT(Check(With("hash", hash)), Contains(HasSubstr("its signature does not fit")));
  EXPECT_THAT(Check(With("gateway", "other")), ElementsAre(HasSubstr("its signature")));
  EXPECT_THAT(Check(With("at", FormatUtc({clock_.Wall().ms + 1}))),
              ElementsAre(HasSubstr("its signature")));
  EXPECT_THAT(Check(With("at", "yesterday")), Contains(HasSubstr("no time")));
  auto signature = nlohmann::json::parse(text_).at("signature").get<std::string>();
  signature.back() = signature.back() == '0' ? '1' : '0';
  EXPECT_THAT(Check(With("signature", signature)), ElementsAre(HasSubstr("its signature")));
}

TEST_F(AuditCheckpointTest, ACheckpointSignedUnderAForeignAuthorityIsFound) {
  const CertificateAuthority foreign =
      *CertificateAuthority::Create("edcsync", clock_.Wall(), 365, random_);
  EXPECT_THAT(Check(Make(Issue(foreign, "gateway", ""))),
              ElementsAre(HasSubstr("its certificate")));
}

// Story: the gateway's authority also signs the certificates of edges, so that a key taken from a
// hospital's machine signed checkpoints that held.
TEST_F(AuditCheckpointTest, ACheckpointSignedByAnEdgeIsFound) {
  EXPECT_THAT(Check(Make(Issue(authority_, "edge-kisumu", "Kisumu"))),
              ElementsAre(HasSubstr("not the centre's")));
  EXPECT_THAT(Check(Make(Issue(authority_, "gateway", "Kisumu"))),
              ElementsAre(HasSubstr("not the centre's")));
}

TEST_F(AuditCheckpointTest, WhatIsNoCheckpointSaysSo) {
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1]"), With("entries", "5"),
        With("signature", "xyz"), With("hash", "")}) {
    const auto checked = CheckCheckpoint(*store_, text, {authority_.certificate()});
    ASSERT_FALSE(checked.ok()) << text;
    EXPECT_EQ(checked.error().code, ErrorCode::kMalformed) << text;
  }
  EXPECT_FALSE(
      CheckCheckpoint(*store_, With("certificate", "none"), {authority_.certificate()}).ok());
}

}  // namespace
}  // namespace edcsync::central
