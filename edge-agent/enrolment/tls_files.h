// The site's TLS material: four files in one folder, which renewal replaces while the agent runs.
// Key and certificate are replaced together (shared/crypto/identity_files.h); each of the bundles
// in one step. While the centre rotates, a bundle holds the former and the new, so that no moment
// needs two files to change at once.
#pragma once

#include <string>
#include <vector>

#include "shared/crypto/identity_files.h"
#include "shared/crypto/seal.h"

namespace edcsync::edge {

struct TlsFiles {
  std::string ca;           // The authorities that are trusted.
  std::string certificate;  // This edge's.
  std::string key;
  std::string gateway;  // The gateway's certificates, the newest first.

  IdentityFiles pair() const { return {key, certificate}; }
  // A file beside the key, of enrolment's own.
  std::string Beside(const std::string& name) const;
};

// As whom this edge speaks and to whom.
struct EdgeCredentials {
  Sealer sealer;
  std::vector<Certificate> gateways;  // The newest first; at least one.
};

// Completes what was broken off, and reads. kNotFound, kKeyMissing, kPermissions, kCertificate.
Result<EdgeCredentials> LoadCredentials(const TlsFiles& files);

// Writes `bytes` unless the file holds them; true if it did.
Result<bool> WriteIfChanged(const std::string& path, const std::string& bytes, std::uint32_t mode);

}  // namespace edcsync::edge
