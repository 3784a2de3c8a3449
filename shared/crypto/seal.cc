#include "shared/crypto/seal.h"

#include <openssl/ec.h>
#include <openssl/err.h>

#include <algorithm>
#include <climits>

#include "shared/base/check.h"
#include "shared/crypto/cms_profile.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {
namespace {

// What both layers of CMS add at most: about 900 bytes with our certificates, more where a foreign
// authority has a long name.
constexpr std::size_t kOverheadBytesMax = 8 * 1024;

constexpr unsigned kSignFlags = CMS_BINARY | CMS_NOCERTS | CMS_NOSMIMECAP | CMS_PARTIAL;

// The signed attribute that names the receiver by its certificate's SHA-256, so that a receiver
// cannot seal what it was sent anew to somebody else (a UUID as OID: ITU-T X.667).
constexpr char kReceiverAttribute[] = "2.25.248174939851049899654591094166421477957";

const ASN1_OBJECT* ReceiverAttribute() {
  static const ASN1_OBJECT* const object = OBJ_txt2obj(kReceiverAttribute, 1);
  CHECK(object != nullptr);
  return object;
}

Digest Fingerprint(const X509* x509) {
  Digest digest;
  unsigned size = 0;
  CHECK(X509_digest(x509, EVP_sha256(), digest.data(), &size) == 1 && size == digest.size());
  return digest;
}

// `cms` in DER. REQUIRES: final.
Result<BioPtr> ToDer(const CMS_ContentInfo* cms) {
  BioPtr bio = WriteBio();
  if (i2d_CMS_bio(bio.get(), const_cast<CMS_ContentInfo*>(cms)) != 1) {
    return FailOpenssl(ErrorCode::kInternal, "a frame cannot be encoded");
  }
  return bio;
}

// `der` as CMS if it is that to its last byte, else nullptr.
CmsPtr FromDer(BytesView der) {
  if (der.empty() || der.size() > LONG_MAX) return nullptr;
  const unsigned char* at = der.data();
  CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size())));
  return at == der.data() + der.size() ? std::move(cms) : nullptr;
}

Result<BioPtr> Sign(BytesView payload, X509* signer, EVP_PKEY* key, const X509* receiver) {
  const BioPtr in = ReadBio(payload);
  if (in == nullptr) return Fail(ErrorCode::kTooLarge, "a payload of over 2 GiB is not sealed");
  const CmsPtr cms(CMS_sign(nullptr, nullptr, nullptr, in.get(), kSignFlags));
  CMS_SignerInfo* info = cms == nullptr ? nullptr
                                        : CMS_add1_signer(cms.get(), signer, key, EVP_sha256(),
                                                          kSignFlags);
  const Digest fingerprint = Fingerprint(receiver);
  if (info == nullptr ||
      CMS_signed_add1_attr_by_OBJ(info, ReceiverAttribute(), V_ASN1_OCTET_STRING,
                                  fingerprint.data(), static_cast<int>(fingerprint.size())) != 1 ||
      CMS_final(cms.get(), in.get(), nullptr, kSignFlags) != 1) {
    return FailOpenssl(ErrorCode::kInternal, "a frame cannot be signed");
  }
  return ToDer(cms.get());
}

Result<BioPtr> Encrypt(BIO* in, X509* receiver) {
  constexpr unsigned kFlags = CMS_BINARY | CMS_PARTIAL;
  const CmsPtr cms(CMS_encrypt(nullptr, in, EVP_aes_256_gcm(), kFlags));
  CMS_RecipientInfo* info =
      cms == nullptr ? nullptr : CMS_add1_recipient_cert(cms.get(), receiver, CMS_KEY_PARAM);
  // OpenSSL's own choice for the key derivation would be SHA-1.
  EVP_PKEY_CTX* agreement = info == nullptr ? nullptr : CMS_RecipientInfo_get0_pkey_ctx(info);
  if (agreement == nullptr || EVP_PKEY_CTX_set_ecdh_kdf_md(agreement, EVP_sha256()) != 1 ||
      CMS_set1_eContentType(cms.get(), OBJ_nid2obj(NID_pkcs7_signed)) != 1 ||
      CMS_final(cms.get(), in, nullptr, kFlags) != 1) {
    return FailOpenssl(ErrorCode::kInternal, "a frame cannot be encrypted");
  }
  return ToDer(cms.get());
}

