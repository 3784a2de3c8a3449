// Renewal by the centre's clock, and former certificates of the gateway, against a centre of the
// test's own over TLS.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "edge-agent/enrolment/enrol.h"
#include "edge-agent/enrolment/renewal.h"
#include "shared/base/file.h"
#include "shared/http/http_server.h"
#include "tests/support/manual_clock.h"

namespace edcsync::edge {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

class RenewalByClock : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    files_ = {In("ca.crt"), In("edge.crt"), In("edge.key"), In("gateway.crt")};
    const auto write = [&](const std::string& file, const std::string& text) {
      ASSERT_TRUE(WriteFile(file, text, 0600, false).ok());
    };
    write(files_.ca, authority_.certificate().ToPem());
    const PrivateKey served = *PrivateKey::Generate();
    CertificateAuthority::Request server = Wish("localhost");
    server.purpose = CertificateAuthority::Purpose::kBroker;
    server.dns_names = {"localhost"};
    write(In("server.key"), served.ToPem());
    write(In("server.crt"), authority_.Issue(served, server, random_)->ToPem());
    const PrivateKey ours = *PrivateKey::Generate();
    write(files_.key, ours.ToPem());
    write(files_.certificate, Issued(*CertificateRequest::Make(ours, "tororo", "")).ToPem());
    Serve();
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string In(const std::string& name) const { return folder_ + "/" + name; }

  // Valid for a day from a day before now, as `certificate_minutes = 1440` makes them.
  CertificateAuthority::Request Wish(const std::string& name) const {
    CertificateAuthority::Request wish;
    wish.common_name = name;
    wish.organizational_unit = "Tororo";
    wish.not_before = {centre_clock_.Wall().ms - 24 * kHourMs};
    wish.not_after = {centre_clock_.Wall().ms + 24 * kHourMs};
    return wish;
  }
  Certificate Issued(const Bytes& request) {
    return *authority_.Issue(*CertificateRequest::FromDer(request), Wish("tororo"), random_);
  }
  Certificate Gateway(std::int64_t ends_in_ms, const CertificateAuthority& authority,
                      const std::string& name = "gateway") {
    CertificateAuthority::Request wish = Wish(name);
    wish.purpose = CertificateAuthority::Purpose::kGateway;
    wish.not_after = {centre_clock_.Wall().ms + ends_in_ms};
    return *authority.Issue(*PrivateKey::Generate(), wish, random_);
  }

  void Serve() {
    HttpServerOptions options;
    options.certificate_file = In("server.crt");
    options.key_file = In("server.key");
    options.ask_client_certificate = true;
    options.thread_count = 4;
    server_ = std::make_unique<HttpServer>(options);
    server_->Route("GET", "/v1/edge/configuration", HttpServer::Access::kOpen,
                   [this](const HttpRequest&) {
                     ++contacts_;
                     const nlohmann::json body = {
                         {"edgeId", "tororo"},
                         {"siteOID", "Tororo"},
                         {"broker", {{"host", "localhost"}, {"port", 8883}}},
                         {"gatewayCertificates", gateway_.ToPem()},
                         {"authorities", authority_.certificate().ToPem()},
                         {"issuer", authority_.certificate().FingerprintHex()},
                         {"serverTime", FormatUtc(centre_clock_.Wall())}};
                     HttpResponse response;
                     response.body = body.dump();
                     return response;
                   });
    server_->Route("POST", "/\\.well-known/est/simplereenroll", HttpServer::Access::kOpen,
                   [this](const HttpRequest& request) {
                     ++renewals_;
                     HttpResponse response;
                     response.body = ToBase64Lines(
                         CertificatesToPkcs7({Issued(*FromBase64(request.body, 16 * 1024))}));
                     return response;
                   });
    ASSERT_TRUE(server_->Start().ok());
  }

  // An agent whose clock is ahead by so much asks the centre `contacts` times.
  void Contact(std::int64_t ahead_ms, int contacts) {
    ManualClock clock({centre_clock_.Wall().ms + ahead_ms});
    Renewal renewal({"https://localhost:" + std::to_string(server_->port()), files_,
                     EdgeId("tororo"), 60},
                    {}, clock, random_);
    renewal.Start();
    for (int i = 0; i < contacts; ++i) {
      const int before = contacts_;
      renewal.ContactNow();
      while (contacts_ == before) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    renewal.Stop();  // The contact at hand ends first.
    EXPECT_EQ(renewal.view().last_error, "");
  }

  SystemRandom random_;
  ManualClock centre_clock_{SystemClock().Wall()};  // TLS goes by the machine's, too.
  CertificateAuthority authority_ = *CertificateAuthority::Create(
      "edcsync CA", {centre_clock_.Wall().ms - 100 * kHourMs}, 100, random_);
  Certificate gateway_ = Gateway(24 * kHourMs, authority_);
  std::string folder_;
  TlsFiles files_;
  std::unique_ptr<HttpServer> server_;
  std::atomic<int> contacts_{0}, renewals_{0};
};

// A site's clock in local time, taken for UTC: every new certificate was due at once by it, and each
// contact fetched another.
TEST_F(RenewalByClock, AClockThatIsAheadDoesNotRenewWhatTheCentreJustIssued) {
  Contact(20 * kHourMs, 3);
  EXPECT_EQ(renewals_, 0);
}

TEST_F(RenewalByClock, WhatIsDueByTheCentresClockIsRenewedOnceHoweverFarOursIsBehind) {
  centre_clock_.Advance(20 * kHourMs);
  Contact(-40 * kHourMs, 3);
  EXPECT_EQ(renewals_, 1);
}

// A former certificate of the gateway, kept for the frames that were sealed to it, ended, and every
// edge refused the centre's whole answer.
TEST_F(RenewalByClock, AFormerCertificateOfTheGatewayThatEndedIsLeftOut) {
  const Certificate ended = Gateway(-kHourMs, authority_), former = Gateway(kHourMs, authority_);
  const std::vector<Certificate> trusted{authority_.certificate()};
  const WallTime now = centre_clock_.Wall();
  const auto good = GoodGateways({gateway_, ended, former}, trusted, now);
  ASSERT_TRUE(good.ok()) << good.error().message;
  EXPECT_EQ(ToPem(*good), ToPem({gateway_, former}));
  EXPECT_EQ(GoodGateways({ended, gateway_}, trusted, now).error().code, ErrorCode::kCertificate);
  const Certificate other = Gateway(kHourMs, authority_, "kisumu");
  EXPECT_EQ(GoodGateways({gateway_, other}, trusted, now).error().code, ErrorCode::kCertificate);
  const CertificateAuthority stranger = *CertificateAuthority::Create("Stranger", now, 10, random_);
  EXPECT_EQ(GoodGateways({Gateway(kHourMs, stranger)}, trusted, now).error().code,
            ErrorCode::kCertificate);
}

}  // namespace
}  // namespace edcsync::edge
