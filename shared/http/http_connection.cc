#include "shared/http/http_connection.h"

#include <algorithm>
#include <charconv>
#include <typeinfo>

#include "shared/base/bytes.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"

namespace edcsync {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr int kTooManyRequests = 429;  // RFC 6585, 4.
// Chunk sizes, trailers and compression frames around a body.
constexpr std::size_t kBodyFramingBytesMax = 64 * 1024;
// Bodies are held for as long as a commit takes.
constexpr char kRetryAfterS[] = "1";

// Its time tells the length of what was given, nothing of the token.
bool IsToken(std::string_view given, std::string_view token) {
  unsigned difference = given.size() == token.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^
                  static_cast<unsigned char>(token[i % token.size()]);
  }
  return difference == 0;
}

bool HasToken(const httplib::Request& request, const std::string& token) {
  const std::string value = request.get_header_value("Authorization");
  if (value.compare(0, kBearer.size(), kBearer) != 0) return false;
  return IsToken(std::string_view(value).substr(kBearer.size()), token);
}

bool IsChunked(const httplib::Request& request) {
  return request.has_header("Transfer-Encoding");
}

Error BodyTooLarge(std::size_t size_bytes_max) {
  return {ErrorCode::kTooLarge,
          "A body may hold " + std::to_string(size_bytes_max) + " bytes at most"};
}

void Fill(HttpResponse from, httplib::Response& to) {
  to.status = from.status;
  for (const auto& [name, value] : from.headers) to.set_header(name, value);
  to.body = std::move(from.body);
  if (!to.body.empty()) to.set_header("Content-Type", from.content_type);
}

void FillProblem(const HttpServerOptions& options, const Error& error, httplib::Response& to) {
  HttpResponse problem = options.problem(error);
  if (error.code == ErrorCode::kUnauthorized) {
    problem.headers.emplace("WWW-Authenticate", "Bearer");
  }
  if (error.code == ErrorCode::kBusy) problem.headers.emplace("Retry-After", kRetryAfterS);
  Fill(std::move(problem), to);
}

// What an exception says may hold a value: only its type is told.
HttpResponse HandlerFailed(const HttpServerOptions& options, const httplib::Request& request,
                           const char* what) {
  Log(LogLevel::kError, "http.handler_failed", {{"method", request.method}, {"exception", what}});
  return options.problem({ErrorCode::kInternal, "The request could not be completed"});
}

}  // namespace

HttpConnection::HttpConnection(const std::vector<HttpRoute>& routes,
                               const HttpServerOptions& options, ConnectionStream& stream,
                               BodyMemory& memory, HttpCounts& counts)
    : routes_(routes), options_(options), stream_(stream), memory_(memory), counts_(counts) {
  set_payload_max_length(options.body_bytes_max);
  set_expect_100_continue_handler([this](const httplib::Request&, httplib::Response& response) {
    if (!refusal_) return 100;
    FillProblem(options_, *refusal_, response);
    return response.status;
  });
  set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    if (refusal_) {
      FillProblem(options_, *refusal_, response);
    } else if (body_unread_) {
      return HandlerResponse::Unhandled;  // Goes on to AnswerWithBody.
    } else {
      Answer(request, std::string(), response);
    }
    return HandlerResponse::Handled;
  });
  const auto with_body = [this](const httplib::Request& request, httplib::Response& response,
                                const httplib::ContentReader& reader) {
    AnswerWithBody(request, response, reader);
  };
  // Judge() has put every accepted request with a body on this one path.
  Post("/", with_body);
  Put("/", with_body);
  Patch("/", with_body);
  Delete("/", with_body);
  // What cpp-httplib refuses by itself: a malformed request line, too long a header.
  set_error_handler(HandlerWithResponse([this](const httplib::Request&,
                                               httplib::Response& response) {
    if (!response.body.empty()) return HandlerResponse::Unhandled;
    const int status = response.status;
    FillProblem(options_,
                {status == 414 ? ErrorCode::kTooLarge : ErrorCode::kMalformed,
                 "The request's head is not well-formed HTTP/1.1 or too long"},
                response);
    response.status = status;
    return HandlerResponse::Handled;
  }));
}

void HttpConnection::Serve(const std::function<bool()>& crowded) {
  if (!stream_.Accept()) return;
  while (stream_.AwaitRequest()) {
    const bool last = crowded();
    bool closed_by_peer = false;
    bool judged = false;
    stream_.BeginHead(limits::kHttpHeadBytesMax);
    const bool answered =
        process_request(stream_, last, closed_by_peer, [this, &judged](httplib::Request& request) {
          judged = true;
          Judge(request);
        });
    // Without judgement the head was refused; where the next request begins nobody knows.
    if (!answered || !judged || body_unread_) break;
    if (events_ != nullptr) {
      (void)stream_.write(events_body_.data(), events_body_.size());
      return;
    }
    if (last || closed_by_peer) return;
  }
  stream_.Linger();
}

