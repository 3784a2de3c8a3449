#include "central-gateway/enrolment/est_server.h"

#include <nlohmann/json.hpp>

#include "central-gateway/admin/trust.h"
#include "shared/base/json.h"
#include "shared/base/log.h"
#include "shared/crypto/revocation_list.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kEstBodyBytesMax = 32 * 1024;
constexpr std::size_t kEstRequestBytesMax = 16 * 1024;
constexpr std::size_t kBasicBytesMax = 512;
constexpr std::string_view kBasic = "Basic ";

HttpServerOptions ServerOptions(const EstOptions& options, const Installation& installation) {
  HttpServerOptions http;
  http.address = options.bind_address;
  http.port = options.port;
  const IdentityFiles files = PairOf(installation, "enrolment");
  http.certificate_file = files.certificate_file;
  http.key_file = files.key_file;
  http.ask_client_certificate = true;
  http.thread_count = 16;
  http.body_bytes_max = kEstBodyBytesMax;
  http.keep_alive_s = 5;
  return http;
}

// RFC 7030, 4.1.3 and 4.2.3.
HttpResponse CertsOnly(const std::vector<Certificate>& certificates, bool of_request) {
  HttpResponse response;
  response.content_type =
      of_request ? "application/pkcs7-mime; smime-type=certs-only" : "application/pkcs7-mime";
  response.headers.emplace("Content-Transfer-Encoding", "base64");
  response.body = ToBase64Lines(CertificatesToPkcs7(certificates));
  return response;
}

HttpResponse Refused(const Error& error, const char* what, const HttpRequest& request) {
  Log(LogLevel::kWarn, what, {{"address", request.peer}, {"why", error.message}});
  HttpResponse response = Problem(error);
  if (error.code == ErrorCode::kUnauthorized) {
    response.headers.emplace("WWW-Authenticate", "Basic realm=\"edcsync enrolment\"");
  }
  return response;
}

// RFC 7030, 4.2.1: base64 of a PKCS#10 request.
Result<CertificateRequest> ReadRequest(const HttpRequest& request) {
  if (AsciiLower(request.Header("content-type")).rfind("application/pkcs10", 0) != 0) {
    return Fail(ErrorCode::kMalformed, "The body's type is application/pkcs10, in base64");
  }
  EDCSYNC_ASSIGN(const Bytes der, FromBase64(request.body, kEstRequestBytesMax));
  return CertificateRequest::FromDer(der);
}

struct BasicCredentials {
  EdgeId edge;
  std::string secret;
};

Result<BasicCredentials> ReadBasic(const HttpRequest& request) {
  const std::string header = request.Header("authorization");
  const auto missing = [] {
    return Fail(ErrorCode::kUnauthorized,
                "Log in with HTTP Basic: the edge's name and the invitation's secret");
  };
  if (header.size() > kBasicBytesMax || header.rfind(kBasic, 0) != 0) return missing();
  const Result<Bytes> decoded =
      FromBase64(std::string_view(header).substr(kBasic.size()), kBasicBytesMax);
  if (!decoded.ok()) return missing();
  const std::string_view text = AsText(*decoded);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return missing();
  const std::string name(text.substr(0, colon));
  if (!IsDeviceName(name)) return missing();
  return BasicCredentials{EdgeId(name), std::string(text.substr(colon + 1))};
}

}  // namespace

struct EstServer::Trust {
  std::vector<Certificate> authorities;
  std::vector<Certificate> gateways;
  std::optional<CertificateAuthority> issuing;  // None: its key was not on this machine.
};

EstServer::EstServer(const EstOptions& options, const Installation& installation,
                     CentralStore& store, const Clock& clock, Random& random)
    : options_(options),
      installation_(installation),
      store_(store),
      clock_(clock),
      random_(random),
      server_(ServerOptions(options, installation)) {}

EstServer::~EstServer() { server_.Stop(); }

