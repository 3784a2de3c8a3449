// `central-gateway restore` and the list of revoked certificates, which is younger than the backup.
#include <gmock/gmock.h>

#include "central-gateway/admin/edge_admin.h"
#include "central-gateway/enrolment/invitations.h"
#include "shared/crypto/revocation_list.h"
#include "tests/unit/central-gateway/app/command_fixture.h"

namespace edcsync::central {
namespace {

class RestoreCommands : public CommandTest {
 protected:
  void SetUp() override {
    CommandTest::SetUp();
    for (const EdgeId& edge : {kKisumu, kTororo}) {
      const Ran added = Run({"edge", "add", edge.str(), "--site", edge.str(), "--out",
                             folder_ + "/" + edge.str()});
      ASSERT_EQ(added.code, kExitOk) << added.err;
    }
  }

  EdgeRow Row(const EdgeId& edge) {
    EdgeRow row;
    EXPECT_TRUE(OpenStore()
                    ->Read([&](CentralReader& reader) -> Status {
                      EDCSYNC_ASSIGN(const auto found, reader.FindEdge(edge));
                      row = found.value_or(EdgeRow());
                      return Ok();
                    })
                    .ok());
    return row;
  }

  // A certificate in place of the edge's present one, which it has been seen to hold; or, if not
  // `seen`, beside it.
  Certificate Renewed(const EdgeId& edge, bool seen = true) {
    CertificateAuthority::Request request;
    request.common_name = request.organizational_unit = edge.str();
    request.not_before = IssueStart(clock_);
    request.valid_days = 10;
    const Certificate renewed =
        LoadAuthority(installation())->Issue(*PrivateKey::Generate(), request, random_).value();
    EXPECT_TRUE(OpenStore()
                    ->Write([&](CentralWriter& writer) -> Status {
                      EDCSYNC_TRY(writer.AddCertificate(edge, renewed.ToPem()));
                      if (!seen) return Ok();
                      EDCSYNC_TRY(writer.RevokeCertificatesBut(edge, renewed.ToPem()));
                      return Ok();
                    })
                    .ok());
    return renewed;
  }

  std::vector<RevokedCertificate> WrittenAnew() {
    EXPECT_TRUE(WriteRevocationList(*OpenStore(), installation(), clock_).ok());
    return RevocationList::Load(installation().Pki("crl.pem"))->revoked;
  }

  Status Remember(const Certificate& certificate) {
    return OpenStore()->Write([&](CentralWriter& writer) -> Status {
      const auto list = RevocationList::Load(installation().Pki("crl.pem"));
      EDCSYNC_TRY(list);
      EDCSYNC_TRY(RememberCertificate(
          writer, certificate,
          [&](const std::string& serial) -> Result<bool> { return list->Names(serial); }));
      return Ok();
    });
  }

  Installation installation() const { return Installation(folder_ + "/gateway"); }

