#include "shared/crypto/certificate_request.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include <climits>

#include "shared/base/check.h"
#include "shared/base/file.h"
#include "shared/crypto/certificate_request_impl.h"
#include "shared/crypto/digest.h"

namespace edcsync {
namespace {

constexpr std::size_t kRequestBytesMax = 16 * 1024;  // Ours have 250; with foreign extensions 2 KB.
constexpr std::size_t kBundleBytesMax = 256 * 1024;  // Of certificates; ours are few.
constexpr int kBundleCountMax = 64;
constexpr std::size_t kSubjectBytesMax = 255;

using Pkcs7Ptr = std::unique_ptr<PKCS7, OpensslFree<PKCS7_free>>;

bool AddSubjectEntry(X509_NAME* name, int nid, const std::string& text) {
  return text.empty() ||
         X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

std::string KeyDigest(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  CHECK(size > 0);
  const Digest digest = Sha256({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return ToHex(digest);
}

bool IsBase64Letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

Result<Certificate> FromX509(X509* x509) {
  const BioPtr pem = WriteBio();
  CHECK(PEM_write_bio_X509(pem.get(), x509) == 1);
  return Certificate::FromPem(AsText(BioContent(pem.get())));
}

}  // namespace

Result<Bytes> CertificateRequest::Make(const PrivateKey& key, const std::string& common_name,
                                       const std::string& organizational_unit) {
  for (const std::string* text : {&common_name, &organizational_unit}) {
    if (text->size() > kSubjectBytesMax || !IsUtf8(*text)) {
      return Fail(ErrorCode::kFieldInvalid, "'" + *text + "' cannot stand in a signing request");
    }
  }
  ERR_clear_error();
  const RequestPtr request(X509_REQ_new());
  CHECK(request != nullptr);
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  EVP_PKEY* own = key.impl().key.get();
  unsigned char* der = nullptr;
  const bool made = X509_REQ_set_version(request.get(), 0) == 1 &&
                    AddSubjectEntry(subject, NID_commonName, common_name) &&
                    AddSubjectEntry(subject, NID_organizationalUnitName, organizational_unit) &&
                    X509_REQ_set_pubkey(request.get(), own) == 1 &&
                    X509_REQ_sign(request.get(), own, EVP_sha256()) > 0;
  const int size = made ? i2d_X509_REQ(request.get(), &der) : -1;
  if (size <= 0) return FailOpenssl(ErrorCode::kInternal, "the signing request cannot be made");
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

Result<CertificateRequest> CertificateRequest::FromDer(BytesView der) {
  if (der.size() > kRequestBytesMax) {
    return Fail(ErrorCode::kTooLarge, "a signing request has 16 KiB at most");
  }
  ERR_clear_error();
  const unsigned char* at = der.data();
  RequestPtr request(der.empty() ? nullptr
                                 : d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  if (request == nullptr || at != der.data() + der.size()) {
    ERR_clear_error();
    return Fail(ErrorCode::kMalformed, "this is no signing request (PKCS#10)");
  }
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (!IsP256(key)) {
    ERR_clear_error();
    return Fail(ErrorCode::kMalformed, "the signing request's key is not on P-256");
  }
  if (X509_REQ_verify(request.get(), key) != 1) {
    ERR_clear_error();
    return Fail(ErrorCode::kMalformed, "the signing request is not signed with its own key");
  }
  CertificateRequest result;
  result.impl_ = std::make_shared<const Impl>(Impl{std::move(request)});
  return result;
}

std::string CertificateRequest::CommonName() const {
  return EntryText(X509_REQ_get_subject_name(impl().request.get()), NID_commonName);
}

std::string CertificateRequest::OrganizationalUnit() const {
  return EntryText(X509_REQ_get_subject_name(impl().request.get()), NID_organizationalUnitName);
}

std::string CertificateRequest::PublicKeyHex() const {
  return KeyDigest(X509_REQ_get0_pubkey(impl().request.get()));
}

std::string PublicKeyHex(const Certificate& certificate) {
  return KeyDigest(X509_get0_pubkey(certificate.impl().x509.get()));
}

std::string PublicKeyHex(const PrivateKey& key) { return KeyDigest(key.impl().key.get()); }

Bytes CertificatesToPkcs7(const std::vector<Certificate>& certificates) {
  const Pkcs7Ptr bundle(PKCS7_new());
  CHECK(bundle != nullptr && PKCS7_set_type(bundle.get(), NID_pkcs7_signed) == 1 &&
        PKCS7_content_new(bundle.get(), NID_pkcs7_data) == 1 &&
        PKCS7_set_detached(bundle.get(), 1) == 1);
  for (const Certificate& certificate : certificates) {
    CHECK(PKCS7_add_certificate(bundle.get(), certificate.impl().x509.get()) == 1);
  }
  unsigned char* der = nullptr;
  const int size = i2d_PKCS7(bundle.get(), &der);
  CHECK(size > 0);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

Result<std::vector<Certificate>> CertificatesFromPkcs7(BytesView der) {
  if (der.size() > kBundleBytesMax) {
    return Fail(ErrorCode::kTooLarge, "a bundle of certificates has 256 KiB at most");
  }
  ERR_clear_error();
  const unsigned char* at = der.data();
  const Pkcs7Ptr bundle(der.empty() ? nullptr
                                    : d2i_PKCS7(nullptr, &at, static_cast<long>(der.size())));
  if (bundle == nullptr || at != der.data() + der.size() || !PKCS7_type_is_signed(bundle.get()) ||
      bundle->d.sign == nullptr) {
    ERR_clear_error();
    return Fail(ErrorCode::kMalformed, "this is no bundle of certificates (PKCS#7)");
  }
  const STACK_OF(X509)* stack = bundle->d.sign->cert;
  const int count = stack == nullptr ? 0 : sk_X509_num(stack);
  if (count < 1 || count > kBundleCountMax) {
    return Fail(ErrorCode::kMalformed, "a bundle holds 1 to 64 certificates");
  }
  std::vector<Certificate> certificates;
  for (int i = 0; i < count; ++i) {
    EDCSYNC_ASSIGN(Certificate certificate, FromX509(sk_X509_value(stack, i)));
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

Result<std::vector<Certificate>> CertificatesFromPem(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  if (pem.size() > kBundleBytesMax) return Fail(ErrorCode::kTooLarge, "the PEM is too large");
  std::vector<Certificate> certificates;
  while (true) {
    const std::size_t begin = pem.find(kBegin);
    if (begin == std::string_view::npos) break;
    const std::size_t end = pem.find(kEnd, begin);
    if (end == std::string_view::npos) break;
    EDCSYNC_ASSIGN(
        Certificate certificate,
        Certificate::FromPem(std::string(pem.substr(begin, end + kEnd.size() - begin)) + "\n"));
    certificates.push_back(std::move(certificate));
    pem.remove_prefix(end + kEnd.size());
  }
  if (certificates.empty()) return Fail(ErrorCode::kMalformed, "there is no certificate in it");
  return certificates;
}

Result<std::vector<Certificate>> LoadCertificates(const std::string& path) {
  EDCSYNC_ASSIGN(const std::string pem, ReadFile(path, kBundleBytesMax));
  Result<std::vector<Certificate>> certificates = CertificatesFromPem(pem);
  if (!certificates.ok()) {
    return Fail(certificates.error().code, path + ": " + certificates.error().message);
  }
  return certificates;
}

std::string ToPem(const std::vector<Certificate>& certificates) {
  std::string pem;
  for (const Certificate& certificate : certificates) pem += certificate.ToPem();
  return pem;
}

std::vector<std::string> ServerNames(const std::string& path) {
  std::vector<std::string> hosts;
  const Result<Certificate> certificate = Certificate::Load(path);
  if (!certificate.ok()) return hosts;
  const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate->impl().x509.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      hosts.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                         static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      const unsigned char* at = ASN1_STRING_get0_data(name->d.iPAddress);
      char text[INET6_ADDRSTRLEN] = "";
      const int family = ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6;
      if (inet_ntop(family, at, text, sizeof text) != nullptr) hosts.emplace_back(text);
    }
  }
  return hosts;
}

std::string ToBase64Lines(BytesView bytes) {
  constexpr std::size_t kLineBytes = 48;  // 64 characters.
  std::string text;
  text.reserve(bytes.size() / kLineBytes * 65 + 66);
  unsigned char line[65];
  while (!bytes.empty()) {
    const std::size_t size = std::min(kLineBytes, bytes.size());
    const int written = EVP_EncodeBlock(line, bytes.data(), static_cast<int>(size));
    text.append(reinterpret_cast<const char*>(line), static_cast<std::size_t>(written));
    text += '\n';
    bytes = bytes.subspan(size);
  }
  return text;
}

Result<Bytes> FromBase64(std::string_view text, std::size_t size_bytes_max) {
  if (text.size() > size_bytes_max * 2 + 64) return Fail(ErrorCode::kTooLarge, "too much base64");
  std::string packed;
  packed.reserve(text.size());
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    packed += c;
    if (c == '=') {
      ++padding;
    } else if (padding > 0 || !IsBase64Letter(c)) {  // OpenSSL would pass over some.
      return Fail(ErrorCode::kMalformed, "not base64");
    }
  }
  if (packed.empty() || packed.size() % 4 != 0 || padding > 2) {
    return Fail(ErrorCode::kMalformed, "not base64");
  }
  Bytes bytes(packed.size() / 4 * 3);
  const int size =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(packed.data()),
                      static_cast<int>(packed.size()));
  if (size < 0 || static_cast<std::size_t>(size) < padding) {
    ERR_clear_error();
    return Fail(ErrorCode::kMalformed, "not base64");
  }
  bytes.resize(static_cast<std::size_t>(size) - padding);
  if (bytes.size() > size_bytes_max) return Fail(ErrorCode::kTooLarge, "too much base64");
  return bytes;
}

}  // namespace edcsync