Result<std::unique_ptr<EstServer>> EstServer::Start(const EstOptions& options,
                                                    const Installation& installation,
                                                    CentralStore& store, const Clock& clock,
                                                    Random& random) {
  std::unique_ptr<EstServer> server(new EstServer(options, installation, store, clock, random));
  EDCSYNC_TRY(EnsureServerCertificate(installation, "enrolment", options.hosts, clock, random));
  EDCSYNC_TRY(server->Reload());
  server->AddRoutes();
  EDCSYNC_TRY(server->server_.Start());
  return server;
}

Status EstServer::Reload() {
  EDCSYNC_ASSIGN(const CentreTrust trust, LoadTrust(installation_));
  Trust loaded;
  loaded.authorities = trust.authorities;
  for (const Sealer& identity : trust.identities) {
    loaded.gateways.push_back(identity.certificate());
  }
  Result<CertificateAuthority> issuing = LoadIssuingAuthority(installation_);
  if (!issuing.ok() && issuing.error().code != ErrorCode::kKeyMissing) {
    return tl::unexpected<Error>(issuing.error());
  }
  if (issuing.ok()) loaded.issuing = std::move(*issuing);
  auto fresh = std::make_shared<const Trust>(std::move(loaded));
  const bool serving = this->trust() != nullptr;
  {
    const std::lock_guard lock(mutex_);
    trust_ = std::move(fresh);
  }
  return serving ? RenewCertificate() : Ok();
}

Status EstServer::RenewCertificate() {
  EDCSYNC_TRY(EnsureServerCertificate(installation_, "enrolment", options_.hosts, clock_, random_));
  return server_.ReloadCertificate();  // Another gateway may have renewed it.
}

Result<CertificateAuthority> EstServer::Issuing() const {
  const auto trust = this->trust();
  if (trust->issuing) return *trust->issuing;
  Result<CertificateAuthority> issuing = LoadIssuingAuthority(installation_);
  if (issuing.ok()) return issuing;
  Log(LogLevel::kWarn, "enrolment.no_authority", {{"why", issuing.error().message}});
  return Fail(ErrorCode::kUnavailable,
              "The centre cannot issue certificates now: the key of its authority is not there");
}

std::shared_ptr<const EstServer::Trust> EstServer::trust() const {
  const std::lock_guard lock(mutex_);
  return trust_;
}

void EstServer::AddRoutes() {
  using Access = HttpServer::Access;
  const std::string est = "/\\.well-known/est/";
  server_.Route("GET", est + "cacerts", Access::kOpen,
                [this](const HttpRequest&) { return Authorities(); });
  server_.Route("POST", est + "simpleenroll", Access::kOpen,
                [this](const HttpRequest& request) { return Enrol(request); });
  server_.Route("POST", est + "simplereenroll", Access::kOpen,
                [this](const HttpRequest& request) { return Reenrol(request); });
  server_.Route("GET", "/v1/edge/configuration", Access::kOpen,
                [this](const HttpRequest& request) { return Configuration(request); });
}

HttpResponse EstServer::Authorities() { return CertsOnly(trust()->authorities, false); }

Result<Certificate> EstServer::EnrolByInvitation(const HttpRequest& request) {
  EDCSYNC_TRY(by_address_.Take(request.peer, clock_.Mono()));
  EDCSYNC_ASSIGN(const BasicCredentials who, ReadBasic(request));
  EDCSYNC_ASSIGN(const CertificateRequest wish, ReadRequest(request));
  EDCSYNC_ASSIGN(const CertificateAuthority issuing, Issuing());
  const IssuePolicy policy{issuing, options_.certificate_minutes, random_};
  Result<Certificate> outcome = Fail(ErrorCode::kInternal, "not decided");
  EDCSYNC_TRY(store_.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(outcome, UseInvitation(writer, policy, who.edge, who.secret, wish));
    return Ok();
  }));
  return outcome;
}

