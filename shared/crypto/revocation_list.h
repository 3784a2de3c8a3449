// A list of revoked certificates (CRL, RFC 5280, 5), as CertificateAuthority::IssueCrl writes it.
// Threads: any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "shared/crypto/certificate.h"

namespace edcsync {

struct RevocationList {
  WallTime issued_at;
  WallTime next_update;  // From then on it counts no more, and a broker refuses everybody.
  std::vector<RevokedCertificate> revoked;

  bool Names(const std::string& serial_hex) const;
  bool IsSignedBy(const Certificate& authority) const;

  // The first list of the text. Fail as ReadFile does, kMalformed.
  static Result<RevocationList> FromPem(std::string_view pem);
  static Result<RevocationList> Load(const std::string& path);

  struct Impl;  // Never null.
  std::shared_ptr<const Impl> impl;
};

}  // namespace edcsync
