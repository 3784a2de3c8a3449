#include "shared/http/http_server.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <mutex>

#include "shared/base/check.h"
#include "shared/http/event_streams.h"
#include "shared/http/http_connection.h"
#include "shared/http/listener.h"

namespace edcsync {
namespace {

using TlsContext = std::shared_ptr<SSL_CTX>;

// A client's certificate is judged by the handler, which can tell a person what is wrong with it.
int TakeAnyCertificate(int, X509_STORE_CTX*) { return 1; }

Result<TlsContext> MakeTlsContext(const HttpServerOptions& options) {
  const std::string& certificate_file = options.certificate_file;
  const std::string& key_file = options.key_file;
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  CHECK(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (options.ask_client_certificate) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, TakeAnyCertificate);
    // A session that is resumed would bring a certificate without a proof of its key.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context.get(), 0);
  }
  const char* at_fault = nullptr;
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    at_fault = "certificate_file";
  } else if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(context.get()) != 1) {
    at_fault = "key_file";
  }
  if (at_fault == nullptr) return context;
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return Fail(ErrorCode::kConfiguration,
              std::string("HTTPS cannot start with this ") + at_fault + " (" +
                  (at_fault[0] == 'c' ? certificate_file : key_file) +
                  "): " + (reason != nullptr ? reason : "not readable"));
}

}  // namespace

struct HttpServer::Impl {
  explicit Impl(HttpServerOptions given)
      : options(std::move(given)),
        listener(options.thread_count, [this](int fd) { return Serve(fd); }) {}

  // True if `fd` is another's now.
  bool Serve(int fd) {
    const ConnectionStream::Options limits{.stop_fd = listener.stop_fd(),
                                           .read_timeout_ms = options.read_timeout_s * 1000,
                                           .write_timeout_ms = options.write_timeout_s * 1000,
                                           .keep_alive_ms = options.keep_alive_s * 1000};
    const TlsContext context = Context();  // An SSL made of it keeps it alive.
    auto stream = std::make_unique<ConnectionStream>(fd, context.get(), limits);
    HttpConnection connection(routes, options, *stream, memory, counts);
    connection.Serve([this] { return listener.Crowded(); });
    if (connection.events() == nullptr) return false;
    connection.events()->Add(fd, std::move(stream), std::move(connection.may_go_on()));
    return true;
  }

  TlsContext Context() const {
    const std::lock_guard lock(tls_mutex);
    return tls;
  }

  Status LoadCertificate() {
    EDCSYNC_ASSIGN(TlsContext fresh, MakeTlsContext(options));
    const std::lock_guard lock(tls_mutex);
    tls = std::move(fresh);
    return Ok();
  }

  const HttpServerOptions options;
  std::vector<HttpRoute> routes;
  BodyMemory memory{options.body_bytes_total_max};
  HttpCounts counts;
  bool started = false;
  mutable std::mutex tls_mutex;
  TlsContext tls;
  Listener listener;  // Last: its threads end before what they use.
};

HttpServer::HttpServer(HttpServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Route(const std::string& method, const std::string& pattern, Access access,
                       Handler handler) {
  CHECK(!impl_->started);
  impl_->routes.push_back({method, std::regex(pattern), access, std::move(handler)});
}

Status HttpServer::Start() {
  CHECK(!impl_->started);
  const HttpServerOptions& options = impl_->options;
  if (options.certificate_file.empty()) {
    if (!IsLoopback(options.address)) {
      return Fail(ErrorCode::kConfiguration,
                  "Plain HTTP is served on loopback addresses only, and " + options.address +
                      " is none; give a certificate_file and a key_file");
    }
  } else {
    EDCSYNC_TRY(impl_->LoadCertificate());
  }
  EDCSYNC_TRY(impl_->listener.Start(options.address, options.port));
  impl_->started = true;
  return Ok();
}

Status HttpServer::ReloadCertificate() {
  CHECK(impl_->started && !impl_->options.certificate_file.empty());
  return impl_->LoadCertificate();
}

void HttpServer::Stop() { impl_->listener.Stop(); }

bool HttpServer::Serve(int fd) { return impl_->Serve(fd); }

HttpServer::Figures HttpServer::figures() const {
  return {impl_->memory.refused(), impl_->counts.refused_for_rate};
}

int HttpServer::port() const { return impl_->listener.port(); }

}  // namespace edcsync
