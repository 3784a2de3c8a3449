#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>

#include "shared/base/check.h"
#include "shared/base/limits.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/certificate_request_impl.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {
namespace {

constexpr int kValidDaysMax = 40 * 366;         // Longer than a trial and its retention.
constexpr std::size_t kCommonNameBytesMax = 64;  // RFC 5280, ub-common-name.
constexpr std::size_t kNameCountMax = 64;        // In one subjectAltName.
constexpr std::size_t kSerialHexDigitsMax = 40;  // RFC 5280, 4.1.2.2: 20 octets.
constexpr long kX509Version3 = 2;
constexpr long kCrlVersion2 = 1;
constexpr std::int64_t kMsPerDay = 24 * 60 * 60 * 1000;

bool IsName(std::string_view text, std::size_t size_bytes_max) {
  return !text.empty() && text.size() <= size_bytes_max && IsUtf8(text) &&
         std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < 0x20; });
}

bool IsDnsName(std::string_view text) {
  return !text.empty() && text.size() <= 253 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '*';
         });
}

// Not through OpenSSL's table of string sizes: it ends OU at 64 bytes, and a SiteOID may be longer.
bool AddEntry(X509_NAME* name, int nid, const std::string& text) {
  return X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

bool SetValidity(X509* x509, WallTime not_before, WallTime not_after) {
  return ASN1_TIME_set(X509_getm_notBefore(x509), ToSeconds(not_before)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(x509), ToSeconds(not_after)) != nullptr;
}

bool SetSerial(X509* x509, Random& random) {
  std::uint8_t bytes[16];
  random.Fill(bytes);
  const BignumPtr number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return number != nullptr && !BN_is_zero(number.get()) &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509)) != nullptr;
}

bool AddExtension(X509* x509, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x509, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension != nullptr && X509_add_ext(x509, extension.get(), -1) == 1;
}

Status AddAlternativeName(GENERAL_NAMES* names, int type, ASN1_STRING* value,
                          const std::string& text) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  CHECK(name != nullptr);
  if (value == nullptr) {
    GENERAL_NAME_free(name);
    ERR_clear_error();
    return Fail(ErrorCode::kFieldInvalid, "'" + text + "' cannot stand in a certificate");
  }
  GENERAL_NAME_set0_value(name, type, value);
  CHECK(sk_GENERAL_NAME_push(names, name) > 0);
  return Ok();
}

Status AddAlternativeNames(X509* x509, const CertificateAuthority::Request& request) {
  if (request.dns_names.empty() && request.ip_addresses.empty()) return Ok();
  if (request.dns_names.size() + request.ip_addresses.size() > kNameCountMax) {
    return Fail(ErrorCode::kTooLarge, "a certificate holds at most 64 names and addresses");
  }
  const GeneralNamesPtr names(GENERAL_NAMES_new());
  CHECK(names != nullptr);
  for (const std::string& text : request.dns_names) {
    ASN1_STRING* value = IsDnsName(text) ? ASN1_IA5STRING_new() : nullptr;
    if (value != nullptr) {
      CHECK(ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) == 1);
    }
    EDCSYNC_TRY(AddAlternativeName(names.get(), GEN_DNS, value, text));
  }
  for (const std::string& text : request.ip_addresses) {
    EDCSYNC_TRY(AddAlternativeName(names.get(), GEN_IPADD, a2i_IPADDRESS(text.c_str()), text));
  }
  if (X509_add1_ext_i2d(x509, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) != 1) {
    return FailOpenssl(ErrorCode::kInternal, "subjectAltName cannot be added");
  }
  return Ok();
}

Status CheckRequest(const CertificateAuthority::Request& request) {
  const bool device = request.purpose != CertificateAuthority::Purpose::kBroker;
  if (device ? !IsDeviceName(request.common_name)
             : !IsName(request.common_name, kCommonNameBytesMax)) {
    return Fail(ErrorCode::kFieldInvalid,
                "'" + request.common_name + "' cannot be the name in a certificate");
  }
  if (!request.organizational_unit.empty() &&
      !IsName(request.organizational_unit, limits::kOidBytesMax)) {
    return Fail(ErrorCode::kFieldInvalid, "the SiteOID cannot stand in a certificate");
  }
  if (request.not_after == WallTime{} &&
      (request.valid_days < 1 || request.valid_days > kValidDaysMax)) {
    return Fail(ErrorCode::kFieldInvalid, "a certificate is valid for 1 to 14640 days");
  }
  return Ok();
}

