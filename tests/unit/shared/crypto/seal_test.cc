#include "shared/crypto/seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "shared/base/random.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kSizeMax = 1024 * 1024;

class Seal : public ::testing::Test {
 protected:
  struct Party {
    PrivateKey key;
    Certificate certificate;
    Sealer sealer;
  };

  Party MakeParty(const std::string& name, CertificateAuthority::Purpose purpose) {
    PrivateKey key = *PrivateKey::Generate();
    CertificateAuthority::Request request;
    request.common_name = name;
    request.purpose = purpose;
    request.not_before = SystemClock().Wall();
    request.valid_days = 30;
    Certificate certificate = *authority_.Issue(key, request, random_);
    Sealer sealer = *Sealer::Create(key, certificate);
    return {std::move(key), std::move(certificate), std::move(sealer)};
  }

  SystemRandom random_;
  CertificateAuthority authority_ =
      *CertificateAuthority::Create("trial CA", SystemClock().Wall(), 365, random_);
  Party kisumu_ = MakeParty("kisumu-01", CertificateAuthority::Purpose::kEdge);
  Party tororo_ = MakeParty("tororo-01", CertificateAuthority::Purpose::kEdge);
  Party centre_ = MakeParty("centre", CertificateAuthority::Purpose::kGateway);
};

TEST_F(Seal, PayloadsOfEverySizeComeBackUnchanged) {
  for (const std::size_t size : {0, 1, 1024, 400 * 1024}) {
    Bytes payload(size);
    random_.Fill(payload);
    const auto sealed = kisumu_.sealer.Seal(payload, centre_.certificate);
    ASSERT_TRUE(sealed.ok()) << sealed.error().message;
    EXPECT_LT(sealed->size(), size + 1200);
    const auto opened = centre_.sealer.Open(*sealed, kisumu_.certificate, kSizeMax);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(*opened, payload);
  }
}

TEST_F(Seal, CiphertextShowsNothingOfThePayload) {
  const std::string value = "SYSBP=142 SYSBP=142 SYSBP=142 SYSBP=142";
  const auto sealed = kisumu_.sealer.Seal(AsBytes(value), centre_.certificate);
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(AsText(*sealed).find("SYSBP"), std::string_view::npos);
}

TEST_F(Seal, AnotherReceiverCannotOpen) {
  const auto sealed = kisumu_.sealer.Seal(AsBytes("payload"), centre_.certificate);
  const auto opened = tororo_.sealer.Open(*sealed, kisumu_.certificate, kSizeMax);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kBadSeal);
  EXPECT_THAT(opened.error().message, HasSubstr("encrypted to another receiver"));
}

TEST_F(Seal, FrameOfAnotherSenderIsRefused) {
  const auto sealed = tororo_.sealer.Seal(AsBytes("payload"), centre_.certificate);
  const auto opened = centre_.sealer.Open(*sealed, kisumu_.certificate, kSizeMax);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kBadSeal);
  EXPECT_THAT(opened.error().message, HasSubstr("signed by another sender"));
}

// An attacker with a key of its own may write any issuer and serial number into its certificate.
TEST_F(Seal, SenderThatOnlyBearsTheSameNameAndSerialIsRefused) {
  class Same final : public Random {
   public:
    void Fill(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), 7); }
  } same;
  CertificateAuthority::Request request;
  request.common_name = "kisumu-02";
  request.not_before = SystemClock().Wall();
  request.valid_days = 30;
  const PrivateKey honest = *PrivateKey::Generate();
  const PrivateKey forger = *PrivateKey::Generate();
  const Certificate real = *authority_.Issue(honest, request, same);
  const Certificate forged = *authority_.Issue(forger, request, same);
  ASSERT_EQ(real.SerialHex(), forged.SerialHex());
  const auto sealed = Sealer::Create(forger, forged)->Seal(AsBytes("x"), centre_.certificate);
  const auto opened = centre_.sealer.Open(*sealed, real, kSizeMax);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kBadSeal);
  EXPECT_THAT(opened.error().message, HasSubstr("signature is not the sender's"));
  EXPECT_TRUE(centre_.sealer.Open(*sealed, forged, kSizeMax).ok());
}

// What a CMS tool makes of `content` for `receiver` with `cipher`, and `kdf` as key derivation.
Bytes EncryptWithCms(BIO* content, const Certificate& receiver, const EVP_CIPHER* cipher,
                     const EVP_MD* kdf = EVP_sha256()) {
  constexpr unsigned kFlags = CMS_BINARY | CMS_PARTIAL;
  const CmsPtr cms(CMS_encrypt(nullptr, content, cipher, kFlags));
  CMS_RecipientInfo* info =
      CMS_add1_recipient_cert(cms.get(), receiver.impl().x509.get(), CMS_KEY_PARAM);
  EXPECT_EQ(EVP_PKEY_CTX_set_ecdh_kdf_md(CMS_RecipientInfo_get0_pkey_ctx(info), kdf), 1);
  CMS_set1_eContentType(cms.get(), OBJ_nid2obj(NID_pkcs7_signed));
  CMS_final(cms.get(), content, nullptr, kFlags);
  const BioPtr out = WriteBio();
  EXPECT_EQ(i2d_CMS_bio(out.get(), cms.get()), 1);
  const BytesView der = BioContent(out.get());
  return Bytes(der.begin(), der.end());
}