bool SameEncoding(const X509_NAME* a, const X509_NAME* b) {
  const unsigned char* a_der = nullptr;
  const unsigned char* b_der = nullptr;
  std::size_t a_size = 0;
  std::size_t b_size = 0;
  return X509_NAME_get0_der(a, &a_der, &a_size) == 1 &&
         X509_NAME_get0_der(b, &b_der, &b_size) == 1 &&
         std::equal(a_der, a_der + a_size, b_der, b_der + b_size);
}

// True if `cms` has an entry for `own`. OpenSSL itself does not tell this from a damaged frame,
// and compares names without regard to case.
bool IsFor(CMS_ContentInfo* cms, X509* own) {
  const STACK_OF(CMS_RecipientInfo)* recipients = CMS_get0_RecipientInfos(cms);
  for (int i = 0; i < sk_CMS_RecipientInfo_num(recipients); ++i) {
    CMS_RecipientInfo* recipient = sk_CMS_RecipientInfo_value(recipients, i);
    if (CMS_RecipientInfo_type(recipient) != CMS_RECIPINFO_AGREE) continue;
    const auto* keys = CMS_RecipientInfo_kari_get0_reks(recipient);
    for (int k = 0; k < sk_CMS_RecipientEncryptedKey_num(keys); ++k) {
      CMS_RecipientEncryptedKey* key = sk_CMS_RecipientEncryptedKey_value(keys, k);
      X509_NAME* issuer = nullptr;
      if (CMS_RecipientEncryptedKey_get0_id(key, nullptr, nullptr, nullptr, &issuer, nullptr) ==
              1 &&
          issuer != nullptr && SameEncoding(issuer, X509_get_issuer_name(own)) &&
          CMS_RecipientEncryptedKey_cert_cmp(key, own) == 0) {
        return true;
      }
    }
  }
  return false;
}

Result<BioPtr> Decrypt(BytesView sealed, EVP_PKEY* key, X509* own) {
  EDCSYNC_TRY(CheckSealedForm(sealed));
  const CmsPtr cms = FromDer(sealed);
  if (cms == nullptr) return FailOpenssl(ErrorCode::kBadSeal, "the frame cannot be read");
  if (!IsFor(cms.get(), own)) {
    return Fail(ErrorCode::kBadSeal, "the frame is encrypted to another receiver");
  }
  BioPtr out = WriteBio();
  if (CMS_decrypt(cms.get(), key, own, nullptr, out.get(), CMS_BINARY) != 1) {
    return FailOpenssl(ErrorCode::kBadSeal, "the frame does not authenticate");
  }
  return out;
}

// That `cms` has one signer, which is `sender`, and signs in the one way we do. Attributes must
// be signed: without them, the attributes of one message could be passed off as another message.
Status CheckSigner(CMS_ContentInfo* cms, X509* sender, const X509* receiver) {
  const STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms);
  if (signers == nullptr || sk_CMS_SignerInfo_num(signers) != 1) {
    return Fail(ErrorCode::kBadSeal, "the frame does not have exactly one signer");
  }
  CMS_SignerInfo* signer = sk_CMS_SignerInfo_value(signers, 0);
  if (CMS_SignerInfo_cert_cmp(signer, sender) != 0) {
    return Fail(ErrorCode::kBadSeal, "the frame is signed by another sender");
  }
  X509_ALGOR* digest = nullptr;
  X509_ALGOR* signature = nullptr;
  CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, &digest, &signature);
  if (OBJ_obj2nid(digest->algorithm) != NID_sha256 ||
      OBJ_obj2nid(signature->algorithm) != NID_ecdsa_with_SHA256) {
    return Fail(ErrorCode::kBadSeal, "the frame is not signed with ECDSA and SHA-256");
  }
  constexpr int kOneOnly = -3;  // One attribute of the kind, with one value.
  const auto* named = static_cast<const ASN1_OCTET_STRING*>(CMS_signed_get0_data_by_OBJ(
      signer, ReceiverAttribute(), kOneOnly, V_ASN1_OCTET_STRING));
  const Digest fingerprint = Fingerprint(receiver);
  if (named == nullptr ||
      ASN1_STRING_length(named) != static_cast<int>(fingerprint.size()) ||
      !std::equal(fingerprint.begin(), fingerprint.end(), ASN1_STRING_get0_data(named))) {
    return Fail(ErrorCode::kBadSeal, "the frame was signed for another receiver");
  }
  return Ok();
}

