#include "shared/crypto/certificate_request.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "shared/base/file.h"
#include "shared/crypto/identity_files.h"

namespace edcsync {
namespace {

constexpr WallTime kBegin{1'780'000'000'000};

class SigningRequests : public ::testing::Test {
 protected:
  Certificate Issue(const CertificateAuthority& authority, const CertificateRequest& request) {
    CertificateAuthority::Request wish;
    wish.common_name = "kisumu-1";
    wish.organizational_unit = "Kisumu";
    wish.not_before = kBegin;
    wish.not_after = {kBegin.ms + 90'000};
    Result<Certificate> issued = authority.Issue(request, wish, random_);
    EXPECT_TRUE(issued.ok());
    return *issued;
  }

  SystemRandom random_;
  CertificateAuthority authority_ =
      *CertificateAuthority::Create("edcsync CA", kBegin, 3650, random_);
  PrivateKey key_ = *PrivateKey::Generate();
};

TEST_F(SigningRequests, TheCertificateIsForTheKeyOfTheRequestAndEndsWhenItIsToldTo) {
  const Bytes der = *CertificateRequest::Make(key_, "kisumu-1", "Kisumu");
  const auto request = CertificateRequest::FromDer(der);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->CommonName(), "kisumu-1");
  EXPECT_EQ(request->OrganizationalUnit(), "Kisumu");
  const Certificate issued = Issue(authority_, *request);
  EXPECT_TRUE(Belongs(key_, issued));
  EXPECT_EQ(PublicKeyHex(issued), request->PublicKeyHex());
  EXPECT_EQ(PublicKeyHex(issued), PublicKeyHex(key_));
  EXPECT_EQ(issued.NotAfter().ms, kBegin.ms + 90'000);
}

TEST_F(SigningRequests, EveryChangedByteIsRefused) {
  const Bytes der = *CertificateRequest::Make(key_, "kisumu-1", "");
  for (std::size_t i = 0; i < der.size(); ++i) {
    Bytes changed = der;
    changed[i] ^= 0x10;
    EXPECT_FALSE(CertificateRequest::FromDer(changed).ok()) << "byte " << i;
  }
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_FALSE(CertificateRequest::FromDer(longer).ok());
  EXPECT_FALSE(CertificateRequest::FromDer({}).ok());
  EXPECT_EQ(CertificateRequest::FromDer(Bytes(20'000, 0x30)).error().code, ErrorCode::kTooLarge);
}

TEST_F(SigningRequests, ABundleOfCertificatesComesBackInItsOrder) {
  const CertificateAuthority other = *CertificateAuthority::Create("other", kBegin, 10, random_);
  const std::vector<Certificate> both = {authority_.certificate(), other.certificate()};
  const auto back = CertificatesFromPkcs7(CertificatesToPkcs7(both));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(ToPem(*back), ToPem(both));
  EXPECT_EQ(ToPem(*CertificatesFromPem("text\n" + ToPem(both) + "more")), ToPem(both));
  EXPECT_FALSE(CertificatesFromPkcs7(CertificatesToPkcs7({})).ok());
  EXPECT_FALSE(CertificatesFromPem("").ok());
}

TEST_F(SigningRequests, Base64IsReadWhateverItsLines) {
  for (std::size_t size = 1; size < 200; ++size) {
    Bytes bytes(size);
    random_.Fill(bytes);
    EXPECT_EQ(*FromBase64(ToBase64Lines(bytes), 200), bytes);
  }
  for (const char* text : {"", "A", "AAA", "A*==", "=AAA", "===="}) {
    EXPECT_FALSE(FromBase64(text, 100).ok()) << text;
  }
  EXPECT_EQ(FromBase64("AAAAAAAA", 3).error().code, ErrorCode::kTooLarge);
}

TEST_F(SigningRequests, EitherAuthorityIsTrustedWhileOneTakesOver) {
  const CertificateAuthority later = *CertificateAuthority::Create("later", kBegin, 10, random_);
  const auto request = CertificateRequest::FromDer(*CertificateRequest::Make(key_, "", ""));
  const std::vector<Certificate> trusted = {later.certificate(), authority_.certificate()};
  const WallTime now{kBegin.ms + 1000};
  EXPECT_TRUE(VerifyIssuedByAny(Issue(authority_, *request), trusted, now).ok());
  EXPECT_TRUE(VerifyIssuedByAny(Issue(later, *request), trusted, now).ok());
  const Status stranger =
      VerifyIssuedByAny(Issue(authority_, *request), {later.certificate()}, now);
  EXPECT_FALSE(stranger.ok());
  const Status ended =
      VerifyIssuedByAny(Issue(authority_, *request), trusted, {kBegin.ms + 100'000});
  EXPECT_NE(ended.error().message.find("ended on"), std::string::npos);
}

TEST_F(SigningRequests, APairIsTheFormerOrTheNewOneWhereverItsReplacementBreaksOff) {
  std::string pattern = ::testing::TempDir() + "pair-XXXXXX";
  const std::string folder = ::mkdtemp(pattern.data());
  const IdentityFiles files{folder + "/edge.key", folder + "/edge.crt"};
  const auto pair = [&] {
    PrivateKey key = *PrivateKey::Generate();
    const auto request = CertificateRequest::FromDer(*CertificateRequest::Make(key, "", ""));
    return std::pair(key, Issue(authority_, *request));
  };
  const auto former = pair();
  const auto fresh = pair();
  EXPECT_EQ(ReplaceIdentity(files, former.first, fresh.second).error().code,
            ErrorCode::kCertificate);
  ASSERT_TRUE(ReplaceIdentity(files, former.first, former.second).ok());
  const auto serial = [&] {
    EXPECT_TRUE(SettleIdentity(files).ok());
    const Certificate certificate = *Certificate::Load(files.certificate_file);
    EXPECT_TRUE(Belongs(*PrivateKey::Load(files.key_file), certificate));
    return certificate.SerialHex();
  };
  ASSERT_TRUE(WriteFile(files.key_file + ".next", fresh.first.ToPem(), 0600, false).ok());
  EXPECT_EQ(serial(), former.second.SerialHex());  // Broken off before it was decided.
  ASSERT_TRUE(WriteFile(files.certificate_file + ".next", fresh.second.ToPem(), 0644, false).ok());
  std::filesystem::rename(files.key_file + ".next", files.key_file);  // And in its middle.
  EXPECT_EQ(serial(), fresh.second.SerialHex());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace edcsync
