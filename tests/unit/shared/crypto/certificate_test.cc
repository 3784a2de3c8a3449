#include "shared/crypto/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "shared/base/file.h"

namespace edcsync {
namespace {

using ::testing::HasSubstr;
using Purpose = CertificateAuthority::Purpose;

constexpr std::int64_t kDayMs = 24 * 60 * 60 * 1000;

class Certificates : public ::testing::Test {
 protected:
  Certificates() {
    std::string pattern = ::testing::TempDir() + "certificates-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~Certificates() override { std::filesystem::remove_all(folder_); }

  Result<Certificate> Issue(const CertificateAuthority& authority, const std::string& name,
                            Purpose purpose = Purpose::kEdge) {
    CertificateAuthority::Request request;
    request.common_name = name;
    request.organizational_unit = "SITE.KISUMU";
    request.purpose = purpose;
    request.not_before = now_;
    request.valid_days = 90;
    if (purpose == Purpose::kBroker) {
      request.organizational_unit.clear();
      request.dns_names = {"broker.example.org"};
      request.ip_addresses = {"192.0.2.7", "2001:db8::7"};
    }
    return authority.Issue(*PrivateKey::Generate(), request, random_);
  }

  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = folder_ + "/" + name;
    EXPECT_TRUE(WriteFile(path, content, 0600, false).ok());
    return path;
  }

  SystemRandom random_;
  const WallTime now_{SystemClock().Wall().ms / 1000 * 1000};
  const CertificateAuthority authority_ =
      *CertificateAuthority::Create("trial CA", now_, 365, random_);
  std::string folder_;
};

TEST_F(Certificates, IssuedCertificateVerifiesAndSaysWhoseItIs) {
  const auto issued = Issue(authority_, "kisumu-01");
  ASSERT_TRUE(issued.ok()) << issued.error().message;
  const auto read = Certificate::FromPem(issued->ToPem());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->CommonName(), "kisumu-01");
  EXPECT_EQ(read->OrganizationalUnit(), "SITE.KISUMU");
  EXPECT_EQ(read->NotBefore(), now_);
  EXPECT_EQ(read->NotAfter(), WallTime{now_.ms + 90 * kDayMs});
  EXPECT_EQ(read->FingerprintHex(), issued->FingerprintHex());
  EXPECT_TRUE(VerifyIssued(*read, authority_.certificate(), now_).ok());
}

TEST_F(Certificates, DatesAreJudgedAtTheGivenTime) {
  const Certificate edge = *Issue(authority_, "kisumu-01");
  const auto early = VerifyIssued(edge, authority_.certificate(), {now_.ms - 5000});
  const auto late = VerifyIssued(edge, authority_.certificate(), {now_.ms + 91 * kDayMs});
  const auto later = VerifyIssued(edge, authority_.certificate(), {now_.ms + 366 * kDayMs});
  ASSERT_FALSE(early.ok() || late.ok() || later.ok());
  EXPECT_EQ(late.error().code, ErrorCode::kCertificate);
  EXPECT_THAT(early.error().message, HasSubstr("valid only from " + FormatUtc(now_)));
  EXPECT_THAT(late.error().message, HasSubstr("'kisumu-01' ended on"));
  EXPECT_THAT(later.error().message, HasSubstr("ended on"));
}

TEST_F(Certificates, ForeignAuthorityIsRefusedEvenUnderTheSameName) {
  const CertificateAuthority foreign =
      *CertificateAuthority::Create("trial CA", now_, 365, random_);
  const auto verified = VerifyIssued(*Issue(foreign, "kisumu-01"), authority_.certificate(), now_);
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().code, ErrorCode::kCertificate);
  EXPECT_THAT(verified.error().message, HasSubstr("no valid chain"));
}

TEST_F(Certificates, EdgeCannotIssueForOthers) {
  const PrivateKey key = *PrivateKey::Generate();
  CertificateAuthority::Request request;
  request.common_name = "kisumu-01";
  request.not_before = now_;
  request.valid_days = 90;
  const Certificate edge = *authority_.Issue(key, request, random_);
  const Certificate forged = *Issue(CertificateAuthority(key, edge), "tororo-01");
  EXPECT_FALSE(VerifyIssued(forged, authority_.certificate(), now_).ok());
  EXPECT_FALSE(VerifyIssued(forged, edge, now_).ok());
}

