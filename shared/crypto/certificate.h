// X.509 certificates and P-256 keys: what tells edges, gateways and the broker apart.
//   CN = edge id or gateway name; OU = SiteOID (edges only).
// Owns its OpenSSL objects; copies share them. Threads: const use from any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "shared/base/random.h"
#include "shared/base/status.h"
#include "shared/base/time.h"

namespace edcsync {

class PrivateKey {
 public:
  static Result<PrivateKey> Generate();  // P-256.
  static Result<PrivateKey> FromPem(std::string_view pem);
  // Fails with kKeyMissing if absent, kPermissions if group or others may read it.
  static Result<PrivateKey> Load(const std::string& path);
  std::string ToPem() const;  // PKCS#8, unencrypted: write it with mode 0600 only.

  struct Impl;  // shared/crypto only.
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

class Certificate {
 public:
  static Result<Certificate> FromPem(std::string_view pem);
  static Result<Certificate> Load(const std::string& path);
  std::string ToPem() const;
  std::string CommonName() const;
  std::string OrganizationalUnit() const;  // Empty if none.
  WallTime NotBefore() const;
  WallTime NotAfter() const;
  std::string SerialHex() const;       // Lower case.
  std::string FingerprintHex() const;  // SHA-256 of the DER.

  struct Impl;  // shared/crypto only.
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

// Verifies that `certificate` was issued by `authority` and is valid at `at`. Fails with
// kCertificate and says which of chain, start date, end date is at fault.
Status VerifyIssued(const Certificate& certificate, const Certificate& authority, WallTime at);

// As VerifyIssued, by any of `authorities`: two are trusted while one takes over from the other.
Status VerifyIssuedByAny(const Certificate& certificate,
                         const std::vector<Certificate>& authorities, WallTime at);

// What a list of revoked certificates (RFC 5280, 5) says of one of them.
struct RevokedCertificate {
  std::string serial_hex;   // As Certificate::SerialHex.
  bool superseded = false;  // By a later one of the same owner, who is trusted (reasonCode 4).

  bool operator==(const RevokedCertificate&) const = default;
};

class CertificateRequest;  // certificate_request.h

// The gateway's own certificate authority.
class CertificateAuthority {
 public:
  enum class Purpose { kEdge, kGateway, kBroker };
  struct Request {
    std::string common_name;
    std::string organizational_unit;            // Edges: the SiteOID.
    std::vector<std::string> dns_names;         // subjectAltName; brokers.
    std::vector<std::string> ip_addresses;
    Purpose purpose = Purpose::kEdge;           // Sets extendedKeyUsage and keyUsage.
    WallTime not_before;
    int valid_days = 0;
    WallTime not_after{};  // If set, instead of `valid_days`.
  };

  // A new self-signed CA (pathlen 0).
  static Result<CertificateAuthority> Create(const std::string& common_name, WallTime now,
                                             int valid_days, Random& random);
  CertificateAuthority(PrivateKey key, Certificate certificate);

  // Issues a certificate for `key`'s public half, which ends no later than the authority itself.
  // Serials are 128 random bits. Fails with kFieldInvalid, or with kCertificate if the authority
  // has ended or its key is another's.
  Result<Certificate> Issue(const PrivateKey& key, const Request& request, Random& random) const;
  // The same for the key of a signing request, whose own wishes count for nothing.
  Result<Certificate> Issue(const CertificateRequest& signing_request, const Request& request,
                            Random& random) const;
  // A CRL (PEM) that lists `revoked`, valid `valid_days` from `now`.
  Result<std::string> IssueCrl(const std::vector<RevokedCertificate>& revoked, WallTime now,
                               int valid_days) const;

  const PrivateKey& key() const { return key_; }
  const Certificate& certificate() const { return certificate_; }

 private:
  struct PublicKey;  // Of OpenSSL.
  Result<Certificate> IssueFor(const PublicKey& key, const Request& request,
                               Random& random) const;

  PrivateKey key_;
  Certificate certificate_;
};

}  // namespace edcsync
