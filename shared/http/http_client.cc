#include "shared/http/http_client.h"

#include <httplib.h>

#include <arpa/inet.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <mutex>

#include "shared/base/check.h"
#include "shared/http/send_deadline.h"

namespace edcsync {
namespace {

bool IsPath(const std::string& path) {
  return !path.empty() && path.front() == '/' &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

// The host of "http://HOST:PORT", if it is a name that must be resolved; else empty.
std::string NameIn(const std::string& url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string::npos) return {};
  std::string host = url.substr(begin + 3);
  if (host.starts_with('[')) return {};
  host.erase(std::min(host.find_first_of(":/"), host.size()));
  in_addr numeric{};
  return ::inet_pton(AF_INET, host.c_str(), &numeric) == 1 ? std::string() : host;
}

Error Translate(httplib::Error error, const HttpClientOptions& options, bool too_large,
                bool timed_out) {
  const std::string& url = options.base_url;
  switch (error) {
    case httplib::Error::Connection:
      return {ErrorCode::kUnavailable, "Nobody listens at " + url};
    case httplib::Error::ConnectionTimeout:
      return {ErrorCode::kTimeout, url + " did not take the connection within " +
                                       std::to_string(options.timeout_s) + " s"};
    case httplib::Error::SSLConnection:
      return {ErrorCode::kCertificate, "No TLS connection to " + url};
    case httplib::Error::SSLLoadingCerts:
      return {ErrorCode::kCertificate, "The CA file " + options.ca_file + " cannot be loaded"};
    case httplib::Error::SSLServerVerification:
      return {ErrorCode::kCertificate, "The certificate of " + url + " is not to be trusted"};
    case httplib::Error::Canceled:
      if (too_large) {
        return {ErrorCode::kTooLarge, "The answer of " + url + " exceeds " +
                                          std::to_string(options.response_bytes_max) +
                                          " bytes"};
      }
      break;
    default:
      break;
  }
  if (timed_out) {
    const int seconds = options.deadline_s > 0 ? options.deadline_s : options.timeout_s;
    return {ErrorCode::kTimeout,
            url + " did not answer within " + std::to_string(seconds) + " s"};
  }
  return {ErrorCode::kUnavailable, url + " closed the connection before it answered (" +
                                       httplib::to_string(error) + ")"};
}

}  // namespace

struct HttpClient::Impl {
  explicit Impl(HttpClientOptions given)
      : options(std::move(given)),
        host(NameIn(options.base_url)),
        client(options.base_url, options.certificate_file, options.key_file) {
    // OpenSSL and cpp-httplib write without MSG_NOSIGNAL: a peer gone would end the program.
    std::signal(SIGPIPE, SIG_IGN);
    client.set_tcp_nodelay(true);
    // A connection that is kept was not watched by the deadline of the next request.
    client.set_keep_alive(options.deadline_s == 0);
    client.set_follow_location(false);
    client.set_url_encode(false);  // Paths come encoded.
    client.set_connection_timeout(options.timeout_s);
    client.set_read_timeout(options.timeout_s);
    client.set_write_timeout(options.timeout_s);
    if (!options.ca_file.empty()) client.set_ca_cert_path(options.ca_file);
    client.enable_server_certificate_verification(!options.trust_any_server);
    client.set_socket_options([this](socket_t socket) {
      httplib::default_socket_options(socket);
      if (deadline) deadline->Watch(socket);
    });
    if (!options.bearer_token.empty()) client.set_bearer_token_auth(options.bearer_token);
  }

  Result<HttpResponse> Send(httplib::Request request) {
    if (!client.is_valid()) {
      return Fail(ErrorCode::kConfiguration, options.base_url + " is no http or https address");
    }
    if (!IsPath(request.path)) {
      return Fail(ErrorCode::kMalformed, "A request path begins with / and is percent-encoded");
    }
    HttpResponse response;
    bool too_large = false;
    request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t,
                                   std::uint64_t) {
      too_large = size > options.response_bytes_max - response.body.size();
      if (!too_large) response.body.append(data, size);
      return !too_large;
    };
    request.set_header("Accept-Encoding", "identity");
    const auto begun = std::chrono::steady_clock::now();
    const auto stopped = [] { return Fail(ErrorCode::kStopped, "The request was ended here"); };
    if (!Begin()) return stopped();
    if (deadline && !host.empty()) deadline->AwaitName(host);
    const httplib::Result result = client.send(request);
    const bool ended = deadline && deadline->Passed();
    if (End()) return stopped();
    const bool timed_out = ended || std::chrono::steady_clock::now() - begun >=
                                        std::chrono::seconds(options.timeout_s);
    if (!result) {
      return tl::unexpected<Error>(Translate(result.error(), options, too_large, timed_out));
    }
    response.status = result->status;
    response.content_type = result->get_header_value("Content-Type");
    for (const auto& [name, value] : result->headers) response.headers.emplace(name, value);
    return response;
  }

  // False if the client was cancelled.
  bool Begin() {
    const std::lock_guard lock(mutex);
    if (cancelled) return false;
    if (options.deadline_s > 0) deadline.emplace(std::chrono::seconds(options.deadline_s));
    return true;
  }
  // True if the request was cancelled.
  bool End() {
    const std::lock_guard lock(mutex);
    deadline.reset();
    return cancelled;
  }
  void Cancel() {
    CHECK(options.deadline_s > 0);
    const std::lock_guard lock(mutex);
    cancelled = true;
    if (deadline) deadline->EndNow();
  }

  const HttpClientOptions options;
  const std::string host;  // To be resolved; empty: none.
  std::mutex mutex;  // Of what Cancel() looks at; before the deadline's own.
  bool cancelled = false;
  std::optional<SendDeadline> deadline;  // Of the request at hand; set and reset by its caller.
  httplib::Client client;
};

HttpClient::HttpClient(HttpClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

HttpClient::~HttpClient() = default;

void HttpClient::Cancel() { impl_->Cancel(); }

Result<HttpResponse> HttpClient::Get(const std::string& path) {
  httplib::Request request;
  request.method = "GET";
  request.path = path;
  return impl_->Send(std::move(request));
}

Result<HttpResponse> HttpClient::Post(const std::string& path, const std::string& body,
                                      const std::string& content_type, const Headers& headers) {
  httplib::Request request;
  request.method = "POST";
  request.path = path;
  request.body = body;
  request.set_header("Content-Type", content_type);
  for (const auto& [name, value] : headers) request.set_header(name, value);
  return impl_->Send(std::move(request));
}

}  // namespace edcsync
