#include "central-gateway/web/api_router.h"

#include "central-gateway/people/oidc_flows.h"
#include "shared/base/check.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

constexpr char kPrefix[] = "/api/v1";
constexpr char kFlowCookie[] = "edcsync_oidc";
constexpr std::size_t kEtagDigits = 32;
constexpr std::size_t kBodyDepthMax = 16;

// The cookie's value, or "".
std::string CookieOf(const HttpRequest& request, const std::string& name) {
  const auto [begin, end] = request.headers.equal_range("cookie");
  for (auto header = begin; header != end; ++header) {
    std::string_view rest = header->second;
    while (!rest.empty()) {
      std::string_view pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
      while (pair.starts_with(' ')) pair.remove_prefix(1);
      if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
        return std::string(pair.substr(name.size() + 1));
      }
    }
  }
  return "";
}

// "zh-CN,zh;q=0.9" -> "zh-CN".
std::string LanguageOf(const HttpRequest& request) {
  const std::string accepted = request.Header("accept-language");
  const std::string first = accepted.substr(0, accepted.find_first_of(",;"));
  const bool fits = !first.empty() && first.size() <= 35 && first != "*" &&
                    first.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789-") == std::string::npos;
  return fits ? first : "en";
}

Viewer ViewerOf(const SessionView& session, const HttpRequest& request) {
  Viewer viewer;
  viewer.user = session.user;
  viewer.language = LanguageOf(request);
  viewer.reads = session.rights.Scopes();
  viewer.decides = session.rights.Scopes(Role::kDataManager);
  viewer.unblinded = viewer.decides;
  for (const RightRow& right : session.rights.rows()) {
    if (right.sees_blinded) viewer.unblinded.push_back({right.study, right.site});
  }
  return viewer;
}

bool Has(const Rights& rights, Need need) {
  switch (need) {
    case Need::kNobody:
    case Need::kSentBack:
    case Need::kSession:
    case Need::kMember: return true;
    case Need::kRead: return rights.Has(Role::kMonitor) || rights.Has(Role::kDataManager);
    case Need::kDecide: return rights.Has(Role::kDataManager);
    case Need::kOversee: return !rights.rows().empty();
    case Need::kAdminister: return rights.IsAdministrator();
  }
  return false;
}

bool Changes(const HttpRequest& request) {
  return request.method != "GET" && request.method != "HEAD";
}

// How deep the JSON is nested, whether it is well-formed or not.
std::size_t DepthOf(std::string_view json) {
  std::size_t depth = 0, deepest = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') in_text = !in_text;
    if (in_text && c == '\\') ++i;
    if (in_text) continue;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if ((c == ']' || c == '}') && depth > 0) --depth;
  }
  return deepest;
}

// Everything a call names in its address is a text.
Status CheckAddress(const HttpRequest& request) {
  for (const std::string& capture : request.captures) {
    const std::optional<std::string> text = PercentDecode(capture);
    if (!text || !IsUtf8(*text)) return Fail(ErrorCode::kMalformed, "The path is not well-formed");
  }
  for (const auto& [name, value] : request.query) {
    if (!IsUtf8(value)) return Fail(ErrorCode::kMalformed, "The query is not UTF-8");
  }
  return Ok();
}

// A form of another page can send neither this content type nor, if it could, read the answer.
Result<Json> BodyOf(const HttpRequest& request) {
  if (request.method != "POST" && request.method != "PUT" && request.method != "PATCH") {
    return Json(nullptr);
  }
  if (request.body.empty()) return Json::object();
  const std::string type = request.Header("content-type");
  if (type.substr(0, type.find(';')) != "application/json") {
    return Fail(ErrorCode::kMalformed, "A body here is application/json");
  }
  // Whoever copies a value recurses as deep as it is nested.
  if (DepthOf(request.body) > kBodyDepthMax) {
    return Fail(ErrorCode::kMalformed, "The body is nested deeper than any call needs");
  }
  Json body = Json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (body.is_object()) return body;
  return Fail(ErrorCode::kMalformed, "The body is no JSON object");
}

void AddEtag(const HttpRequest& request, HttpResponse& response) {
  if (Changes(request) || response.status != 200 || response.events != nullptr) return;
  const std::string etag =
      "\"" + ToHex(Sha256(AsBytes(response.body))).substr(0, kEtagDigits) + "\"";
  response.headers.emplace("ETag", etag);
  if (request.Header("if-none-match") != etag) return;
  response.status = 304;
  response.body.clear();
}

}  // namespace

std::string ApiCall::Path(std::size_t index) const {
  return PercentDecode(request.captures.at(index)).value_or("");
}

void ApiRouter::Add(const std::string& method, const std::string& path, Need need,
                    ApiHandler handler) {
  server_.Route(method, kPrefix + path, HttpServer::Access::kOpen,
                [this, need, handler = std::move(handler)](const HttpRequest& request) {
                  if (telemetry_ == nullptr) return Serve(request, need, handler);
                  const MonoTime begun = telemetry_->Begin();
                  HttpResponse response = Serve(request, need, handler);
                  telemetry_->Served(begun, Changes(request), response.status);
                  return response;
                });
}

