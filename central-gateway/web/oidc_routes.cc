// /session/methods, /session/oidc: logging in, and confirming a signature, by an identity provider.
//
// A browser comes back from the provider by its redirect, so by a request that another site began:
// the session's cookie (SameSite=Strict) is not sent with it, nor with the page that it is then
// sent to. Neither needs it. The flow is known by its state and a cookie of its own (SameSite=Lax);
// the page, once it runs, asks for its session itself, and those requests are its own site's.
#include "central-gateway/people/web_address.h"
#include "central-gateway/web/desk_context.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kTicketBytesMax = 128;
constexpr std::size_t kReturnBytesMax = 2000;
// The page that closes the window it stands in (page/src/session/confirmed_page.tsx).
constexpr char kWindowPage[] = "/confirmed";

HttpResponse Redirect(const std::string& address) {
  HttpResponse response;
  response.status = 303;
  response.content_type = "text/plain; charset=utf-8";
  response.headers.emplace("Location", address);
  return response;
}

// To the page that tells a person what went wrong: `failure` is a word of ours.
HttpResponse RedirectFailed(bool in_window, const std::string& failure) {
  const std::string page = in_window ? kWindowPage : "/";
  return Redirect(page + "?log_in=" + EncodeFormText(failure));
}

Result<OidcLogIn*> Provider(DeskContext& context) {
  if (context.oidc != nullptr) return context.oidc;
  return Fail(ErrorCode::kNotFound, "There is no identity provider here");
}

Result<HttpResponse> Methods(DeskContext& context) {
  if (context.oidc == nullptr) return JsonResponse({{"provider", Json(nullptr)}});
  const std::optional<std::string> log_out = context.oidc->LogOutAddress();
  const OidcOptions& options = context.oidc->options();
  return JsonResponse({{"provider",
                        {{"label", options.label},
                         {"localPasswords", options.local_passwords},
                         {"logOutAddress", log_out ? Json(*log_out) : Json(nullptr)}}}});
}

Result<HttpResponse> Leave(const ApiRouter& router, DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(OidcLogIn * oidc, Provider(context));
  const bool in_window = call.request.Query("window") == "1";
  const std::string to = call.request.Query("to").substr(0, kReturnBytesMax);
  const Result<OidcLogIn::Departure> departure =
      oidc->Leave(call.request.peer, router.FlowCookieOf(call.request), to, in_window);
  if (!departure.ok()) {
    return RedirectFailed(in_window, OidcLogIn::FailureOf(departure.error()));
  }
  HttpResponse response = Redirect(departure->address);
  response.headers.emplace("Set-Cookie", router.FlowCookie(departure->cookie));
  return response;
}

Result<HttpResponse> Arrive(const ApiRouter& router, DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(OidcLogIn * oidc, Provider(context));
  const HttpRequest& request = call.request;
  OidcLogIn::Answer answer;
  answer.state = request.Query("state");
  answer.code = request.Query("code");
  answer.error = request.Query("error");
  answer.issuer = request.Query("iss");
  answer.cookie = router.FlowCookieOf(request);
  answer.address = request.peer;
  const OidcLogIn::Arrival arrival = oidc->Arrive(answer);
  if (!arrival.failure.empty()) return RedirectFailed(arrival.in_window, arrival.failure);
  HttpResponse response = Redirect(arrival.in_window ? kWindowPage : arrival.return_to);
  if (arrival.session) {
    response.headers.emplace("Set-Cookie", router.SessionCookie(arrival.session->token));
  }
  return response;
}

Result<HttpResponse> LeaveToSign(const ApiRouter& router, DeskContext& context,
                                 const ApiCall& call) {
  EDCSYNC_ASSIGN(OidcLogIn * oidc, Provider(context));
  EDCSYNC_ASSIGN(const OidcLogIn::Departure departure,
                 oidc->LeaveToSign(Sessions::KeyOf(call.token), call.session,
                                   router.FlowCookieOf(call.request)));
  HttpResponse response =
      JsonResponse({{"ticket", departure.ticket}, {"address", departure.address}});
  response.headers.emplace("Set-Cookie", router.FlowCookie(departure.cookie));
  return response;
}

Result<HttpResponse> LookAtTicket(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(const std::string ticket, TextOf(call.body, "ticket", kTicketBytesMax));
  const SigningTickets::Seen seen = context.tickets.Look(Sessions::KeyOf(call.token), ticket);
  switch (seen.state) {
    case SigningTickets::State::kWaiting: return JsonResponse({{"state", "waiting"}});
    case SigningTickets::State::kConfirmed: return JsonResponse({{"state", "confirmed"}});
    case SigningTickets::State::kRefused:
      return JsonResponse({{"state", "refused"}, {"why", seen.why}});
    case SigningTickets::State::kNone: break;
  }
  return JsonResponse({{"state", "refused"}, {"why", "expired"}});
}

}  // namespace

void AddOidcRoutes(ApiRouter& router, DeskContext& context) {
  router.Add("GET", "/session/methods", Need::kNobody,
             [&](const ApiCall&) { return Methods(context); });
  router.Add("GET", "/session/oidc/start", Need::kNobody,
             [&](const ApiCall& call) { return Leave(router, context, call); });
  router.Add("GET", "/session/oidc/callback", Need::kSentBack,
             [&](const ApiCall& call) { return Arrive(router, context, call); });
  router.Add("POST", "/session/oidc/reauth", Need::kMember,
             [&](const ApiCall& call) { return LeaveToSign(router, context, call); });
  router.Add("POST", "/session/oidc/ticket", Need::kMember,
             [&](const ApiCall& call) { return LookAtTicket(context, call); });
}

}  // namespace edcsync::central
