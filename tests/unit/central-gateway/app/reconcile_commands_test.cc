// `central-gateway reconcile verify`.
#include <gmock/gmock.h>

#include "central-gateway/admin/trust.h"
#include "central-gateway/reconcile/report.h"
#include "shared/base/file.h"
#include "shared/crypto/signature.h"
#include "tests/unit/central-gateway/app/command_fixture.h"

namespace edcsync::central {
namespace {

class ReconcileCommands : public CommandTest {
 protected:
  Certificate IssueTo(const PrivateKey& key, const std::string& name, const std::string& unit,
                      const CertificateAuthority& authority) {
    CertificateAuthority::Request request;
    request.common_name = name;
    request.organizational_unit = unit;
    request.not_before = IssueStart(clock_);
    request.valid_days = 10;
    return authority.Issue(key, request, random_).value();
  }
  // A report that both sides sign, with certificates of `authority`.
  std::string Report(const CertificateAuthority& authority) {
    const PrivateKey centre = PrivateKey::Generate().value(), site = PrivateKey::Generate().value();
    ReconciliationRow row;
    row.site = SiteOID("SITE.1");
    row.edge = EdgeId("kisumu");
    row.state = ReconciliationState::kEqual;
    row.ended_at = clock_.Wall();
    row.report = MakeReport(row, {}, R"({"edge":"kisumu","site":"SITE.1"})", {});
    row.centre_signature = SignDetached(centre, AsBytes(row.report)).value();
    row.centre_pem = IssueTo(centre, "gateway", "", authority).ToPem();
    row.site_signature = SignDetached(site, AsBytes(row.report)).value();
    row.site_pem = IssueTo(site, "kisumu", "SITE.1", authority).ToPem();
    const std::string file = folder_ + "/report.json";
    EXPECT_TRUE(WriteFile(file, SignedReport(row), 0644, /*exclusive=*/false).ok());
    return file;
  }
  Ran Verify(const std::string& file) { return Run({"reconcile", "verify", file}); }
};

// Reports are kept for decades. Only the authority that issues now was tried: after a rotation
// every earlier report was said not to hold.
TEST_F(ReconcileCommands, AReportOfBeforeARotationOfTheAuthorityStillHolds) {
  const std::string file =
      Report(LoadAuthority(Installation(folder_ + "/gateway")).value());
  ASSERT_EQ(Verify(file).code, kExitOk) << Verify(file).out;
  ASSERT_EQ(Run({"ca", "rotate"}).code, kExitOk);
  EXPECT_EQ(Verify(file).code, kExitOk) << Verify(file).out;
  ASSERT_EQ(Run({"ca", "retire"}).code, kExitOk);
  EXPECT_EQ(Verify(file).code, kExitOk) << Verify(file).out;
  ASSERT_EQ(Run({"ca", "rotate"}).code, kExitOk);
  ASSERT_EQ(Run({"ca", "retire"}).code, kExitOk);
  EXPECT_EQ(Verify(file).code, kExitOk) << Verify(file).out;
  // Retired is not trusted: no gateway or edge takes it for more than what it once signed.
  EXPECT_EQ(LoadTrust(Installation(folder_ + "/gateway"))->authorities.size(), 1u);
}

TEST_F(ReconcileCommands, AReportUnderAnotherAuthorityDoesNotHold) {
  const CertificateAuthority other =
      CertificateAuthority::Create("edcsync CA", IssueStart(clock_), 100, random_).value();
  const Ran verified = Verify(Report(other));
  EXPECT_EQ(verified.code, kExitRefused);
  EXPECT_THAT(verified.out, ::testing::HasSubstr("the centre's certificate"));
  EXPECT_THAT(verified.out, ::testing::HasSubstr("the site's certificate"));
}

}  // namespace
}  // namespace edcsync::central
