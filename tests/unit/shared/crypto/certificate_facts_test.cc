#include "shared/crypto/certificate_facts.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "shared/base/file.h"

namespace edcsync {
namespace {

constexpr WallTime kStart{1'780'000'000'000};

class CertificateFacts : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  SystemRandom random_;
  CertificateAuthority authority_ =
      CertificateAuthority::Create("Centre", kStart, 3650, random_).value();
  std::string folder_;
};

TEST_F(CertificateFacts, AKeyFileIsOfItsCertificateOnly) {
  CertificateAuthority::Request request;
  request.common_name = "kisumu";
  request.organizational_unit = "SITE.702";
  request.not_before = kStart;
  request.valid_days = 10;
  const PrivateKey key = PrivateKey::Generate().value();
  const Certificate certificate = authority_.Issue(key, request, random_).value();
  const std::string own = folder_ + "/own.key", other = folder_ + "/other.key";
  ASSERT_TRUE(WriteFile(own, key.ToPem(), 0600, true).ok());
  ASSERT_TRUE(WriteFile(other, PrivateKey::Generate()->ToPem(), 0600, true).ok());
  EXPECT_TRUE(IsCertificateOfKeyFile(certificate, own).value());
  EXPECT_FALSE(IsCertificateOfKeyFile(certificate, other).value());
  EXPECT_EQ(IssuerName(certificate), "Centre");
}

}  // namespace
}  // namespace edcsync
