#include "shared/http/http_client.h"

#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "shared/http/send_deadline.h"

namespace edcsync {
namespace {

bool IsPath(const std::string& path) {
  return !path.empty() && path.front() == '/' &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7F; });
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
    if (options.deadline_s > 0) deadline.emplace(std::chrono::seconds(options.deadline_s));
    const httplib::Result result = client.send(request);
    const bool ended = deadline && deadline->Passed();
    deadline.reset();
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

  const HttpClientOptions options;
  std::optional<SendDeadline> deadline;  // Of the request at hand.
  httplib::Client client;
};

HttpClient::HttpClient(HttpClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

HttpClient::~HttpClient() = default;

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
