// What a person wants to know of certificates and keys beyond what sealing and TLS need of them.
// Threads: any.
#pragma once

#include <string>

#include "shared/crypto/certificate.h"

namespace edcsync {

// True if `key_file` holds the private half of `certificate`'s key, of whatever kind. Fails as
// ReadSecretFile does, kMalformed.
Result<bool> IsCertificateOfKeyFile(const Certificate& certificate, const std::string& key_file);

// True if `authority` signed `certificate`, whether either has ended or not.
bool IsSignedBy(const Certificate& certificate, const Certificate& authority);

// The common name of who issued it; empty if none.
std::string IssuerName(const Certificate& certificate);

}  // namespace edcsync
