#include "central-gateway/enrolment/invitations.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "central-gateway/enrolment/attempt_limits.h"
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

const EdgeId kTororo("tororo");
const SiteOID kSite("Tororo");

class Invitations : public CentralStoreTest {
 protected:
  CertificateAuthority authority_ =
      *CertificateAuthority::Create("edcsync CA", {clock_.Wall().ms - 86'400'000}, 3650, random_);

  CertificateRequest Request(const PrivateKey& key, const std::string& name = "tororo") {
    return *CertificateRequest::FromDer(*CertificateRequest::Make(key, name, ""));
  }
  Invitation Invite(bool rebuild = false) {
    return Must(central::Invite(*store_, {kTororo, kSite, rebuild, 72, "operator"}, random_));
  }
  Result<Certificate> Use(const std::string& secret, const CertificateRequest& request) {
    Result<Certificate> outcome = Fail(ErrorCode::kInternal, "");
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(outcome,
                     UseInvitation(writer, {authority_, 60, random_}, kTororo, secret, request));
      return Ok();
    }));
    return outcome;
  }
  Result<Certificate> RenewWith(const Certificate& present, const CertificateRequest& request) {
    Result<Certificate> outcome = Fail(ErrorCode::kInternal, "");
    const Status done = store_->Write([&](CentralWriter& writer) -> Status {
      outcome = Renew(writer, {authority_, 60, random_}, present, request, Naming());
      EDCSYNC_TRY(outcome);
      return Ok();
    });
    EXPECT_EQ(done.ok(), outcome.ok());
    return outcome;
  }
  // By a list that names nothing but these.
  static IsListed Naming(std::vector<std::string> serials = {}) {
    return [serials = std::move(serials)](const std::string& serial_hex) -> Result<bool> {
      return std::find(serials.begin(), serials.end(), serial_hex) != serials.end();
    };
  }
  EdgeRow Row() {
    std::optional<EdgeRow> row;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      row = Must(reader.FindEdge(kTororo));
      return Ok();
    }));
    return row.value_or(EdgeRow());
  }

  PrivateKey key_ = *PrivateKey::Generate();
};

TEST_F(Invitations, OneKeyIsCertifiedOnceAndAnsweredAgain) {
  const Invitation invitation = Invite();
  const auto first = Use(invitation.secret, Request(key_));
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->CommonName(), "tororo");
  EXPECT_EQ(first->OrganizationalUnit(), "Tororo");
  EXPECT_EQ(Use(invitation.secret, Request(key_))->SerialHex(), first->SerialHex());
  EXPECT_EQ(Row().certificates_pem.size(), 1U);
  const auto other = Use(invitation.secret, Request(*PrivateKey::Generate()));
  EXPECT_EQ(other.error().code, ErrorCode::kForbidden);
}

TEST_F(Invitations, OneThatExpiredOrWasReplacedIsRefused) {
  const Invitation first = Invite();
  const Invitation second = Invite();
  EXPECT_EQ(Use(first.secret, Request(key_)).error().code, ErrorCode::kUnauthorized);
  clock_.Advance(72 * 3'600'000);
  const auto late = Use(second.secret, Request(key_));
  ASSERT_FALSE(late.ok());
  EXPECT_NE(late.error().message.find("expired"), std::string::npos);
  EXPECT_EQ(Row().edge, EdgeId());
}

TEST_F(Invitations, AnotherNameInTheRequestIsRefused) {
  const Invitation invitation = Invite();
  EXPECT_EQ(Use(invitation.secret, Request(key_, "kisumu")).error().code, ErrorCode::kFieldInvalid);
  EXPECT_TRUE(Use(invitation.secret, Request(key_, "")).ok());
}

// Whoever knew an edge's name could end its invitation with 20 wrong secrets, and each new one.
TEST_F(Invitations, WrongSecretsAreCountedAndAuditedAndEndNoInvitation) {
  const Invitation invitation = Invite();
  for (std::uint32_t i = 0; i < kInvitationFailuresMax + 5; ++i) {
    EXPECT_EQ(Use(std::string(48, 'f'), Request(key_)).error().code, ErrorCode::kUnauthorized);
  }
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    EXPECT_EQ(Must(reader.FindInvitation(kTororo))->failed_count, kInvitationFailuresMax);
    std::size_t told = 0;
    for (const AuditEntry& entry : Must(reader.ListAudit("tororo", 0, 100))) {
      if (entry.action == "edge.invitation_attacked") ++told;
    }
    EXPECT_EQ(told, 1U);
    return Ok();
  }));
  EXPECT_TRUE(Use(invitation.secret, Request(key_)).ok());
}

