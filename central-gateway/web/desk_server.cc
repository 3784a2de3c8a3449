#include "central-gateway/web/desk_server.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kBodyBytesMax = 1024 * 1024;
// Fifty data managers' browsers, each with a few connections; who waits for a thread ends the
// idle connection of another.
constexpr std::size_t kThreadCount = 64;
constexpr char kCallback[] = "/api/v1/session/oidc/callback";

HttpServerOptions HttpOptions(const DeskServerOptions& options) {
  HttpServerOptions http;
  http.address = options.address;
  http.port = options.port;
  http.certificate_file = options.certificate_file;
  http.key_file = options.key_file;
  http.thread_count = kThreadCount;
  http.body_bytes_max = kBodyBytesMax;
  http.read_timeout_s = options.read_timeout_s;
  http.problem = RefusalOf;
  return http;
}

// As browsers write it, so without the port that they leave out.
std::string AddressOf(const DeskServerOptions& options, int port) {
  if (!options.public_address.empty()) return options.public_address;
  const bool https = !options.certificate_file.empty();
  std::string address = (https ? "https://" : "http://") + options.host;
  if (port != (https ? 443 : 80)) address += ":" + std::to_string(port);
  return address;
}

SessionOptions SessionsOf(const DeskServerOptions& options) {
  SessionOptions sessions;
  sessions.idle_ms_max = options.idle_minutes * 60'000;
  sessions.linked_accounts_use_passwords = !options.oidc || options.oidc->local_passwords;
  return sessions;
}

}  // namespace

struct DeskServer::Impl {
  Impl(const DeskServerOptions& options, CentralStore& store, const Clock& clock, Random& random,
       const std::string& gateway, std::function<Result<SigningIdentity>()> signing_identity,
       PageFiles files)
      : hasher(options.passwords),
        sessions(store, hasher, clock, random, SessionsOf(options)),
        events(options.events, [&store] { return StoreVersion(store); }),
        tickets(clock, random),
        context{store,   sessions, hasher, catalogue, clock, random, gateway,
                std::move(signing_identity), options.due_times, events, tickets},
        pages(std::move(files)),
        http(HttpOptions(options)),
        router(http, sessions, !options.certificate_file.empty(), options.telemetry) {
    context.telemetry = options.telemetry;
    if (options.oidc) {
      oidc.emplace(*options.oidc, store, sessions, tickets, clock, random,
                   [this, options] { return AddressOf(options, http.port()) + kCallback; });
      context.oidc = &*oidc;
    }
    AddSessionRoutes(router, context);
    AddOidcRoutes(router, context);
    AddConflictRoutes(router, context);
    AddOversightRoutes(router, context);
    pages.AddRoutes(http, random);
  }

  PasswordHasher hasher;
  Sessions sessions;
  StudyCatalogue catalogue;
  EventStreams events;
  SigningTickets tickets;
  DeskContext context;
  PageFiles pages;
  HttpServer http;
  std::optional<OidcLogIn> oidc;
  ApiRouter router;
};

DeskServer::DeskServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeskServer::~DeskServer() { impl_->http.Stop(); }

Result<std::unique_ptr<DeskServer>> DeskServer::Start(
    const DeskServerOptions& options, CentralStore& store, const Clock& clock, Random& random,
    const std::string& gateway, std::function<Result<SigningIdentity>()> signing_identity) {
  EDCSYNC_ASSIGN(PageFiles pages, PageFiles::Load(options.page_folder));
  std::unique_ptr<DeskServer> server(new DeskServer(std::make_unique<Impl>(
      options, store, clock, random, gateway, std::move(signing_identity), std::move(pages))));
  EDCSYNC_TRY(server->impl_->http.Start());
  return server;
}

Status DeskServer::ReloadCertificate() { return impl_->http.ReloadCertificate(); }

int DeskServer::port() const { return impl_->http.port(); }

HttpServer::Figures DeskServer::http_figures() const { return impl_->http.figures(); }

}  // namespace edcsync::central