// What is inside the envelope of `sealed`, as its receiver can always see it.
BioPtr DecryptWithCms(const Bytes& sealed, const PrivateKey& key, const Certificate& own) {
  const unsigned char* at = sealed.data();
  const CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(sealed.size())));
  BioPtr out = WriteBio();
  EXPECT_EQ(CMS_decrypt(cms.get(), key.impl().key.get(), own.impl().x509.get(), nullptr,
                        out.get(), CMS_BINARY), 1);
  return out;
}

TEST_F(Seal, ReceiverCannotPassOnWhatItWasSentAsSentToAnother) {
  const Bytes sealed = *centre_.sealer.Seal(AsBytes("for Kisumu"), kisumu_.certificate);
  const BioPtr inner = DecryptWithCms(sealed, kisumu_.key, kisumu_.certificate);
  const Bytes passed_on = EncryptWithCms(inner.get(), tororo_.certificate, EVP_aes_256_gcm());
  const auto opened = tororo_.sealer.Open(passed_on, centre_.certificate, kSizeMax);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kBadSeal);
  EXPECT_THAT(opened.error().message, HasSubstr("signed for another receiver"));
}

// With a cipher that does not authenticate, a receiver would be an oracle for what it opens.
TEST_F(Seal, OtherFormsOfCmsAreRefused) {
  const Bytes sealed = *kisumu_.sealer.Seal(AsBytes("payload"), centre_.certificate);
  const auto refused = [&](const EVP_CIPHER* cipher, const EVP_MD* kdf = EVP_sha256()) {
    const BioPtr inner = DecryptWithCms(sealed, centre_.key, centre_.certificate);
    const Bytes other = EncryptWithCms(inner.get(), centre_.certificate, cipher, kdf);
    const auto opened = centre_.sealer.Open(other, kisumu_.certificate, kSizeMax);
    return !opened.ok() && opened.error().code == ErrorCode::kBadSeal;
  };
  EXPECT_FALSE(refused(EVP_aes_256_gcm()));
  EXPECT_TRUE(refused(EVP_aes_128_gcm()));
  EXPECT_TRUE(refused(EVP_aes_256_cbc()));
  EXPECT_TRUE(refused(EVP_aes_256_gcm(), EVP_sha1()));
  const BioPtr inner = DecryptWithCms(sealed, centre_.key, centre_.certificate);
  EXPECT_FALSE(
      centre_.sealer.Open(BioContent(inner.get()), kisumu_.certificate, kSizeMax).ok());
  const BioPtr unsigned_text = ReadBio(AsBytes("nobody signed this"));
  const Bytes bare =
      EncryptWithCms(unsigned_text.get(), centre_.certificate, EVP_aes_256_gcm());
  const auto opened = centre_.sealer.Open(bare, kisumu_.certificate, kSizeMax);
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, HasSubstr("no signed data"));
}

TEST_F(Seal, EveryFlippedBitIsRefused) {
  const Bytes sealed = *kisumu_.sealer.Seal(AsBytes("short"), centre_.certificate);
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    for (const int mask : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF}) {
      Bytes damaged = sealed;
      damaged[at] ^= static_cast<std::uint8_t>(mask);
      const auto opened = centre_.sealer.Open(damaged, kisumu_.certificate, kSizeMax);
      ASSERT_FALSE(opened.ok()) << "byte " << at << " ^ " << mask << " of " << ToHex(sealed);
      EXPECT_EQ(opened.error().code, ErrorCode::kBadSeal) << "byte " << at;
    }
  }
}

// The fuzzer exchanged one byte of a sealed frame and it still opened: dhSinglePass-stdDH had
// become dhSinglePass-cofactorDH, which on P-256, whose cofactor is 1, agrees on the same key. The
// payload was the sender's, but a receiver that tells frames apart by their bytes saw another one.
TEST_F(Seal, CofactorFormOfTheKeyAgreementIsRefused) {
  Bytes sealed = *kisumu_.sealer.Seal(AsBytes("short"), centre_.certificate);
  const std::uint8_t agreement[] = {0x06, 0x06, 0x2B, 0x81, 0x04, 0x01, 0x0B, 0x01};
  const auto found = std::search(sealed.begin(), sealed.end(), std::begin(agreement),
                                 std::end(agreement));
  ASSERT_NE(found, sealed.end());
  ASSERT_TRUE(centre_.sealer.Open(sealed, kisumu_.certificate, kSizeMax).ok());
  found[6] = 0x0E;
  const auto opened = centre_.sealer.Open(sealed, kisumu_.certificate, kSizeMax);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kBadSeal);
}