  const EdgeId kKisumu{"kisumu"}, kTororo{"tororo"};
};

// Once a replaced certificate stood in the list as a revoked one does, and a restored centre took
// every edge that had renewed since the backup for revoked.
TEST_F(RestoreCommands, AnEdgeThatRenewedAfterTheBackupIsTrustedAndItsFormerCertificateIsNot) {
  const std::string backup = folder_ + "/backup";
  ASSERT_EQ(Run({"backup", backup}).code, kExitOk);
  const std::string former_pem = Row(kKisumu).certificates_pem.front();
  const Certificate former = *Certificate::FromPem(former_pem), present = Renewed(kKisumu);
  const RevokedCertificate replaced{former.SerialHex(), /*superseded=*/true};
  EXPECT_EQ(WrittenAnew(), std::vector<RevokedCertificate>{replaced});

  const Ran restored = Run({"restore", backup});
  ASSERT_EQ(restored.code, kExitOk) << restored.err;
  EXPECT_EQ(Row(kKisumu).standing, EdgeStanding::kActive);
  EXPECT_EQ(Row(kKisumu).certificates_pem, std::vector<std::string>());
  EXPECT_EQ(Row(kTororo).certificates_pem.size(), 1u);
  EXPECT_EQ(WrittenAnew(), std::vector<RevokedCertificate>{replaced});
  EXPECT_EQ(Remember(former).error().code, ErrorCode::kForbidden);
  EXPECT_TRUE(Remember(present).ok());
  EXPECT_EQ(Row(kKisumu).certificates_pem, std::vector<std::string>{present.ToPem()});
}

TEST_F(RestoreCommands, AnEdgeThatRenewedAndWasRevokedAfterTheBackupStaysRevokedWithAllItHad) {
  const std::string backup = folder_ + "/backup";
  ASSERT_EQ(Run({"backup", backup}).code, kExitOk);
  const Certificate present = Renewed(kKisumu);
  ASSERT_EQ(Run({"edge", "revoke", "kisumu", "--reason", "Stolen"}).code, kExitOk);
  const std::vector<RevokedCertificate> before = WrittenAnew();
  EXPECT_EQ(before.size(), 2u);

  const Ran restored = Run({"restore", backup});
  ASSERT_EQ(restored.code, kExitOk) << restored.err;
  EXPECT_THAT(restored.out, ::testing::HasSubstr("Edge kisumu stays revoked"));
  EXPECT_EQ(Row(kKisumu).standing, EdgeStanding::kRevoked);
  // The restored registry never heard of the second one; the list names it for all that.
  EXPECT_THAT(WrittenAnew(), ::testing::UnorderedElementsAreArray(before));
  EXPECT_EQ(Remember(present).error().code, ErrorCode::kRevokedEdge);
}

// Renewed to B and then taken from the thief who had it: Monday's registry knows neither. B came
// back at the enrolment service and fell out of the list, which named it no longer.
TEST_F(RestoreCommands, ACertificateThatWasReplacedTwiceSinceTheBackupDoesNotComeBack) {
  const std::string backup = folder_ + "/backup";
  ASSERT_EQ(Run({"backup", backup}).code, kExitOk);
  const Certificate stolen = Renewed(kKisumu), present = Renewed(kKisumu);
  const std::vector<RevokedCertificate> before = WrittenAnew();
  EXPECT_EQ(before.size(), 2u);

  ASSERT_EQ(Run({"restore", backup}).code, kExitOk);
  EXPECT_EQ(Remember(stolen).error().code, ErrorCode::kForbidden);
  EXPECT_TRUE(Remember(present).ok());
  EXPECT_EQ(Remember(stolen).error().code, ErrorCode::kForbidden);
  EXPECT_EQ(Row(kKisumu).certificates_pem, std::vector<std::string>{present.ToPem()});
  EXPECT_THAT(WrittenAnew(), ::testing::UnorderedElementsAreArray(before));
}

// Of three certificates in the backup one was replaced since; as two remained, it stayed valid.
TEST_F(RestoreCommands, AReplacedCertificateIsRevokedHoweverManyOthersRemain) {
  const Certificate second = Renewed(kKisumu, /*seen=*/false);
  const Certificate third = Renewed(kKisumu, /*seen=*/false);
  const std::vector<std::string> had = Row(kKisumu).certificates_pem;
  ASSERT_EQ(had.size(), 3u);
  const std::string backup = folder_ + "/backup";
  ASSERT_EQ(Run({"backup", backup}).code, kExitOk);
  ASSERT_TRUE(OpenStore()
                  ->Write([&](CentralWriter& writer) {
                    return writer.RevokeCertificate(kKisumu, second.ToPem());
                  })
                  .ok());
  const RevokedCertificate replaced{second.SerialHex(), /*superseded=*/true};
  EXPECT_EQ(WrittenAnew(), std::vector<RevokedCertificate>{replaced});

  ASSERT_EQ(Run({"restore", backup}).code, kExitOk);
  EXPECT_EQ(Row(kKisumu).certificates_pem, (std::vector<std::string>{had.front(), had.back()}));
  EXPECT_EQ(had.front(), third.ToPem());
  EXPECT_EQ(WrittenAnew(), std::vector<RevokedCertificate>{replaced});
}

// A token that a site had used after the backup was good again, for whoever found it in a mail: it
// took the edge over from the machine that had enrolled with it.
TEST_F(RestoreCommands, AnInvitationThatIsOpenInTheBackupCountsNoMore) {
  const InvitationWish wish{kKisumu, SiteOID(), /*rebuild=*/true, 72, "root"};
  const Invitation invitation = Invite(*OpenStore(), wish, random_).value();
  const std::string backup = folder_ + "/backup";
  ASSERT_EQ(Run({"backup", backup}).code, kExitOk);
  const auto use = [&](const PrivateKey& key) {
    Result<Certificate> outcome = Fail(ErrorCode::kInternal, "not asked");
    const CertificateAuthority authority = LoadAuthority(installation()).value();
    const CertificateRequest request =
        *CertificateRequest::FromDer(*CertificateRequest::Make(key, "kisumu", ""));
    EXPECT_TRUE(OpenStore()
                    ->Write([&](CentralWriter& writer) -> Status {
                      EDCSYNC_ASSIGN(outcome, UseInvitation(writer, {authority, 60, random_},
                                                            kKisumu, invitation.secret, request));
                      return Ok();
                    })
                    .ok());
    return outcome;
  };
  ASSERT_TRUE(use(*PrivateKey::Generate()).ok());

  const Ran restored = Run({"restore", backup});
  ASSERT_EQ(restored.code, kExitOk) << restored.err;
  EXPECT_THAT(restored.out, ::testing::HasSubstr("The invitation of edge kisumu counts no more"));
  const auto again = use(*PrivateKey::Generate());
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kForbidden);
  EXPECT_THAT(again.error().message, ::testing::HasSubstr("the centre was restored"));
  EXPECT_TRUE(OpenStore()
                  ->Read([&](CentralReader& reader) -> Status {
                    EDCSYNC_ASSIGN(const auto entries, reader.ListAudit("kisumu", 0, 100));
                    EXPECT_THAT(entries, ::testing::Contains(::testing::Field(
                                             &AuditEntry::action, "edge.invitation_ended")));
                    return Ok();
                  })
                  .ok());
}

}  // namespace
}  // namespace edcsync::central