HttpResponse EstServer::Enrol(const HttpRequest& request) {
  const Result<Certificate> issued = EnrolByInvitation(request);
  ++(issued.ok() ? enrolled_ : enrolments_refused_);
  if (!issued.ok()) return Refused(issued.error(), "enrolment.refused", request);
  Log(LogLevel::kInfo, "enrolment.done",
      {{"edge", issued->CommonName()}, {"certificate", issued->SerialHex()}});
  return CertsOnly({*issued}, true);
}

Result<Certificate> EstServer::Judged(const HttpRequest& request) const {
  if (request.client_certificate_pem.empty()) {
    return Fail(ErrorCode::kForbidden, "Present the edge's certificate in the TLS handshake");
  }
  EDCSYNC_ASSIGN(Certificate certificate, Certificate::FromPem(request.client_certificate_pem));
  EDCSYNC_TRY(VerifyIssuedByAny(certificate, trust()->authorities, clock_.Wall()));
  return certificate;
}

Result<Certificate> EstServer::RenewByCertificate(const HttpRequest& request) {
  EDCSYNC_ASSIGN(const Certificate present, Judged(request));
  EDCSYNC_TRY(by_edge_.Take(present.CommonName(), clock_.Mono()));
  EDCSYNC_ASSIGN(const CertificateRequest wish, ReadRequest(request));
  EDCSYNC_ASSIGN(const CertificateAuthority issuing, Issuing());
  const IssuePolicy policy{issuing, options_.certificate_minutes, random_};
  std::optional<Certificate> issued;
  EDCSYNC_TRY(store_.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(issued, Renew(writer, policy, present, wish, IsListedNow()));
    return Ok();
  }));
  return *issued;
}

IsListed EstServer::IsListedNow() const {
  return [this](const std::string& serial_hex) -> Result<bool> {
    const auto list = RevocationList::Load(installation_.Pki("crl.pem"));
    if (list.ok()) return list->Names(serial_hex);
    return Fail(ErrorCode::kUnavailable,
                "The centre cannot read its list of revoked certificates: " + list.error().message);
  };
}

HttpResponse EstServer::Reenrol(const HttpRequest& request) {
  const Result<Certificate> issued = RenewByCertificate(request);
  ++(issued.ok() ? renewed_ : renewals_refused_);
  if (!issued.ok()) return Refused(issued.error(), "renewal.refused", request);
  Log(LogLevel::kInfo, "renewal.done",
      {{"edge", issued->CommonName()}, {"certificate", issued->SerialHex()}});
  return CertsOnly({*issued}, true);
}

HttpResponse EstServer::Configuration(const HttpRequest& request) {
  const Result<Certificate> present = Judged(request);
  if (!present.ok()) return Refused(present.error(), "configuration.refused", request);
  std::optional<EdgeRow> row;
  Status found = store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(row, EdgeOfCertificate(reader, *present));
    return Ok();
  });
  if (!found.ok() && found.error().code == ErrorCode::kNotFound) {
    found = store_.Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(row, RememberCertificate(writer, *present, IsListedNow()));
      return Ok();
    });
  }
  if (!found.ok()) return Refused(found.error(), "configuration.refused", request);
  const auto trust = this->trust();
  // Former ones that have ended open frames still, and are nothing that an edge could take.
  std::vector<Certificate> gateways{trust->gateways.front()};
  for (std::size_t i = 1; i < trust->gateways.size(); ++i) {
    const Certificate& former = trust->gateways[i];
    if (VerifyIssuedByAny(former, trust->authorities, clock_.Wall()).ok()) {
      gateways.push_back(former);
    }
  }
  const Json body = {
      {"edgeId", row->edge.str()},
      {"siteOID", row->site.str()},
      {"broker", {{"host", options_.broker_host}, {"port", options_.broker_port}}},
      {"gatewayCertificates", ToPem(gateways)},
      {"authorities", ToPem(trust->authorities)},
      {"issuer", trust->authorities.front().FingerprintHex()},
      {"serverTime", FormatUtc(clock_.Wall())},
  };
  HttpResponse response;
  response.body = body.dump();
  return response;
}

}  // namespace edcsync::central
