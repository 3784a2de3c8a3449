// A gateway's directory as `init` makes it, and where everything in it lies.
//
//   DIR/central-gateway.toml     configuration; it may lie elsewhere (/etc/edcsync) and name DIR
//   DIR/central.db, central.key  the central store and its key-encryption key
//   DIR/pki/ca.{crt,key}         the gateway's own certificate authority
//   DIR/pki/gateway.{crt,key}    the centre's identity, shared by its gateways
//   DIR/pki/broker.{crt,key}     the managed broker's
//   DIR/pki/desk.{crt,key}       the conflict desk's, made when the gateway first runs; likewise
//   DIR/pki/enrolment.{crt,key}  the enrolment service's. More of DIR/pki: trust.h
//   DIR/pki/crl.pem              revoked certificates
//   DIR/broker/                  the managed broker's configuration, ACL and log
#pragma once

#include <string>
#include <vector>

#include "central-gateway/store/sqlite_central_store.h"
#include "shared/crypto/certificate.h"

namespace edcsync::central {

struct Installation {
  // Everything in one folder.
  explicit Installation(const std::string& directory)
      : Installation(directory + "/central-gateway.toml", directory) {}
  Installation(std::string config, std::string directory)
      : config_file(std::move(config)), dir(std::move(directory)) {}
  std::string config_file;
  std::string dir;
  const std::string& Config() const { return config_file; }
  std::string ConfigFolder() const { return config_file.substr(0, config_file.rfind('/')); }
  std::string DatabaseFile() const { return dir + "/central.db"; }
  std::string KeyFile() const { return dir + "/central.key"; }
  std::string Pki(const std::string& name) const { return dir + "/pki/" + name; }
};

// How long a list of revoked certificates counts. A broker refuses every edge once it has ended.
inline constexpr int kCrlDays = 3 * 365;
inline constexpr int kServiceDays = 3 * 365;      // Gateway and broker.
inline constexpr int kAuthorityDays = 20 * 365;  // A trial's archive outlives its sites.

struct InitOptions {
  std::string broker_host = "localhost";  // The name edges connect to.
  int broker_port = 8883;
  std::string broker_address = "127.0.0.1";
  std::vector<std::string> extra_hosts;   // Further names and addresses of the broker.
  int desk_port = 8443;                   // 0: any free one.
  std::string enrolment_address;          // Empty: the broker's.
  int enrolment_port = 8444;              // Likewise.
};

// Makes everything in empty or absent folders; keys 0600, folders 0700; all of it is the data
// folder's owner's, the configuration for its group to read. kAlreadyExists if a gateway lives
// there.
Status Initialize(const Installation& installation, const InitOptions& options,
                  const Clock& clock, Random& random);

// Certificates begin a day before they are made, for sites whose clock is behind.
inline WallTime IssueStart(const Clock& clock) { return {clock.Wall().ms - 24 * 3'600'000}; }

// `hosts` (names and addresses) as a certificate's alternative names.
void SetHosts(const std::vector<std::string>& hosts, CertificateAuthority::Request& request);

// The CA with its key, for issuing.
Result<CertificateAuthority> LoadAuthority(const Installation& installation);

}  // namespace edcsync::central
