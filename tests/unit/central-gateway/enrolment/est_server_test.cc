// The enrolment service as an edge meets it, over TLS.
#include "central-gateway/enrolment/est_server.h"

#include <nlohmann/json.hpp>

#include "shared/base/file.h"
#include "shared/crypto/certificate_request.h"
#include "shared/http/http_client.h"
#include "tests/unit/central-gateway/enrolment/centre_fixture.h"

namespace edcsync::central {
namespace {

class EstService : public CentreTest {
 protected:
  explicit EstService(std::int64_t days_ago = 0) : CentreTest(days_ago) {}

  void Serve() {
    EstOptions options;
    options.port = 0;
    options.hosts = {"localhost", "127.0.0.1"};
    options.broker_host = "localhost";
    auto started = EstServer::Start(options, centre(), *store_, clock_, random_);
    ASSERT_TRUE(started.ok()) << started.error().message;
    server_ = std::move(*started);
  }
  void TearDown() override {
    server_.reset();
    CentreTest::TearDown();
  }

  // The bundle's identity in `folder`, or another one.
  HttpClient Client(const std::string& folder) {
    HttpClientOptions options;
    options.base_url = "https://localhost:" + std::to_string(server_->port());
    options.ca_file = centre().Pki("trust.pem");
    options.certificate_file = folder + "/edge.crt";
    options.key_file = folder + "/edge.key";
    return HttpClient(options);
  }
  static HttpResponse Answered(const Result<HttpResponse>& answer) {
    EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().message);
    return answer.ok() ? *answer : HttpResponse();
  }
  HttpResponse Configuration(const std::string& folder) {
    return Answered(Client(folder).Get("/v1/edge/configuration"));
  }
  HttpResponse Reenrol(const std::string& folder) {
    const Bytes request = *CertificateRequest::Make(*PrivateKey::Generate(), "tororo", "");
    return Answered(Client(folder).Post("/.well-known/est/simplereenroll", ToBase64Lines(request),
                                        "application/pkcs10"));
  }
  // A folder with a certificate for tororo that the registry has not heard of.
  std::string Forgotten(const std::string& name, std::string& serial) {
    CertificateAuthority::Request request;
    request.common_name = "tororo";
    request.organizational_unit = "Tororo";
    request.not_before = IssueStart(clock_);
    request.valid_days = 100;
    const PrivateKey key = *PrivateKey::Generate();
    const Certificate issued = *LoadAuthority(centre())->Issue(key, request, random_);
    const std::string folder = folder_ + "/" + name;
    std::filesystem::create_directory(folder);
    EXPECT_TRUE(WriteFile(folder + "/edge.key", key.ToPem(), 0600, true).ok());
    EXPECT_TRUE(WriteFile(folder + "/edge.crt", issued.ToPem(), 0644, true).ok());
    serial = issued.SerialHex();
    return folder;
  }
  std::size_t CertificatesOf(const EdgeId& edge) {
    std::size_t count = 0;
    EXPECT_TRUE(store_
                    ->Read([&](CentralReader& reader) -> Status {
                      EDCSYNC_ASSIGN(const auto row, reader.FindEdge(edge));
                      count = row->certificates_pem.size();
                      return Ok();
                    })
                    .ok());
    return count;
  }