void HttpConnection::Judge(httplib::Request& request) {
  path_ = request.target.substr(0, request.target.find('?'));
  captures_.clear();
  route_ = nullptr;
  body_unread_ = IsChunked(request) || (request.has_header("Content-Length") &&
                                        request.get_header_value("Content-Length") != "0");
  refusal_ = FindRefusal(request);
  if (body_unread_) stream_.BeginBody(options_.body_bytes_max + kBodyFramingBytesMax);
  if (refusal_ && body_unread_) {
    request.headers.erase("Connection");
    request.headers.emplace("Connection", "close");
  }
  // Ranges are not offered, and brotli at cpp-httplib's level takes seconds for a large answer: a
  // handler alone decides what it encodes.
  accept_encoding_ = request.get_header_value("Accept-Encoding");
  request.ranges.clear();
  request.headers.erase("Range");
  request.headers.erase("Accept-Encoding");
  // A body is handed over as it came: cpp-httplib would take a multipart one apart.
  content_type_ = request.get_header_value("Content-Type");
  request.headers.erase("Content-Type");
  request.path = "/";
}

std::optional<Error> HttpConnection::FindRefusal(const httplib::Request& request) {
  if (path_.size() > limits::kHttpPathBytesMax) {
    return Error{ErrorCode::kTooLarge, "A path may hold " +
                                           std::to_string(limits::kHttpPathBytesMax) +
                                           " bytes at most"};
  }
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::smatch match;
  for (const HttpRoute& route : routes_) {
    if (route.method != method || !std::regex_match(path_, match, route.pattern)) continue;
    route_ = &route;
    for (std::size_t i = 1; i < match.size(); ++i) captures_.push_back(match[i].str());
    break;
  }
  if (route_ == nullptr) {
    return Error{ErrorCode::kNotFound, request.method + " " + path_.substr(0, 256) +
                                           " is not served here"};
  }
  if (route_->access == HttpServer::Access::kToken && !options_.bearer_token.empty() &&
      !HasToken(request, options_.bearer_token)) {
    return Error{ErrorCode::kUnauthorized, "The bearer token is missing or wrong"};
  }
  if (!body_unread_) return std::nullopt;
  if (method == "GET" || method == "OPTIONS") {
    return Error{ErrorCode::kMalformed, "A " + method + " request has no body"};
  }
  if (IsChunked(request)) {
    // Both at once is how one request is smuggled in another (RFC 9112, 6.1).
    if (request.has_header("Content-Length") ||
        AsciiLower(request.get_header_value("Transfer-Encoding")) != "chunked") {
      return Error{ErrorCode::kMalformed, "The body's length is not stated in one way"};
    }
    return std::nullopt;
  }
  const std::string text = request.get_header_value("Content-Length");
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error == std::errc::result_out_of_range) return BodyTooLarge(options_.body_bytes_max);
  if (error != std::errc() || end != text.data() + text.size() ||
      request.get_header_value_count("Content-Length") != 1) {
    return Error{ErrorCode::kMalformed, "Content-Length is not one number"};
  }
  if (size > options_.body_bytes_max) return BodyTooLarge(options_.body_bytes_max);
  return std::nullopt;
}

void HttpConnection::Answer(const httplib::Request& request, std::string body,
                            httplib::Response& response) {
  HttpRequest ours;
  ours.method = request.method;
  ours.path = path_;
  ours.captures = captures_;
  ours.query = request.params;
  for (const auto& [name, value] : request.headers) ours.headers.emplace(AsciiLower(name), value);
  if (!accept_encoding_.empty()) ours.headers.emplace("accept-encoding", accept_encoding_);
  if (!content_type_.empty()) ours.headers.emplace("content-type", content_type_);
  ours.body = std::move(body);
  ours.peer = request.remote_addr;
  if (options_.ask_client_certificate) ours.client_certificate_pem = stream_.PeerCertificatePem();
  HttpResponse answer;
  try {
    answer = route_->handler(ours);
  } catch (const std::exception& exception) {
    answer = HandlerFailed(options_, request, typeid(exception).name());
  } catch (...) {
    answer = HandlerFailed(options_, request, "unknown");
  }
  if (answer.status == kTooManyRequests || answer.headers.contains("Retry-After")) {
    counts_.refused_for_rate.fetch_add(1);
  }
  if (answer.events == nullptr) return Fill(std::move(answer), response);
  events_ = answer.events;
  may_go_on_ = std::move(answer.may_go_on);
  events_body_ = std::exchange(answer.body, "");
  const std::string type = answer.content_type;
  Fill(std::move(answer), response);
  response.set_header("Connection", "close");
  // Without a length: it goes on until the connection ends. cpp-httplib writes the head only.
  response.set_content_provider(type, [](std::size_t, httplib::DataSink& sink) {
    sink.done();
    return true;
  });
}

void HttpConnection::AnswerWithBody(const httplib::Request& request, httplib::Response& response,
                                    const httplib::ContentReader& reader) {
  std::string body;
  std::size_t taken = 0;
  Error why{ErrorCode::kMalformed, "The body broke off or is not well-formed"};
  const bool whole = reader([&](const char* data, std::size_t size) {
    if (size > options_.body_bytes_max - body.size()) {
      why = BodyTooLarge(options_.body_bytes_max);
      return false;
    }
    if (!memory_.Take(size)) {
      why = {ErrorCode::kBusy, "Other requests hold the memory that bodies may take"};
      return false;
    }
    taken += size;
    body.append(data, size);
    return true;
  });
  if (whole) {
    body_unread_ = false;
    Answer(request, std::move(body), response);
  } else {
    response.set_header("Connection", "close");
    FillProblem(options_, why, response);
  }
  memory_.GiveBack(taken);
}

}  // namespace edcsync