TEST_F(Invitations, ARebuiltEdgeLosesItsFormerCertificateAndItsIncarnation) {
  const Certificate former = *Use(Invite().secret, Request(key_));
  const Incarnation incarnation = random_.NewId<Incarnation>();
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    return writer.SetIncarnation(kTororo, incarnation);
  }));
  EXPECT_EQ(central::Invite(*store_, {kTororo, kSite, false, 72, "operator"}, random_).error().code,
            ErrorCode::kAlreadyExists);
  const Invitation rebuild = Invite(true);
  ASSERT_TRUE(rebuild.known_loss.has_value());
  EXPECT_EQ(rebuild.known_loss->incarnation, incarnation);
  EXPECT_EQ(Row().certificates_pem.size(), 1U);  // Until it enrols nothing changes.
  const Certificate fresh = *Use(rebuild.secret, Request(*PrivateKey::Generate()));
  EXPECT_EQ(Row().certificates_pem, std::vector<std::string>{fresh.ToPem()});
  EXPECT_EQ(Row().incarnation, Incarnation());
  EXPECT_EQ(RenewWith(former, Request(key_)).error().code, ErrorCode::kForbidden);
}

TEST_F(Invitations, ARevokedEdgeIsNeitherInvitedNorRenewed) {
  const Certificate present = *Use(Invite().secret, Request(key_));
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    return writer.SetEdgeStanding(kTororo, EdgeStanding::kRevoked, "stolen");
  }));
  EXPECT_EQ(RenewWith(present, Request(key_)).error().code, ErrorCode::kRevokedEdge);
  EXPECT_EQ(central::Invite(*store_, {kTororo, kSite, true, 72, "operator"}, random_).error().code,
            ErrorCode::kRevokedEdge);
}

TEST_F(Invitations, ARenewalIsAnsweredAgainForTheSameKeyAndTheFormerStaysMeanwhile) {
  const Certificate present = *Use(Invite().secret, Request(key_));
  const PrivateKey next = *PrivateKey::Generate();
  const Certificate fresh = *RenewWith(present, Request(next));
  EXPECT_EQ(RenewWith(present, Request(next))->SerialHex(), fresh.SerialHex());
  EXPECT_EQ(Row().certificates_pem, (std::vector<std::string>{fresh.ToPem(), present.ToPem()}));
}

TEST_F(Invitations, ACertificateThatARestoredCentreForgotIsRememberedAndAReplacedOneIsNot) {
  const Certificate present = *Use(Invite().secret, Request(key_));
  CertificateAuthority::Request wish;
  wish.common_name = "tororo";
  wish.organizational_unit = "Tororo";
  wish.not_before = clock_.Wall();
  wish.not_after = {clock_.Wall().ms + 3'600'000};
  const Certificate forgotten = *authority_.Issue(Request(*PrivateKey::Generate()), wish, random_);
  wish.organizational_unit = "Kisumu";
  const Certificate elsewhere = *authority_.Issue(Request(*PrivateKey::Generate()), wish, random_);
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EXPECT_EQ(RememberCertificate(writer, elsewhere, Naming()).error().code, ErrorCode::kForbidden);
    EXPECT_EQ(EdgeOfCertificate(writer, forgotten).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(RememberCertificate(writer, forgotten, Naming({forgotten.SerialHex()})).error().code,
              ErrorCode::kForbidden);
    EDCSYNC_TRY(RememberCertificate(writer, forgotten, Naming()));
    EDCSYNC_TRY(writer.RevokeCertificatesBut(kTororo, forgotten.ToPem()));
    EXPECT_EQ(RememberCertificate(writer, present, Naming()).error().code, ErrorCode::kForbidden);
    return Ok();
  }));
  EXPECT_EQ(Row().certificates_pem, std::vector<std::string>{forgotten.ToPem()});
}

TEST(AttemptLimits, LetABurstThroughAndThenSoManyAMinute) {
  AttemptLimits limits(6, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.Take("192.0.2.1", {0}).ok());
  EXPECT_EQ(limits.Take("192.0.2.1", {0}).error().code, ErrorCode::kTooManyAttempts);
  EXPECT_TRUE(limits.Take("192.0.2.2", {0}).ok());
  EXPECT_TRUE(limits.Take("192.0.2.1", {10'000'000}).ok());
}

}  // namespace
}  // namespace edcsync::central
