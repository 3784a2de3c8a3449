// An HTTP/1.1 server on a bounded number of threads with bounded bodies and timeouts. HTTPS if a
// certificate is given; without one it binds to loopback addresses only.
//
//   connections accepted by   shared/http/listener.h
//   requests judged in        shared/http/http_connection.h (these files and http_client.cc alone
//                             know cpp-httplib)
#pragma once

#include <functional>
#include <memory>

#include "shared/http/http_message.h"

namespace edcsync {

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;                       // 0: any free one; see port().
  std::string certificate_file = {};  // PEM; empty: plain HTTP, loopback only.
  std::string key_file = {};
  std::string bearer_token = {};      // If set, every route not marked open demands it.
  std::size_t thread_count = 80;      // One connection holds a thread while it lives.
  std::size_t body_bytes_max = 32 * 1024 * 1024;
  // Of all requests at hand together; past it a request is told to come again (kBusy, Retry-After).
  std::size_t body_bytes_total_max = 128 * 1024 * 1024;
  int read_timeout_s = 15;
  int write_timeout_s = 15;
  int keep_alive_s = 20;
  // How an error is told that no handler saw: a path not served, a body too large.
  std::function<HttpResponse(const Error&)> problem = Problem;
  // HTTPS only: every client is asked for a certificate and may have none. TLS proves that it holds
  // the key; who issued it is not looked at here (HttpRequest::client_certificate_pem).
  bool ask_client_certificate = false;
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;  // Threads: any of the pool.
  enum class Access { kToken, kOpen };

  struct Figures {
    std::uint64_t refused_for_memory = 0;  // Past body_bytes_total_max.
    std::uint64_t refused_for_rate = 0;    // Handlers' answers that name a time to come again.
  };

  explicit HttpServer(HttpServerOptions options);
  ~HttpServer();  // Stops.

  // `pattern` is an ECMAScript regular expression for the whole path as sent. Before Start().
  void Route(const std::string& method, const std::string& pattern, Access access,
             Handler handler);
  // Binds and serves on threads of its own. Fails with kConfiguration (address not loopback and
  // no certificate) or kIo (address in use: says which).
  Status Start();
  void Stop();
  int port() const;
  Figures figures() const;  // Threads: any.
  // Reads certificate and key again; connections from now on see them. Fails as Start does, and
  // goes on with the former ones. REQUIRES: started, with a certificate.
  Status ReloadCertificate();

  // Serves the connected socket `fd` on the caller's thread, as the pool serves what it accepts,
  // until either end closes; `fd` stays the caller's to close, unless true is returned: then it became
  // a stream of events (event_streams.h). Needs no Start(), but the routes.
  bool Serve(int fd);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace edcsync
