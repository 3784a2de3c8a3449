// Enrolment over Secure Transport (EST, RFC 7030) as this centre offers it, over HTTPS:
//
//   GET  /.well-known/est/cacerts          the authorities that are trusted
//   POST /.well-known/est/simpleenroll     HTTP Basic EDGE:SECRET of an invitation
//   POST /.well-known/est/simplereenroll   the edge's own certificate, by TLS
//   GET  /v1/edge/configuration            likewise: where the broker is, whom to seal to
//
// The first three speak to any EST client; schema/api/enrolment.openapi.yaml describes them.
//
//   decides in   central-gateway/enrolment/invitations.h
//
// Threads: handlers run on the server's pool; Reload from any.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "central-gateway/admin/installation.h"
#include "central-gateway/enrolment/attempt_limits.h"
#include "central-gateway/enrolment/invitations.h"
#include "shared/http/http_server.h"

namespace edcsync::central {

struct EstOptions {
  std::string bind_address = "127.0.0.1";
  int port = 8444;                 // 0: any free one.
  std::vector<std::string> hosts;  // The names edges use; stand in the certificate.
  std::string broker_host;         // For the configuration.
  int broker_port = 8883;
  std::int64_t certificate_minutes = 2 * 365 * 24 * 60;
};

class EstServer {
 public:
  // Makes the service's certificate if need be, binds, serves.
  static Result<std::unique_ptr<EstServer>> Start(const EstOptions& options,
                                                  const Installation& installation,
                                                  CentralStore& store, const Clock& clock,
                                                  Random& random);
  ~EstServer();  // Stops.
  int port() const { return server_.port(); }

  // Certificates asked for since the start.
  struct Figures {
    std::uint64_t enrolled = 0, enrolments_refused = 0;
    std::uint64_t renewed = 0, renewals_refused = 0;
  };
  Figures figures() const { return {enrolled_, enrolments_refused_, renewed_, renewals_refused_}; }
  HttpServer::Figures http_figures() const { return server_.figures(); }

  // What a rotation changed in DIR/pki counts from now on.
  Status Reload();
  // Its own certificate, if it ends soon; each hour.
  Status RenewCertificate();

 private:
  struct Trust;
  EstServer(const EstOptions& options, const Installation& installation, CentralStore& store,
            const Clock& clock, Random& random);
  void AddRoutes();
  HttpResponse Authorities();
  HttpResponse Enrol(const HttpRequest& request);
  HttpResponse Reenrol(const HttpRequest& request);
  HttpResponse Configuration(const HttpRequest& request);
  Result<Certificate> Judged(const HttpRequest& request) const;  // The client's certificate.
  Result<Certificate> EnrolByInvitation(const HttpRequest& request);
  Result<Certificate> RenewByCertificate(const HttpRequest& request);
  IsListed IsListedNow() const;  // By pki/crl.pem.
  std::shared_ptr<const Trust> trust() const;
  Result<CertificateAuthority> Issuing() const;  // kUnavailable without its key.

  const EstOptions options_;
  const Installation installation_;
  CentralStore& store_;
  const Clock& clock_;
  Random& random_;
  AttemptLimits by_address_{20, 20};
  AttemptLimits by_edge_{6, 12};  // Renewals; one in months is needed.
  std::atomic<std::uint64_t> enrolled_ = 0, enrolments_refused_ = 0;
  std::atomic<std::uint64_t> renewed_ = 0, renewals_refused_ = 0;
  mutable std::mutex mutex_;      // A leaf; of trust_.
  std::shared_ptr<const Trust> trust_;
  HttpServer server_;
};

}  // namespace edcsync::central