// keyUsage and extendedKeyUsage (RFC 5280, 4.2.1.3 and 4.2.1.12; RFC 5753 wants keyAgreement of
// whoever receives sealed frames).
bool AddUsage(X509* x509, X509* issuer, CertificateAuthority::Purpose purpose) {
  const bool broker = purpose == CertificateAuthority::Purpose::kBroker;
  return AddExtension(x509, issuer, NID_key_usage,
                      broker ? "critical,digitalSignature"
                             : "critical,digitalSignature,keyAgreement") &&
         AddExtension(x509, issuer, NID_ext_key_usage, broker ? "serverAuth" : "clientAuth");
}

}  // namespace

CertificateAuthority::CertificateAuthority(PrivateKey key, Certificate certificate)
    : key_(std::move(key)), certificate_(std::move(certificate)) {}

Result<CertificateAuthority> CertificateAuthority::Create(const std::string& common_name,
                                                          WallTime now, int valid_days,
                                                          Random& random) {
  if (!IsName(common_name, kCommonNameBytesMax) || valid_days < 1 || valid_days > kValidDaysMax) {
    return Fail(ErrorCode::kFieldInvalid,
                "an authority has a name of 1 to 64 bytes and is valid for 1 to 14640 days");
  }
  EDCSYNC_ASSIGN(PrivateKey key, PrivateKey::Generate());
  EVP_PKEY* pkey = key.impl().key.get();
  const X509Ptr owner(X509_new());
  X509* x509 = owner.get();
  const bool made =
      x509 != nullptr && X509_set_version(x509, kX509Version3) == 1 && SetSerial(x509, random) &&
      AddEntry(X509_get_subject_name(x509), NID_commonName, common_name) &&
      X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1 &&
      SetValidity(x509, now, {now.ms + valid_days * kMsPerDay}) &&
      X509_set_pubkey(x509, pkey) == 1 &&
      AddExtension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      AddExtension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      AddExtension(x509, x509, NID_subject_key_identifier, "hash") &&
      AddExtension(x509, x509, NID_authority_key_identifier, "keyid:always") &&
      X509_sign(x509, pkey, EVP_sha256()) > 0;
  if (!made) return FailOpenssl(ErrorCode::kInternal, "the authority cannot be made");
  const BioPtr pem = WriteBio();
  CHECK(PEM_write_bio_X509(pem.get(), x509) == 1);
  EDCSYNC_ASSIGN(Certificate certificate, Certificate::FromPem(AsText(BioContent(pem.get()))));
  return CertificateAuthority(std::move(key), std::move(certificate));
}

struct CertificateAuthority::PublicKey {
  EVP_PKEY* key;
};

Result<Certificate> CertificateAuthority::Issue(const PrivateKey& key, const Request& request,
                                                Random& random) const {
  return IssueFor({key.impl().key.get()}, request, random);
}

Result<Certificate> CertificateAuthority::Issue(const CertificateRequest& signing_request,
                                                const Request& request, Random& random) const {
  return IssueFor({X509_REQ_get0_pubkey(signing_request.impl().request.get())}, request, random);
}

