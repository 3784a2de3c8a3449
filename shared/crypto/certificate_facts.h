// What a person wants to know of certificates, keys and revocation lists beyond what sealing and
// TLS need of them. Threads: any.
#pragma once

#include <string>
#include <vector>

#include "shared/crypto/certificate.h"

namespace edcsync {

// True if `key_file` holds the private half of `certificate`'s key, of whatever kind. Fails as
// ReadSecretFile does, kMalformed.
Result<bool> IsCertificateOfKeyFile(const Certificate& certificate, const std::string& key_file);

// The common name of who issued it; empty if none.
std::string IssuerName(const Certificate& certificate);

// A list of revoked certificates (CRL, RFC 5280), as CertificateAuthority::IssueCrl writes it.
struct RevocationList {
  WallTime issued_at;
  WallTime next_update;              // From then on it counts no more.
  std::vector<std::string> serials;  // Lower-case hexadecimal, as Certificate::SerialHex.

  static Result<RevocationList> Load(const std::string& path);
  static Result<RevocationList> FromPem(std::string_view pem);
  bool IsSignedBy(const Certificate& authority) const;

  struct Impl;
  std::shared_ptr<const Impl> impl;
};

}  // namespace edcsync
