#include "shared/crypto/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>

#include "shared/base/check.h"
#include "shared/base/file.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {
namespace {

constexpr std::size_t kPemBytesMax = 64 * 1024;  // A chain of a few certificates; one is 1 KB.

std::string Reason(int error, bool of_authority, const Certificate& certificate,
                   const Certificate& authority) {
  const Certificate& subject = of_authority ? authority : certificate;
  const std::string whose = of_authority
                                ? "the authority '" + authority.CommonName() + "'"
                                : "the certificate of '" + certificate.CommonName() + "'";
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return whose + " ended on " + FormatUtc(subject.NotAfter());
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return whose + " is valid only from " + FormatUtc(subject.NotBefore());
    default:
      return "the certificate of '" + certificate.CommonName() + "' has no valid chain to '" +
             authority.CommonName() + "': " + X509_verify_cert_error_string(error);
  }
}

}  // namespace

Result<PrivateKey> PrivateKey::Generate() {
  ERR_clear_error();
  KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (key == nullptr) return FailOpenssl(ErrorCode::kInternal, "no key could be made");
  PrivateKey result;
  result.impl_ = std::make_shared<const Impl>(Impl{std::move(key)});
  return result;
}

Result<PrivateKey> PrivateKey::FromPem(std::string_view pem) {
  if (pem.size() > kPemBytesMax) return Fail(ErrorCode::kMalformed, "the key's PEM is too large");
  ERR_clear_error();
  const BioPtr bio = ReadBio(AsBytes(pem));
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassPhrase, nullptr));
  if (key == nullptr) return FailOpenssl(ErrorCode::kMalformed, "the private key cannot be read");
  if (!IsP256(key.get())) return Fail(ErrorCode::kMalformed, "the private key is not on P-256");
  PrivateKey result;
  result.impl_ = std::make_shared<const Impl>(Impl{std::move(key)});
  return result;
}

Result<PrivateKey> PrivateKey::Load(const std::string& path) {
  const Result<std::string> pem = ReadSecretFile(path, kPemBytesMax);
  if (!pem.ok() && pem.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kKeyMissing, pem.error().message);
  }
  EDCSYNC_TRY(pem);
  Result<PrivateKey> key = FromPem(*pem);
  if (!key.ok()) return Fail(key.error().code, path + ": " + key.error().message);
  return key;
}

std::string PrivateKey::ToPem() const {
  const BioPtr bio = WriteBio();
  CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), impl().key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) == 1);
  return std::string(AsText(BioContent(bio.get())));
}

Result<Certificate> Certificate::FromPem(std::string_view pem) {
  if (pem.size() > kPemBytesMax) return Fail(ErrorCode::kMalformed, "the PEM is too large");
  ERR_clear_error();
  const BioPtr bio = ReadBio(AsBytes(pem));
  X509Ptr x509(PEM_read_bio_X509(bio.get(), nullptr, NoPassPhrase, nullptr));
  if (x509 == nullptr) return FailOpenssl(ErrorCode::kMalformed, "the certificate cannot be read");
  std::tm fields{};
  // The second call also fills the caches of extensions, so that later reads are of a constant.
  if (ASN1_TIME_to_tm(X509_get0_notBefore(x509.get()), &fields) != 1 ||
      ASN1_TIME_to_tm(X509_get0_notAfter(x509.get()), &fields) != 1 ||
      X509_check_purpose(x509.get(), -1, 0) != 1) {
    return FailOpenssl(ErrorCode::kMalformed, "the certificate's fields cannot be read");
  }
  Certificate result;
  result.impl_ = std::make_shared<const Impl>(Impl{std::move(x509)});
  return result;
}

Result<Certificate> Certificate::Load(const std::string& path) {
  EDCSYNC_ASSIGN(const std::string pem, ReadFile(path, kPemBytesMax));
  Result<Certificate> certificate = FromPem(pem);
  if (!certificate.ok()) {
    return Fail(certificate.error().code, path + ": " + certificate.error().message);
  }
  return certificate;
}

std::string Certificate::ToPem() const {
  const BioPtr bio = WriteBio();
  CHECK(PEM_write_bio_X509(bio.get(), impl().x509.get()) == 1);
  return std::string(AsText(BioContent(bio.get())));
}

std::string Certificate::CommonName() const {
  return EntryText(X509_get_subject_name(impl().x509.get()), NID_commonName);
}

std::string Certificate::OrganizationalUnit() const {
  return EntryText(X509_get_subject_name(impl().x509.get()), NID_organizationalUnitName);
}

WallTime Certificate::NotBefore() const {
  return ToWallTime(X509_get0_notBefore(impl().x509.get()));
}

WallTime Certificate::NotAfter() const {
  return ToWallTime(X509_get0_notAfter(impl().x509.get()));
}

std::string Certificate::SerialHex() const {
  return SerialText(X509_get0_serialNumber(impl().x509.get()));
}

std::string Certificate::FingerprintHex() const {
  Digest digest;
  unsigned size = 0;
  CHECK(X509_digest(impl().x509.get(), EVP_sha256(), digest.data(), &size) == 1 &&
        size == digest.size());
  return ToHex(digest);
}

Status VerifyIssued(const Certificate& certificate, const Certificate& authority, WallTime at) {
  ERR_clear_error();
  const X509StorePtr store(X509_STORE_new());
  const X509StoreContextPtr context(X509_STORE_CTX_new());
  CHECK(store != nullptr && context != nullptr);
  if (X509_STORE_add_cert(store.get(), authority.impl().x509.get()) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), certificate.impl().x509.get(), nullptr) !=
          1) {
    return FailOpenssl(ErrorCode::kCertificate, "the chain cannot be checked");
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, static_cast<std::time_t>(ToSeconds(at)));
  // The authority given is the anchor even where it was issued by another one.
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  if (X509_verify_cert(context.get()) == 1) return Ok();
  const int error = X509_STORE_CTX_get_error(context.get());
  const bool of_authority = X509_STORE_CTX_get_error_depth(context.get()) > 0;
  ERR_clear_error();
  return Fail(ErrorCode::kCertificate, Reason(error, of_authority, certificate, authority));
}

Status VerifyIssuedByAny(const Certificate& certificate,
                         const std::vector<Certificate>& authorities, WallTime at) {
  Status verified = Fail(ErrorCode::kCertificate, "no authority is trusted");
  for (const Certificate& authority : authorities) {
    verified = VerifyIssued(certificate, authority, at);
    if (verified.ok()) return verified;
    // Whose date it is that does not fit is worth more than that the other did not issue it.
    const bool issuer = X509_check_issued(authority.impl().x509.get(),
                                          certificate.impl().x509.get()) == X509_V_OK;
    if (issuer) return verified;
  }
  return verified;
}

}  // namespace edcsync
