// What travels when a certificate is asked for: the request (PKCS#10, RFC 2986) and the answer, a
// certs-only PKCS#7 (RFC 7030, 4.1.3), both DER; base64 as EST sends them (RFC 4648, 4).
//
//   made by    edge-agent/enrolment/enrol.h (request), central-gateway/enrolment (answer)
//
// Bytes from outside are bounded before they are read. Threads: any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/crypto/certificate.h"

namespace edcsync {

// A request whose signature was checked: whoever made it holds the private key.
class CertificateRequest {
 public:
  // DER of a request for `key`. Empty entries are left out. kFieldInvalid.
  static Result<Bytes> Make(const PrivateKey& key, const std::string& common_name,
                            const std::string& organizational_unit);
  // kMalformed if it is no request, is not on P-256, or was not signed with its own key; kTooLarge.
  static Result<CertificateRequest> FromDer(BytesView der);

  std::string CommonName() const;          // Empty if none.
  std::string OrganizationalUnit() const;  // Likewise.
  std::string PublicKeyHex() const;        // SHA-256 of the SubjectPublicKeyInfo.

  struct Impl;  // shared/crypto only.
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

// SHA-256 of the SubjectPublicKeyInfo, lower-case hex: which key a certificate is for.
std::string PublicKeyHex(const Certificate& certificate);
std::string PublicKeyHex(const PrivateKey& key);

Bytes CertificatesToPkcs7(const std::vector<Certificate>& certificates);
// kMalformed unless it is certs-only PKCS#7 to its last byte; kTooLarge. At least one certificate.
Result<std::vector<Certificate>> CertificatesFromPkcs7(BytesView der);

// Every certificate of a PEM file with one or more, in their order.
Result<std::vector<Certificate>> CertificatesFromPem(std::string_view pem);
Result<std::vector<Certificate>> LoadCertificates(const std::string& path);
std::string ToPem(const std::vector<Certificate>& certificates);

// The names and addresses that the certificate of a server in the file `path` is for; empty if it
// cannot be read.
std::vector<std::string> ServerNames(const std::string& path);

// In lines of 64 characters, as MIME wants it.
std::string ToBase64Lines(BytesView bytes);
// Blanks and line ends are passed over. kMalformed, kTooLarge.
Result<Bytes> FromBase64(std::string_view text, std::size_t size_bytes_max);

}  // namespace edcsync
