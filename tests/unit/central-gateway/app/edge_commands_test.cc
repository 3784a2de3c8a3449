#include "central-gateway/admin/installation.h"
#include "shared/base/file.h"
#include "tests/unit/central-gateway/app/command_fixture.h"

namespace edcsync::central {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

class EdgeCommands : public CommandTest {
 protected:
  // An edge whose certificate ends in so many days.
  void AddEdgeUntil(const std::string& name, int days) {
    const Installation installation(folder_ + "/gateway");
    const auto authority = LoadAuthority(installation);
    ASSERT_TRUE(authority.ok());
    CertificateAuthority::Request request;
    request.common_name = name;
    request.organizational_unit = "SITE.703";
    request.not_before = {clock_.Wall().ms - kDayMs / 2};
    request.not_after = {clock_.Wall().ms + days * kDayMs + kDayMs / 2};
    const auto key = PrivateKey::Generate();
    const auto certificate = authority->Issue(*key, request, random_);
    ASSERT_TRUE(certificate.ok()) << certificate.error().ToString();
    const auto store = OpenStore();
    ASSERT_NE(store, nullptr);
    EdgeRow row;
    row.edge = EdgeId(name);
    row.site = SiteOID("SITE.703");
    row.certificates_pem = {certificate->ToPem()};
    row.added_at = clock_.Wall();
    EXPECT_TRUE(store->Write([&](CentralWriter& writer) { return writer.InsertEdge(row); }).ok());
  }
  SortedJson RowOf(const std::string& name) {
    for (const SortedJson& row : RunJson({"edge", "list"})) {
      if (row["edgeId"] == name) return row;
    }
    return nullptr;
  }
};

TEST_F(EdgeCommands, AListTellsWhenCertificatesEndAndWarnsInTime) {
  AddEdgeUntil("kisumu", 400);
  AddEdgeUntil("tororo", 12);
  const SortedJson kisumu = RowOf("kisumu");
  EXPECT_TRUE(kisumu["warning"].is_null()) << kisumu;
  const SortedJson tororo = RowOf("tororo");
  EXPECT_NE(std::string(tororo["warning"]).find("ends in 12 days"), std::string::npos) << tororo;
  EXPECT_LT(std::string(tororo["certificateNotAfter"]), std::string(kisumu["certificateNotAfter"]));
  const Ran told = Run({"edge", "list"});
  EXPECT_NE(told.out.find("certificate until " + std::string(tororo["certificateNotAfter"])),
            std::string::npos)
      << told.out;
  EXPECT_EQ(told.out.find("ATTENTION"), told.out.rfind("ATTENTION"));
  // Of a revoked one nobody wants to know it.
  ASSERT_EQ(Run({"edge", "revoke", "tororo", "--reason", "stolen"}).code, kExitOk);
  EXPECT_TRUE(RowOf("tororo")["warning"].is_null());
}

TEST_F(EdgeCommands, AListTellsWhoIsInvitedAndUntilWhen) {
  AddEdgeUntil("kisumu", 400);
  ASSERT_EQ(Run({"edge", "invite", "busia", "--site", "SITE.707"}).code, kExitOk);
  ASSERT_EQ(Run({"edge", "invite", "kisumu", "--rebuild"}).code, kExitOk);
  const SortedJson busia = RowOf("busia");
  EXPECT_EQ(busia["standing"], "invited");
  EXPECT_EQ(busia["siteOID"], "SITE.707");
  EXPECT_EQ(busia["invitation"]["state"], "open");
  EXPECT_TRUE(busia["certificateNotAfter"].is_null());
  const SortedJson kisumu = RowOf("kisumu");
  EXPECT_EQ(kisumu["standing"], "active");
  EXPECT_EQ(kisumu["invitation"]["rebuild"], true);
  const Ran told = Run({"edge", "list"});
  EXPECT_NE(told.out.find("invitation open until " +
                          std::string(kisumu["invitation"]["expiresAt"]) + " (to rebuild it)"),
            std::string::npos)
      << told.out;
  {
    const auto store = OpenStore();
    ASSERT_NE(store, nullptr);
    InvitationRow late;
    late.edge = EdgeId("tororo");
    late.site = SiteOID("SITE.703");
    late.secret_digest.fill(1);
    late.invited_by = "operator";
    late.invited_at = {clock_.Wall().ms - 2 * kDayMs};
    late.expires_at = {clock_.Wall().ms - kDayMs};
    EXPECT_TRUE(
        store->Write([&](CentralWriter& writer) { return writer.InsertInvitation(late); }).ok());
  }
  EXPECT_EQ(RowOf("tororo")["invitation"]["state"], "expired");
  EXPECT_EQ(RunJson({"status"})["edges"].size(), 1U);  // Those who are registered.
}

}  // namespace
}  // namespace edcsync::central
