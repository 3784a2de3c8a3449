#include "shared/http/http_server.h"

#include <openssl/err.h>

#include "shared/base/check.h"
#include "shared/http/event_streams.h"
#include "shared/http/http_connection.h"
#include "shared/http/listener.h"

namespace edcsync {
namespace {

using TlsContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

Result<TlsContext> MakeTlsContext(const std::string& certificate_file,
                                  const std::string& key_file) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  CHECK(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
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
    auto stream = std::make_unique<ConnectionStream>(fd, tls.get(), limits);
    HttpConnection connection(routes, options, *stream);
    connection.Serve([this] { return listener.Crowded(); });
    if (connection.events() == nullptr) return false;
    connection.events()->Add(fd, std::move(stream), std::move(connection.may_go_on()));
    return true;
  }

  const HttpServerOptions options;
  std::vector<HttpRoute> routes;
  bool started = false;
  TlsContext tls{nullptr, &SSL_CTX_free};
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
    EDCSYNC_ASSIGN(impl_->tls, MakeTlsContext(options.certificate_file, options.key_file));
  }
  EDCSYNC_TRY(impl_->listener.Start(options.address, options.port));
  impl_->started = true;
  return Ok();
}

void HttpServer::Stop() { impl_->listener.Stop(); }

bool HttpServer::Serve(int fd) { return impl_->Serve(fd); }

int HttpServer::port() const { return impl_->listener.port(); }

}  // namespace edcsync