// Puts `bytes` into `der` at `at` and makes every element around it longer by as much. REQUIRES:
// no length needs another digit for that.
void Insert(Bytes& der, std::size_t at, const Bytes& bytes) {
  for (std::size_t here = 0, end = der.size(); here < at && here + 2 < end;) {
    const std::size_t digits = der[here + 1] < 0x80 ? 0 : der[here + 1] & 0x7Fu;
    std::size_t size = digits == 0 ? der[here + 1] : 0;
    for (std::size_t i = 0; i < digits; ++i) size = size << 8 | der[here + 2 + i];
    const std::size_t content = here + 2 + digits;
    if (at >= content + size) {
      here = content + size;  // Before the place: passed over.
      continue;
    }
    if (at < content) break;
    const std::size_t longer = size + bytes.size();
    for (std::size_t i = 0; i < digits; ++i) {
      der[content - 1 - i] = static_cast<std::uint8_t>(longer >> 8 * i);
    }
    if (digits == 0) der[here + 1] = static_cast<std::uint8_t>(longer);
    here = content;
    end = content + size;
  }
  der.insert(der.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin(), bytes.end());
}

// Found beside the above: nothing authenticates the recipient entry, and OpenSSL takes a length in
// more digits than it needs.
TEST_F(Seal, SecondEncodingsOfTheRecipientEntryAreRefused) {
  const Bytes sealed = *kisumu_.sealer.Seal(AsBytes("short"), centre_.certificate);
  const auto place_of = [&](const Bytes& part) {
    const auto found = std::search(sealed.begin(), sealed.end(), part.begin(), part.end());
    EXPECT_NE(found, sealed.end());
    return static_cast<std::size_t>(found - sealed.begin());
  };
  const std::size_t key_algorithm = place_of({0x30, 0x09, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE});
  const std::size_t wrap_algorithm = place_of({0x30, 0x0B, 0x06, 0x09, 0x60, 0x86, 0x48});
  const std::size_t wrapped_key = place_of({0x04, 0x28});
  const auto opens = [&](std::size_t at, const Bytes& inserted) {
    Bytes other = sealed;
    Insert(other, at, inserted);
    return centre_.sealer.Open(other, kisumu_.certificate, kSizeMax).ok();
  };
  EXPECT_FALSE(opens(key_algorithm + 1, {0x81}));  // 30 81 09.
  EXPECT_FALSE(opens(wrap_algorithm + 1, {0x81}));
  EXPECT_FALSE(opens(wrapped_key + 1, {0x81}));
  EXPECT_FALSE(opens(wrapped_key + 1, {0x82, 0x00}));
}

TEST_F(Seal, EveryOtherValueOfEveryByteBeforeTheCiphertextIsRefused) {
  const Bytes sealed = *kisumu_.sealer.Seal(AsBytes("short"), centre_.certificate);
  const std::uint8_t cipher[] = {0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2E};
  const auto ciphertext =
      std::search(sealed.begin(), sealed.end(), std::begin(cipher), std::end(cipher));
  ASSERT_NE(ciphertext, sealed.end());
  for (std::size_t at = 0; at < static_cast<std::size_t>(ciphertext - sealed.begin()); ++at) {
    for (int mask = 1; mask < 256; ++mask) {
      Bytes damaged = sealed;
      damaged[at] ^= static_cast<std::uint8_t>(mask);
      ASSERT_FALSE(centre_.sealer.Open(damaged, kisumu_.certificate, kSizeMax).ok())
          << "byte " << at << " ^ " << mask << " of " << ToHex(sealed);
    }
  }
}

TEST_F(Seal, EveryTruncationAndEveryTrailerIsRefused) {
  Bytes sealed = *kisumu_.sealer.Seal(AsBytes("short"), centre_.certificate);
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    const auto opened =
        centre_.sealer.Open(BytesView(sealed).first(size), kisumu_.certificate, kSizeMax);
    ASSERT_FALSE(opened.ok()) << size;
    EXPECT_EQ(opened.error().code, ErrorCode::kBadSeal);
  }
  sealed.push_back(0);
  const auto opened = centre_.sealer.Open(sealed, kisumu_.certificate, kSizeMax);
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, HasSubstr("after the frame's end"));
}

TEST_F(Seal, RandomBytesAreRefused) {
  SeededRandom random(20261121);
  for (int i = 0; i < 2000; ++i) {
    Bytes noise(random.Below(600));
    random.Fill(noise);
    if (!noise.empty()) noise[0] = 0x30;
    const auto opened = centre_.sealer.Open(noise, kisumu_.certificate, kSizeMax);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kBadSeal);
  }
}

TEST_F(Seal, PlaintextBeyondTheLimitIsTooLarge) {
  const Bytes sealed = *kisumu_.sealer.Seal(Bytes(20'000), centre_.certificate);
  for (const std::size_t limit : {100, 19'999}) {
    const auto opened = centre_.sealer.Open(sealed, kisumu_.certificate, limit);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kTooLarge);
  }
  EXPECT_TRUE(centre_.sealer.Open(sealed, kisumu_.certificate, 20'000).ok());
}

TEST_F(Seal, KeyOfAnotherCertificateMakesNoSealer) {
  const auto sealer = Sealer::Create(kisumu_.key, tororo_.certificate);
  ASSERT_FALSE(sealer.ok());
  EXPECT_EQ(sealer.error().code, ErrorCode::kCertificate);
}

}  // namespace
}  // namespace edcsync
