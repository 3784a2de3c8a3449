// What this edge asks of the centre's enrolment service (EST, RFC 7030, over HTTPS). Every answer
// is bounded, and what it says is checked by the caller against what is trusted already.
//
//   answered by   central-gateway/enrolment/est_server.h
//
// Threads: one at a time; Cancel() any.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/ids.h"
#include "shared/base/time.h"
#include "shared/crypto/certificate_request.h"
#include "shared/http/http_client.h"
#include "shared/model/odm_keys.h"

namespace edcsync::edge {

// What the centre tells an enrolled edge.
struct CentreConfiguration {
  EdgeId edge;
  SiteOID site;
  std::string broker_host;
  int broker_port = 0;
  std::vector<Certificate> gateways;  // The newest first.
  std::vector<Certificate> authorities;
  std::string issuer;  // Fingerprint of the authority that issues now.
  std::optional<WallTime> server_time;  // The centre's clock as it answered.
};

class EstClient {
 public:
  struct Options {
    std::string address;           // "https://HOST[:PORT]"
    std::string ca_file;           // Empty: whoever answers is taken; only for Authorities().
    std::string certificate_file;  // Ours, if there is one; with its key.
    std::string key_file;
  };

  explicit EstClient(const Options& options);

  // kUnavailable, kTimeout, kCertificate (not whom we trust), kMalformed, or what the centre
  // refuses with: kUnauthorized, kForbidden, kRevokedEdge, kTooManyAttempts, ...
  Result<std::vector<Certificate>> Authorities();
  Result<Certificate> Enrol(const EdgeId& edge, const std::string& secret, BytesView request);
  Result<Certificate> Reenrol(BytesView request);
  Result<CentreConfiguration> Configuration();
  // Ends what is asked at hand, and all that is asked later, at once with kStopped.
  void Cancel() { client_.Cancel(); }

 private:
  Result<Certificate> Ask(const std::string& operation, BytesView request,
                          const HttpClient::Headers& headers);

  HttpClient client_;
};

}  // namespace edcsync::edge
