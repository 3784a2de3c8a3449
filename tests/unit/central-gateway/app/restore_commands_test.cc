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

  // A certificate in place of the edge's present one, which it has been seen to hold.
  Certificate Renewed(const EdgeId& edge) {
    CertificateAuthority::Request request;
    request.common_name = request.organizational_unit = edge.str();
    request.not_before = IssueStart(clock_);
    request.valid_days = 10;
    const Certificate renewed =
        LoadAuthority(installation())->Issue(*PrivateKey::Generate(), request, random_).value();
    EXPECT_TRUE(OpenStore()
                    ->Write([&](CentralWriter& writer) -> Status {
                      EDCSYNC_TRY(writer.AddCertificate(edge, renewed.ToPem()));
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
      EDCSYNC_TRY(RememberCertificate(writer, certificate));
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

}  // namespace
}  // namespace edcsync::central