  std::unique_ptr<EstServer> server_;
};

// After a restore the registry had forgotten the certificate of a stolen machine, which pki/crl.pem
// names; this service took it back, as the edge's newest.
TEST_F(EstService, ACertificateThatTheListNamesIsNotTakenBackAndAnotherForgottenOneIs) {
  std::string stolen_serial, present_serial;
  const std::string stolen = Forgotten("stolen", stolen_serial);
  const std::string present = Forgotten("present", present_serial);
  const std::vector<RevokedCertificate> named{{stolen_serial, /*superseded=*/true}};
  const std::string list = *LoadAuthority(centre())->IssueCrl(named, IssueStart(clock_), 100);
  ASSERT_TRUE(WriteFile(centre().Pki("crl.pem"), list, 0644, false).ok());
  Serve();
  EXPECT_EQ(Configuration(stolen).status, 403);
  EXPECT_EQ(Reenrol(stolen).status, 403);
  EXPECT_EQ(CertificatesOf(kTororo), 1U);
  EXPECT_EQ(Configuration(present).status, 200);
  EXPECT_EQ(CertificatesOf(kTororo), 2U);
}

TEST_F(EstService, WithoutAListThatCanBeReadNothingForgottenIsTakenBack) {
  std::string serial;
  const std::string forgotten = Forgotten("forgotten", serial);
  ASSERT_TRUE(WriteFile(centre().Pki("crl.pem"), "half a list", 0644, false).ok());
  Serve();
  EXPECT_EQ(Configuration(forgotten).status, 503);
  EXPECT_EQ(CertificatesOf(kTororo), 1U);
  EXPECT_EQ(Configuration(folder_ + "/tororo").status, 200);
}

// Every edge refused the whole configuration for one former certificate of the gateway that had
// ended: none renewed, none enrolled.
TEST_F(EstService, AFormerCertificateThatHasEndedIsNotServed) {
  CertificateAuthority::Request request;
  request.common_name = "gateway";
  request.purpose = CertificateAuthority::Purpose::kGateway;
  for (const std::int64_t days_left : {-1, 10}) {
    request.not_before = {clock_.Wall().ms - 50 * kDayMs};
    request.not_after = {clock_.Wall().ms + days_left * kDayMs};
    const PrivateKey key = *PrivateKey::Generate();
    // As it was made at its time: the authority was there before it.
    const Certificate issued = *LoadAuthority(centre())->Issue(key, request, random_);
    std::filesystem::create_directory(centre().Pki("former"));
    ASSERT_TRUE(
        ReplaceIdentity(PairOf(centre(), "former/" + issued.SerialHex()), key, issued).ok());
  }
  Serve();
  const auto body = nlohmann::json::parse(Configuration(folder_ + "/tororo").body);
  const auto gateways = CertificatesFromPem(body["gatewayCertificates"].get<std::string>());
  ASSERT_TRUE(gateways.ok()) << gateways.error().message;
  ASSERT_EQ(gateways->size(), 2U);
  EXPECT_EQ(gateways->front().SerialHex(), SerialOf("gateway"));
  EXPECT_GT(gateways->back().NotAfter(), clock_.Wall());
}

TEST_F(EstService, WithoutTheAuthoritysKeyEdgesAreToldAllButGetNoCertificateUntilItIsBack) {
  Serve();  // Its own certificate is made.
  server_.reset();
  TakeAuthorityKeyAway();
  Serve();
  const std::string tororo = folder_ + "/tororo";
  EXPECT_EQ(Configuration(tororo).status, 200);
  EXPECT_EQ(Reenrol(tororo).status, 503);
  EXPECT_EQ(CertificatesOf(kTororo), 1U);
  PutAuthorityKeyBack();
  EXPECT_EQ(Reenrol(tororo).status, 200);
  EXPECT_EQ(CertificatesOf(kTororo), 2U);
}

// A gateway that ran for more than a year showed a certificate that had ended.
class EstServiceOfLastYear : public EstService {
 protected:
  EstServiceOfLastYear() : EstService(398) {}
};

TEST_F(EstServiceOfLastYear, ItsCertificateIsRenewedWhileItRuns) {
  Serve();
  const std::string first = SerialOf("enrolment"), tororo = folder_ + "/tororo";
  ASSERT_TRUE(server_->RenewCertificate().ok());
  EXPECT_EQ(SerialOf("enrolment"), first);
  clock_.Advance(398 * kDayMs);  // To the machine's time.
  const auto refused = Client(tororo).Get("/v1/edge/configuration");
  EXPECT_EQ(refused.error().code, ErrorCode::kCertificate);
  ASSERT_TRUE(server_->RenewCertificate().ok());
  EXPECT_NE(SerialOf("enrolment"), first);
  EXPECT_EQ(Configuration(tororo).status, 200);
}

}  // namespace
}  // namespace edcsync::central
