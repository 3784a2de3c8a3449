// A private key and its certificate in two files that are replaced together: after a power cut at
// any moment the pair is the former or the new one, never a mixture. Beside KEY and CERTIFICATE
// stand for a moment KEY.next and CERTIFICATE.next; once the latter is whole the change is decided,
// and whoever loads the pair completes it.
//
//   used by   edge-agent/enrolment (renewal), central-gateway/enrolment (rotation)
//
// Threads: one replaces a pair at a time; any settle and load it meanwhile.
#pragma once

#include <string>

#include "shared/crypto/certificate.h"

namespace edcsync {

struct IdentityFiles {
  std::string key_file;
  std::string certificate_file;
};

// Key 0600, certificate 0644. Fails with kCertificate, and changes nothing, if the key is
// another's.
Status ReplaceIdentity(const IdentityFiles& files, const PrivateKey& key,
                       const Certificate& certificate);

// Completes a replacement that was decided and broken off. Before the files are read.
Status SettleIdentity(const IdentityFiles& files);

// True if the key is the certificate's.
bool Belongs(const PrivateKey& key, const Certificate& certificate);

}  // namespace edcsync