Result<BioPtr> Verify(BytesView signed_der, X509* sender, const X509* receiver) {
  const CmsPtr cms = FromDer(signed_der);
  if (cms == nullptr || OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed ||
      OBJ_obj2nid(CMS_get0_eContentType(cms.get())) != NID_pkcs7_data) {
    ERR_clear_error();
    return Fail(ErrorCode::kBadSeal, "the frame holds no signed data");
  }
  EDCSYNC_TRY(CheckSigner(cms.get(), sender, receiver));
  const X509StackPtr candidates(sk_X509_new_null());
  CHECK(candidates != nullptr && sk_X509_push(candidates.get(), sender) > 0);
  BioPtr out = WriteBio();
  if (CMS_verify(cms.get(), candidates.get(), nullptr, nullptr, out.get(),
                 CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY) != 1) {
    return FailOpenssl(ErrorCode::kBadSeal, "the frame's signature is not the sender's");
  }
  return out;
}

}  // namespace

Result<Sealer> Sealer::Create(PrivateKey key, Certificate certificate) {
  ERR_clear_error();
  if (X509_check_private_key(certificate.impl().x509.get(), key.impl().key.get()) != 1) {
    return FailOpenssl(ErrorCode::kCertificate, "the private key is not that of the certificate '" +
                                                    certificate.CommonName() + "'");
  }
  return Sealer(std::move(key), std::move(certificate));
}

Result<Bytes> Sealer::Seal(BytesView payload, const Certificate& receiver) const {
  ERR_clear_error();
  X509* to = receiver.impl().x509.get();
  if (!IsP256(X509_get0_pubkey(to))) {
    return Fail(ErrorCode::kCertificate,
                "the key of '" + receiver.CommonName() + "' is not on P-256");
  }
  EDCSYNC_ASSIGN(const BioPtr signed_der, Sign(payload, certificate_.impl().x509.get(),
                                               key_.impl().key.get(), to));
  EDCSYNC_ASSIGN(const BioPtr sealed, Encrypt(signed_der.get(), to));
  const BytesView content = BioContent(sealed.get());
  return Bytes(content.begin(), content.end());
}

Result<Bytes> Sealer::Open(BytesView sealed, const Certificate& sender,
                           std::size_t size_bytes_max) const {
  if (sealed.size() > kOverheadBytesMax &&
      sealed.size() - kOverheadBytesMax > size_bytes_max) {
    return Fail(ErrorCode::kTooLarge,
                "the frame holds more than " + std::to_string(size_bytes_max) + " bytes");
  }
  ERR_clear_error();
  X509* own = certificate_.impl().x509.get();
  EDCSYNC_ASSIGN(const BioPtr signed_der, Decrypt(sealed, key_.impl().key.get(), own));
  EDCSYNC_ASSIGN(const BioPtr payload,
                 Verify(BioContent(signed_der.get()), sender.impl().x509.get(), own));
  const BytesView content = BioContent(payload.get());
  if (content.size() > size_bytes_max) {
    return Fail(ErrorCode::kTooLarge,
                "the frame holds more than " + std::to_string(size_bytes_max) + " bytes");
  }
  return Bytes(content.begin(), content.end());
}

}  // namespace edcsync