HttpResponse ApiRouter::Serve(const HttpRequest& request, Need need, const ApiHandler& handler) {
  Result<ApiCall> call = Judge(request, need);
  HttpResponse response;
  if (!call.ok()) {
    response = NamedProblem(call.error());
    // The browser forgets what is no session any more.
    if (call.error().code == ErrorCode::kUnauthorized && !CookieOf(request, CookieName()).empty()) {
      response.headers.emplace("Set-Cookie", SessionCookie(""));
    }
  } else {
    Result<HttpResponse> answered = handler(*call);
    response = answered.ok() ? std::move(*answered) : NamedProblem(answered.error());
  }
  AddEtag(request, response);
  AddSecurityHeaders(response);
  return response;
}

Result<ApiCall> ApiRouter::Judge(const HttpRequest& request, Need need) {
  ApiCall call{request, "", {}, {}, nullptr};
  // Browsers say where a call comes from; only our own pages have business here.
  const std::string site = request.Header("sec-fetch-site");
  if (need != Need::kSentBack && !site.empty() && site != "same-origin" && site != "none") {
    return Fail(ErrorCode::kForbidden, "The desk's API is for its own pages");
  }
  if (need != Need::kNobody && need != Need::kSentBack) {
    call.token = CookieOf(request, CookieName());
    const bool by_itself = request.path == std::string(kPrefix) + "/changes";
    EDCSYNC_ASSIGN(call.session, sessions_.Find(call.token, by_itself ? Sessions::Use::kNoUse
                                                                      : Sessions::Use::kUse));
    if (Changes(request) && !call.session.FitsCsrf(request.Header("x-csrf-token"))) {
      return Fail(ErrorCode::kForbidden, "The header X-CSRF-Token is missing or not the session's");
    }
    if (call.session.must_change_password && need != Need::kSession) {
      return Fail(ErrorCode::kPasswordChangeRequired, "Change the first password before all else");
    }
    if (!Has(call.session.rights, need)) {
      return Fail(ErrorCode::kForbidden, "This account has no right to do that");
    }
    call.viewer = ViewerOf(call.session, request);
  }
  EDCSYNC_ASSIGN(call.body, BodyOf(request));
  EDCSYNC_TRY(CheckAddress(request));
  return call;
}

// The prefix makes browsers refuse one that was not set over HTTPS by this host.
std::string ApiRouter::Prefixed(const std::string& cookie_name) const {
  return (is_https_ ? "__Host-" : "") + cookie_name;
}

std::string ApiRouter::SessionCookie(const std::string& token) const {
  std::string cookie = CookieName() + "=" + token + "; Path=/; HttpOnly; SameSite=Strict";
  if (is_https_) cookie += "; Secure";
  if (token.empty()) cookie += "; Max-Age=0";
  return cookie;
}

// Lax: it must come with the provider's redirect, which another site began.
std::string ApiRouter::FlowCookie(const std::string& value) const {
  return Prefixed(kFlowCookie) + "=" + value + "; Path=/; HttpOnly; SameSite=Lax; Max-Age=" +
         std::to_string(OidcFlows::kWaitMsMax / 1000) + (is_https_ ? "; Secure" : "");
}

std::string ApiRouter::FlowCookieOf(const HttpRequest& request) const {
  return CookieOf(request, Prefixed(kFlowCookie));
}

HttpResponse NamedProblem(const Error& error) {
  HttpResponse response = Problem(error);
  Json json = Json::parse(response.body);
  json["code"] = Describe(error.code).name;
  response.body = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

HttpResponse RefusalOf(const Error& error) {
  HttpResponse response = NamedProblem(error);
  AddSecurityHeaders(response);
  return response;
}

HttpResponse JsonResponse(const Json& json) {
  HttpResponse response;
  // What is stored is UTF-8, but for bytes of a quarantined revision: shown, not refused.
  response.body = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

HttpResponse NoContent() {
  HttpResponse response;
  response.status = 204;
  return response;
}

Result<std::string> TextOf(const Json& body, const std::string& name, std::size_t bytes_max) {
  if (!body.contains(name)) return Fail(ErrorCode::kFieldMissing, name + " is missing");
  if (!body[name].is_string()) return Fail(ErrorCode::kFieldInvalid, name + " is no text");
  std::string text = body[name].get<std::string>();
  if (text.size() > bytes_max) {
    return Fail(ErrorCode::kTooLarge, name + " may have " + std::to_string(bytes_max) + " bytes");
  }
  return text;
}

void AddSecurityHeaders(HttpResponse& response) {
  response.headers.emplace("X-Content-Type-Options", "nosniff");
  response.headers.emplace("X-Frame-Options", "DENY");
  response.headers.emplace("Referrer-Policy", "no-referrer");
  response.headers.emplace("Cross-Origin-Opener-Policy", "same-origin");
  response.headers.emplace("Cross-Origin-Resource-Policy", "same-origin");
  if (!response.headers.contains("Cache-Control")) {
    response.headers.emplace("Cache-Control", "no-store");
  }
  if (!response.headers.contains("Content-Security-Policy")) {
    response.headers.emplace("Content-Security-Policy",
                             "default-src 'none'; frame-ancestors 'none'");
  }
}

}  // namespace edcsync::central
