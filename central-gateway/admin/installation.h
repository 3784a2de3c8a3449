// A gateway's directory as `init` makes it, and where everything in it lies.
//
//   DIR/central-gateway.toml     configuration
//   DIR/central.db, central.key  the central store and its key-encryption key
//   DIR/pki/ca.{crt,key}         the gateway's own certificate authority
//   DIR/pki/gateway.{crt,key}    the centre's identity, shared by its gateways
//   DIR/pki/broker.{crt,key}     the managed broker's
//   DIR/pki/desk.{crt,key}       the conflict desk's, made when the gateway first runs
//   DIR/pki/crl.pem              revoked certificates
//   DIR/broker/                  the managed broker's configuration, ACL and log
#pragma once

#include <string>
#include <vector>

#include "central-gateway/store/sqlite_central_store.h"
#include "shared/crypto/certificate.h"

namespace edcsync::central {

struct Installation {
  explicit Installation(std::string directory) : dir(std::move(directory)) {}
  std::string dir;
  std::string Config() const { return dir + "/central-gateway.toml"; }
  std::string DatabaseFile() const { return dir + "/central.db"; }
  std::string KeyFile() const { return dir + "/central.key"; }
  std::string Pki(const std::string& name) const { return dir + "/pki/" + name; }
};

// How long a list of revoked certificates counts. A broker refuses every edge once it has ended.
inline constexpr int kCrlDays = 3 * 365;

struct InitOptions {
  std::string broker_host = "localhost";  // The name edges connect to.
  int broker_port = 8883;
  std::string broker_address = "127.0.0.1";
  std::vector<std::string> extra_hosts;   // Further names and addresses of the broker.
  int desk_port = 8443;                   // 0: any free one.
};

// Makes everything in an empty or absent directory; keys 0600, folders 0700. kAlreadyExists if a
// gateway lives there.
Status Initialize(const Installation& installation, const InitOptions& options,
                  const Clock& clock, Random& random);

// Certificates begin a day before they are made, for sites whose clock is behind.
inline WallTime IssueStart(const Clock& clock) { return {clock.Wall().ms - 24 * 3'600'000}; }

// DIR/pki/desk.crt and desk.key for HTTPS under `hosts` (names and addresses): made by the
// gateway's own CA if they are absent or end within 30 days.
Status EnsureDeskCertificate(const Installation& installation,
                             const std::vector<std::string>& hosts, const Clock& clock,
                             Random& random);

// The CA with its key, for issuing.
Result<CertificateAuthority> LoadAuthority(const Installation& installation);

}  // namespace edcsync::central
