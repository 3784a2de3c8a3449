// One TLS connection made to find out which step of it fails: for a person who asks why there is no
// link. Paho says -1 for all of them.
//
//   used by   shared/doctor/network_checks.h
#pragma once

#include <optional>
#include <string>

#include "shared/base/bytes.h"
#include "shared/crypto/certificate.h"

namespace edcsync {

struct TlsProbeOptions {
  std::string host;                     // A name or address that the certificate must be for.
  std::string ca_file;                  // The only authority trusted.
  std::string certificate_file, key_file;  // Ours.
  WallTime at;                          // The time that dates are compared with.
  Bytes greeting;                       // Sent once the handshake is done; an answer is awaited.
};

struct TlsProbe {
  enum class Step {
    kNone,       // All went well.
    kOwnFiles,   // CA, certificate or key cannot be loaded, or do not fit together.
    kHandshake,  // Not TLS, no common version, connection ended.
    kChain,      // The peer's certificate has no valid chain to the CA.
    kDates,      // It has ended, or has not begun.
    kName,       // It is not for `host`.
    kRefused,    // The peer refuses our certificate.
  };
  Step failed = Step::kNone;
  std::string why;                  // OpenSSL's words.
  std::string protocol;             // "TLSv1.3".
  std::optional<Certificate> peer;  // If it came so far.
  Bytes answer;                     // The first bytes after `greeting`.
};

// Over `socket`, which is connected, blocking, and has timeouts; it stays the caller's.
TlsProbe ProbeTls(int socket, const TlsProbeOptions& options);

}  // namespace edcsync
