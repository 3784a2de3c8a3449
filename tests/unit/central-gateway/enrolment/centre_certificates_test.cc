// The certificates that the centre issues to itself do not end while it runs, and it does without
// the authority's key on its machine for as long as they count.
#include "central-gateway/enrolment/rotation.h"
#include "shared/crypto/certificate_request.h"
#include "shared/crypto/revocation_list.h"
#include "tests/unit/central-gateway/enrolment/centre_fixture.h"

namespace edcsync::central {
namespace {

class CentreCertificates : public CentreTest {
 protected:
  Status Rotated() {
    const Installation installation = centre();
    const auto issued = RotateGatewayCertificate(
        {installation, *store_, clock_, random_, "operator", {"mqtt.example", "localhost"}});
    return issued.ok() ? Ok() : Status(tl::unexpected<Error>(issued.error()));
  }
  Result<bool> EnsureBroker() {
    return EnsureBrokerCertificate(centre(), "mqtt.example", clock_, random_);
  }
  Result<bool> EnsureDesk() {
    return EnsureServerCertificate(centre(), "desk", {"desk.example"}, clock_, random_);
  }
  Certificate Load(const std::string& name) {
    return *Certificate::Load(centre().Pki(name + ".crt"));
  }
};

// The broker's certificate ended three years after `init`, whatever was rotated, and with it all
// delivery.
TEST_F(CentreCertificates, RotatingTheGatewaysCertificateRenewsTheBrokers) {
  const std::string gateway = SerialOf("gateway"), broker = SerialOf("broker");
  clock_.Advance(1000 * kDayMs);
  ASSERT_TRUE(Rotated().ok());
  EXPECT_NE(SerialOf("gateway"), gateway);
  EXPECT_NE(SerialOf("broker"), broker);
  EXPECT_EQ(ServerNames(centre().Pki("broker.crt")),
            (std::vector<std::string>{"mqtt.example", "localhost"}));
  clock_.Advance(1000 * kDayMs);
  EXPECT_TRUE(VerifyIssued(Load("broker"), Load("ca"), clock_.Wall()).ok());
}

TEST_F(CentreCertificates, WhileTheAuthorityRotatesTheBrokersIsOfTheFormerWhichEveryEdgeKnows) {
  const Installation installation = centre();
  ASSERT_TRUE(
      RotateAuthority({installation, *store_, clock_, random_, "operator", {"mqtt.example"}}).ok());
  const std::string broker = SerialOf("broker");
  ASSERT_TRUE(Rotated().ok());
  EXPECT_NE(SerialOf("broker"), broker);
  EXPECT_TRUE(VerifyIssued(Load("broker"), Load("ca-former"), clock_.Wall()).ok());
}

TEST_F(CentreCertificates, TheBrokersIsRenewedInItsLastMonthUnderItsNames) {
  const std::vector<std::string> names = ServerNames(centre().Pki("broker.crt"));
  const std::string broker = SerialOf("broker");
  clock_.Advance((kServiceDays - 32) * kDayMs);
  EXPECT_EQ(EnsureBroker().value(), false);
  EXPECT_EQ(SerialOf("broker"), broker);
  clock_.Advance(2 * kDayMs);
  EXPECT_EQ(EnsureBroker().value(), true);
  EXPECT_NE(SerialOf("broker"), broker);
  EXPECT_EQ(ServerNames(centre().Pki("broker.crt")), names);
  EXPECT_EQ(EnsureBroker().value(), false);
}

// No certificate outlives its authority: in its last month each new one would end as soon.
TEST_F(CentreCertificates, NothingIsRenewedThatWouldEndNoLater) {
  clock_.Advance((kAuthorityDays - 20) * kDayMs);
  EXPECT_EQ(EnsureBroker().value(), true);
  EXPECT_EQ(EnsureDesk().value(), true);
  EXPECT_EQ(EnsureBroker().value(), false);
  EXPECT_EQ(EnsureDesk().value(), false);
}

// A gateway did not start without pki/ca.key, which the doctor called safe.
TEST_F(CentreCertificates, WithoutTheAuthoritysKeyWhatCountsStays) {
  ASSERT_TRUE(EnsureDesk().value());
  const std::string desk = SerialOf("desk");
  TakeAuthorityKeyAway();
  EXPECT_EQ(EnsureDesk().value(), false);
  EXPECT_TRUE(EnsureRevocationList(*store_, centre(), clock_).ok());
  EXPECT_EQ(WriteRevocationList(*store_, centre(), clock_).error().code, ErrorCode::kKeyMissing);
  clock_.Advance(380 * kDayMs);  // Due, and good still.
  EXPECT_EQ(EnsureDesk().value(), false);
  EXPECT_EQ(SerialOf("desk"), desk);
  clock_.Advance(20 * kDayMs);
  EXPECT_EQ(EnsureDesk().error().code, ErrorCode::kKeyMissing);
  clock_.Advance(kCrlDays * kDayMs);
  EXPECT_EQ(EnsureRevocationList(*store_, centre(), clock_).error().code, ErrorCode::kKeyMissing);
  PutAuthorityKeyBack();
  EXPECT_EQ(EnsureDesk().value(), true);
  EXPECT_TRUE(EnsureRevocationList(*store_, centre(), clock_).ok());
}

// A former identity that had ended stayed when its authority was retired, and no edge took it.
TEST_F(CentreCertificates, RetiringAnAuthorityDropsItsIdentitiesThatHaveEnded) {
  const std::string former = SerialOf("gateway");
  clock_.Advance(1000 * kDayMs);
  ASSERT_TRUE(Rotated().ok());
  ASSERT_TRUE(std::filesystem::exists(centre().Pki("former/" + former + ".crt")));
  clock_.Advance(200 * kDayMs);
  const Installation installation = centre();
  const RotationContext context{installation, *store_, clock_, random_, "operator", {"localhost"}};
  ASSERT_TRUE(RotateAuthority(context).ok());
  ASSERT_TRUE(RetireAuthority(context, /*regardless=*/true).ok());
  EXPECT_TRUE(std::filesystem::is_empty(centre().Pki("former")));
}

}  // namespace
}  // namespace edcsync::central