TEST_F(Certificates, LongSiteOidIsKeptWhole) {
  CertificateAuthority::Request request;
  request.common_name = "kisumu-01";
  request.organizational_unit = std::string(255, 'S');
  request.not_before = now_;
  request.valid_days = 9000;
  const auto issued = authority_.Issue(*PrivateKey::Generate(), request, random_);
  ASSERT_TRUE(issued.ok()) << issued.error().message;
  EXPECT_EQ(issued->OrganizationalUnit(), request.organizational_unit);
  EXPECT_EQ(issued->NotAfter(), authority_.certificate().NotAfter());
}

TEST_F(Certificates, NamesThatCannotBeTopicsAndAddressesThatAreNoneAreRefused) {
  EXPECT_FALSE(Issue(authority_, "kisumu/#").ok());
  EXPECT_FALSE(Issue(authority_, "").ok());
  CertificateAuthority::Request request;
  request.common_name = "broker";
  request.purpose = Purpose::kBroker;
  request.ip_addresses = {"192.0.2.999"};
  request.not_before = now_;
  request.valid_days = 1;
  const auto issued = authority_.Issue(*PrivateKey::Generate(), request, random_);
  ASSERT_FALSE(issued.ok());
  EXPECT_EQ(issued.error().code, ErrorCode::kFieldInvalid);
}

// The judge is OpenSSL's own command, which checks purposes as TLS does, strictly by RFC 5280.
TEST_F(Certificates, TlsPurposesNamesAndRevocationHoldBeforeAnotherJudge) {
  if (std::system("openssl version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no openssl command";
  const std::string ca = Write("ca.pem", authority_.certificate().ToPem());
  const Certificate edge = *Issue(authority_, "kisumu-01");
  const std::string edge_path = Write("edge.pem", edge.ToPem());
  const std::string gateway = Write("gateway.pem",
                                    Issue(authority_, "centre", Purpose::kGateway)->ToPem());
  const std::string broker = Write("broker.pem",
                                   Issue(authority_, "broker", Purpose::kBroker)->ToPem());
  const std::string crl = Write("crl.pem", *authority_.IssueCrl({{edge.SerialHex()}}, now_, 30));
  const auto accepts = [&](const std::string& arguments) {
    const std::string command =
        "openssl verify -x509_strict -CAfile '" + ca + "' " + arguments + " > /dev/null 2>&1";
    return std::system(command.c_str()) == 0;
  };
  EXPECT_TRUE(accepts("-purpose sslclient '" + edge_path + "'"));
  EXPECT_TRUE(accepts("-purpose sslclient '" + gateway + "'"));
  EXPECT_FALSE(accepts("-purpose sslserver '" + edge_path + "'"));
  EXPECT_FALSE(accepts("-purpose sslclient '" + broker + "'"));
  for (const char* name : {"-verify_hostname broker.example.org", "-verify_ip 192.0.2.7",
                           "-verify_ip 2001:db8::7"}) {
    EXPECT_TRUE(accepts("-purpose sslserver " + std::string(name) + " '" + broker + "'")) << name;
  }
  EXPECT_FALSE(accepts("-verify_hostname other.example.org '" + broker + "'"));
  const std::string with_crl = "-crl_check -CRLfile '" + crl + "' ";
  EXPECT_FALSE(accepts(with_crl + "'" + edge_path + "'"));
  EXPECT_TRUE(accepts(with_crl + "'" + gateway + "'"));
}

TEST_F(Certificates, RevocationListTakesSerialNumbersOnly) {
  EXPECT_TRUE(authority_.IssueCrl({}, now_, 1).ok());
  for (const char* serial : {"", "xyz", "-1", "12 34"}) {
    EXPECT_FALSE(authority_.IssueCrl({{serial}}, now_, 1).ok()) << serial;
  }
}

TEST_F(Certificates, PrivateKeyIsReadFromAFileOnlyItsOwnerMayRead) {
  const PrivateKey key = *PrivateKey::Generate();
  const std::string path = Write("key.pem", key.ToPem());
  const auto read = PrivateKey::Load(path);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->ToPem(), key.ToPem());
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(PrivateKey::Load(path).error().code, ErrorCode::kPermissions);
  EXPECT_EQ(PrivateKey::Load(folder_ + "/none").error().code, ErrorCode::kKeyMissing);
}

TEST_F(Certificates, TextThatIsNoPemIsMalformed) {
  const std::string pem = authority_.certificate().ToPem();
  EXPECT_EQ(Certificate::FromPem("").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(Certificate::FromPem(pem.substr(0, pem.size() / 2)).error().code,
            ErrorCode::kMalformed);
  EXPECT_EQ(PrivateKey::FromPem(pem).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace edcsync