Result<Certificate> CertificateAuthority::IssueFor(const PublicKey& key, const Request& request,
                                                   Random& random) const {
  EDCSYNC_TRY(CheckRequest(request));
  ERR_clear_error();
  X509* issuer = certificate_.impl().x509.get();
  EVP_PKEY* issuer_key = key_.impl().key.get();
  if (X509_check_private_key(issuer, issuer_key) != 1) {
    return FailOpenssl(ErrorCode::kCertificate, "the authority's key is not its certificate's");
  }
  const WallTime not_after =
      std::min(request.not_after != WallTime{}
                   ? request.not_after
                   : WallTime{request.not_before.ms + request.valid_days * kMsPerDay},
               certificate_.NotAfter());
  if (not_after <= request.not_before) {
    return Fail(ErrorCode::kCertificate,
                "the authority itself ended on " + FormatUtc(certificate_.NotAfter()));
  }
  const X509Ptr owner(X509_new());
  X509* x509 = owner.get();
  X509_NAME* subject = X509_get_subject_name(x509);
  bool made = x509 != nullptr && X509_set_version(x509, kX509Version3) == 1 &&
              SetSerial(x509, random) &&
              AddEntry(subject, NID_commonName, request.common_name) &&
              (request.organizational_unit.empty() ||
               AddEntry(subject, NID_organizationalUnitName, request.organizational_unit)) &&
              X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1 &&
              SetValidity(x509, request.not_before, not_after) &&
              X509_set_pubkey(x509, key.key) == 1 &&
              AddExtension(x509, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
              AddUsage(x509, issuer, request.purpose) &&
              AddExtension(x509, issuer, NID_subject_key_identifier, "hash") &&
              AddExtension(x509, issuer, NID_authority_key_identifier, "keyid:always");
  if (made) {
    EDCSYNC_TRY(AddAlternativeNames(x509, request));
    made = X509_sign(x509, issuer_key, EVP_sha256()) > 0;
  }
  if (!made) return FailOpenssl(ErrorCode::kInternal, "the certificate cannot be made");
  const BioPtr pem = WriteBio();
  CHECK(PEM_write_bio_X509(pem.get(), x509) == 1);
  return Certificate::FromPem(AsText(BioContent(pem.get())));
}

namespace {

Status AddRevoked(X509_CRL* crl, const RevokedCertificate& entry, const ASN1_TIME* at) {
  const std::string& serial_hex = entry.serial_hex;
  BIGNUM* raw = nullptr;
  const bool parsed = !serial_hex.empty() && serial_hex.size() <= kSerialHexDigitsMax &&
                      serial_hex[0] != '-' &&
                      BN_hex2bn(&raw, serial_hex.c_str()) == static_cast<int>(serial_hex.size());
  const BignumPtr number(raw);
  if (!parsed) {
    return Fail(ErrorCode::kFieldInvalid, "'" + serial_hex + "' is no certificate serial number");
  }
  const Asn1IntegerPtr serial(BN_to_ASN1_INTEGER(number.get(), nullptr));
  RevokedPtr revoked(X509_REVOKED_new());
  CHECK(serial != nullptr && revoked != nullptr);
  CHECK(X509_REVOKED_set_serialNumber(revoked.get(), serial.get()) == 1);
  CHECK(X509_REVOKED_set_revocationDate(revoked.get(), const_cast<ASN1_TIME*>(at)) == 1);
  if (entry.superseded) {
    const Asn1EnumeratedPtr reason(ASN1_ENUMERATED_new());
    CHECK(reason != nullptr && ASN1_ENUMERATED_set(reason.get(), CRL_REASON_SUPERSEDED) == 1);
    CHECK(X509_REVOKED_add1_ext_i2d(revoked.get(), NID_crl_reason, reason.get(), 0,
                                    X509V3_ADD_DEFAULT) == 1);
  }
  CHECK(X509_CRL_add0_revoked(crl, revoked.release()) == 1);
  return Ok();
}

}  // namespace

Result<std::string> CertificateAuthority::IssueCrl(
    const std::vector<RevokedCertificate>& revoked, WallTime now, int valid_days) const {
  if (valid_days < 1 || valid_days > kValidDaysMax) {
    return Fail(ErrorCode::kFieldInvalid, "a revocation list is valid for 1 to 14640 days");
  }
  ERR_clear_error();
  X509* issuer = certificate_.impl().x509.get();
  const CrlPtr crl(X509_CRL_new());
  const Asn1TimePtr this_update(ASN1_TIME_set(nullptr, ToSeconds(now)));
  const Asn1TimePtr next_update(
      ASN1_TIME_set(nullptr, ToSeconds({now.ms + valid_days * kMsPerDay})));
  CHECK(crl != nullptr && this_update != nullptr && next_update != nullptr);
  for (const RevokedCertificate& entry : revoked) {
    EDCSYNC_TRY(AddRevoked(crl.get(), entry, this_update.get()));
  }
  // crlNumber must rise from list to list (RFC 5280, 5.2.3): the time of issue does.
  const Asn1IntegerPtr number(ASN1_INTEGER_new());
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, nullptr, nullptr, crl.get(), 0);
  const ExtensionPtr authority(
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
  const bool made =
      number != nullptr && ASN1_INTEGER_set_int64(number.get(), now.ms) == 1 &&
      X509_CRL_set_version(crl.get(), kCrlVersion2) == 1 &&
      X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer)) == 1 &&
      X509_CRL_set1_lastUpdate(crl.get(), this_update.get()) == 1 &&
      X509_CRL_set1_nextUpdate(crl.get(), next_update.get()) == 1 && authority != nullptr &&
      X509_CRL_add_ext(crl.get(), authority.get(), -1) == 1 &&
      X509_CRL_add1_ext_i2d(crl.get(), NID_crl_number, number.get(), 0, X509V3_ADD_DEFAULT) == 1 &&
      X509_CRL_sort(crl.get()) == 1 &&
      X509_CRL_sign(crl.get(), key_.impl().key.get(), EVP_sha256()) > 0;
  if (!made) return FailOpenssl(ErrorCode::kInternal, "the revocation list cannot be made");
  const BioPtr pem = WriteBio();
  CHECK(PEM_write_bio_X509_CRL(pem.get(), crl.get()) == 1);
  return std::string(AsText(BioContent(pem.get())));
}

}  // namespace edcsync
