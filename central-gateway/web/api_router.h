// The desk's API calls: each is judged here (session, CSRF token, role, body) before its handler
// sees it, and answered with the headers that keep a browser honest.
//
//   routes in   session_routes.cc, oidc_routes.cc, conflict_routes.cc, oversight_routes.cc
//   contract    schema/api/central-gateway.openapi.yaml
//
// Threads: handlers run on any of the HTTP server's.
#pragma once

#include <functional>

#include "central-gateway/desk/form_view.h"
#include "central-gateway/people/sessions.h"
#include "central-gateway/web/desk_telemetry.h"
#include "shared/http/http_server.h"

namespace edcsync::central {

// Who may call.
enum class Need {
  kNobody,   // Open to all: logging in.
  kSentBack,  // Open to all, also to a browser that another site's redirect brings here.
  kSession,  // Any session, also one whose password must be changed.
  kMember,   // Any session in order.
  kRead,     // May read records somewhere.
  kDecide,   // May decide somewhere.
  kOversee,  // Reads, operates or administers somewhere.
  kAdminister,
};

struct ApiCall {
  const HttpRequest& request;
  std::string token;    // Of the session; empty for kNobody.
  SessionView session;  // Default for kNobody.
  Viewer viewer;
  Json body;            // An object for POST, PUT and PATCH; else null.

  // The path's group, decoded.
  std::string Path(std::size_t index = 0) const;
};

using ApiHandler = std::function<Result<HttpResponse>(const ApiCall&)>;

class ApiRouter {
 public:
  // All outlive this and the server's run. `is_https`: the cookie is for HTTPS only. `telemetry`
  // may be nullptr.
  ApiRouter(HttpServer& server, Sessions& sessions, bool is_https,
            DeskTelemetry* telemetry = nullptr)
      : server_(server), sessions_(sessions), is_https_(is_https), telemetry_(telemetry) {}

  // `path` is an ECMAScript expression below /api/v1.
  void Add(const std::string& method, const std::string& path, Need need, ApiHandler handler);

  // Set-Cookie for a session that begins, or with an empty token for one that has ended.
  std::string SessionCookie(const std::string& token) const;
  // Set-Cookie that binds a browser to what it asks an identity provider (oidc_flows.h), and what
  // the browser sent of it, or "".
  std::string FlowCookie(const std::string& value) const;
  std::string FlowCookieOf(const HttpRequest& request) const;

 private:
  HttpResponse Serve(const HttpRequest& request, Need need, const ApiHandler& handler);
  Result<ApiCall> Judge(const HttpRequest& request, Need need);
  std::string CookieName() const { return Prefixed("edcsync_session"); }
  std::string Prefixed(const std::string& cookie_name) const;

  HttpServer& server_;
  Sessions& sessions_;
  const bool is_https_;
  DeskTelemetry* const telemetry_;
};

// As shared/http's Problem(), but `code` is the error's name: pages choose their words by it.
HttpResponse NamedProblem(const Error& error);
// The same with the headers of every answer, for what no route has seen.
HttpResponse RefusalOf(const Error& error);

// 200 with the JSON.
HttpResponse JsonResponse(const Json& json);
HttpResponse NoContent();

// The text at `name` of a body; kFieldMissing, kFieldInvalid, kTooLarge.
Result<std::string> TextOf(const Json& body, const std::string& name, std::size_t bytes_max);

// Headers of every answer of the desk: nothing is sniffed, framed, cached or referred.
void AddSecurityHeaders(HttpResponse& response);

}  // namespace edcsync::central
