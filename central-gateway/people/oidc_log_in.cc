#include "central-gateway/people/oidc_log_in.h"

#include <algorithm>

#include "central-gateway/people/provider_accounts.h"
#include "shared/base/log.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kReturnBytesMax = 2000;
constexpr std::size_t kCodeBytesMax = 4096;

// A path of our own pages: "//host" and "/\host" would lead elsewhere, and no page lies below /api.
bool IsOwnPath(const std::string& path) {
  const bool printable = std::all_of(path.begin(), path.end(),
                                     [](char c) { return c > ' ' && c < 0x7F && c != '\\'; });
  return printable && path.size() <= kReturnBytesMax && path.starts_with('/') &&
         !path.starts_with("//") && !path.starts_with("/api/");
}

void LogRefusal(const Error& error) {
  Log(LogLevel::kWarn, "oidc.refused", {{"why", error.ToString()}});
}

}  // namespace

OidcLogIn::OidcLogIn(OidcOptions options, CentralStore& store, Sessions& sessions,
                     SigningTickets& tickets, const Clock& clock, Random& random,
                     std::function<std::string()> redirect_uri)
    : options_(std::move(options)),
      store_(store),
      sessions_(sessions),
      tickets_(tickets),
      clock_(clock),
      redirect_uri_(std::move(redirect_uri)),
      provider_(options_.provider, clock),
      flows_(clock, random) {}

std::string OidcLogIn::FailureOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kBusy: return "busy";
    case ErrorCode::kTooManyAttempts: return "too_many_attempts";
    case ErrorCode::kUnauthorized:
    case ErrorCode::kForbidden: return "failed";
    default: return "unavailable";
  }
}

Result<OidcLogIn::Departure> OidcLogIn::Depart(OidcFlow flow, const std::string& cookie) {
  const bool signs = flow.signing.has_value();
  const OidcFlows::Begun begun = flows_.Begin(std::move(flow), cookie);
  Result<std::string> address = provider_.AddressFor(
      {begun.state, begun.flow.nonce, begun.flow.verifier, redirect_uri_(), signs});
  if (!address.ok()) {
    LogRefusal(address.error());
    static_cast<void>(flows_.Take(begun.state, begun.cookie));
    return tl::unexpected<Error>(address.error());
  }
  return Departure{*std::move(address), begun.cookie, ""};
}

Result<OidcLogIn::Departure> OidcLogIn::Leave(const std::string& address,
                                              const std::string& cookie,
                                              const std::string& return_to, bool in_window) {
  EDCSYNC_TRY(sessions_.TakeAttempt(address));
  OidcFlow flow;
  flow.return_to = IsOwnPath(return_to) ? return_to : "/";
  flow.in_window = in_window;
  return Depart(std::move(flow), cookie);
}

Result<OidcLogIn::Departure> OidcLogIn::LeaveToSign(const Digest& key, const SessionView& session,
                                                    const std::string& cookie) {
  if (!session.seen_by_provider) {
    return Fail(ErrorCode::kForbidden, "this session was opened by a password, which signs in it");
  }
  const std::string ticket = tickets_.Issue(key);
  OidcFlow flow;
  flow.return_to = "/";
  flow.in_window = true;
  flow.signing = {key, SigningTickets::KeyOf(ticket), session.user};
  EDCSYNC_ASSIGN(Departure departure, Depart(std::move(flow), cookie));
  departure.ticket = ticket;
  return departure;
}

Result<IdToken> OidcLogIn::ReadToken(const Answer& answer, const OidcFlow& flow) {
  EDCSYNC_TRY(provider_.CheckAnswerer(answer.issuer));
  if (answer.code.empty() || answer.code.size() > kCodeBytesMax) {
    return Fail(ErrorCode::kUnauthorized, "the identity provider's answer holds no code");
  }
  EDCSYNC_ASSIGN(const std::string payload,
                 provider_.Redeem(answer.code, flow.verifier, redirect_uri_()));
  IdTokenDemands demands;
  demands.issuer = options_.provider.issuer;
  demands.client_id = options_.provider.client_id;
  demands.nonce = flow.nonce;
  demands.user_claim = options_.user_claim;
  if (flow.signing) {
    demands.acr = options_.provider.acr;
    demands.seen_since = WallTime{flow.began_at.ms - options_.provider.max_age_s * 1000};
  }
  demands.now = clock_.Wall();
  return ReadIdToken(payload, demands);
}

// The audit entry here is of a flow that we began, so nobody can fill the trail with them.
Result<IdToken> OidcLogIn::Token(const Answer& answer, const OidcFlow& flow) {
  Result<IdToken> token = ReadToken(answer, flow);
  if (token.ok()) return token;
  LogRefusal(token.error());
  const std::string user = flow.signing ? flow.signing->user : "";
  const Status told = TellRefused(store_, user, answer.address, FailureOf(token.error()));
  if (!told.ok()) LogRefusal(told.error());
  return token;
}

std::string OidcLogIn::Open(const Answer& answer, const IdToken& token, Arrival& arrival) {
  const Result<std::optional<AccountRow>> account = AcceptIdentity(
      store_, {options_.provider.issuer, token.subject, token.name}, answer.address);
  if (!account.ok()) {
    LogRefusal(account.error());
    return FailureOf(account.error());
  }
  if (!*account) return "no_account";
  arrival.session = sessions_.Open(**account, token.seen_at, answer.address);
  return "";
}

std::string OidcLogIn::Sign(const Answer& answer, const OidcSigning& signing,
                            const IdToken& token) {
  const Result<SessionView> session = sessions_.FindByKey(signing.session);
  if (!session.ok()) return "expired";
  // A provider that did not ask the person again answers with the time of before.
  const bool asked_anew = session->seen_by_provider && token.seen_at > *session->seen_by_provider;
  if (options_.provider.max_age_s == 0 && !asked_anew) {
    LogRefusal({ErrorCode::kUnauthorized,
                "the identity provider did not ask the person again (prompt=login, max_age=0)"});
    const Status told = TellRefused(store_, signing.user, answer.address, "not_asked_again");
    if (!told.ok()) LogRefusal(told.error());
    return "failed";
  }
  const Result<bool> confirmed =
      ConfirmIdentity(store_, {options_.provider.issuer, token.subject, token.name}, signing.user,
                      answer.address);
  if (!confirmed.ok()) return FailureOf(confirmed.error());
  if (!*confirmed) return "other_person";
  sessions_.NoteSeen(signing.session, token.seen_at);
  return "";
}

std::string OidcLogIn::Finish(const Answer& answer, const OidcFlow& flow, Arrival& arrival) {
  if (!answer.error.empty()) {
    const std::string user = flow.signing ? flow.signing->user : "";
    const Status told = TellRefused(store_, user, answer.address, "denied_by_provider");
    if (!told.ok()) LogRefusal(told.error());
    return "denied";
  }
  const Result<IdToken> token = Token(answer, flow);
  if (!token.ok()) return FailureOf(token.error());
  return flow.signing ? Sign(answer, *flow.signing, *token) : Open(answer, *token, arrival);
}

OidcLogIn::Arrival OidcLogIn::Arrive(const Answer& answer) {
  Arrival arrival;
  arrival.return_to = "/";
  const std::optional<OidcFlow> flow = flows_.Take(answer.state, answer.cookie);
  if (!flow) {
    arrival.failure = "expired";
    return arrival;
  }
  arrival.return_to = flow->return_to;
  arrival.in_window = flow->in_window;
  arrival.failure = Finish(answer, *flow, arrival);
  if (!flow->signing) return arrival;
  if (arrival.failure.empty()) {
    tickets_.Confirm(flow->signing->session, flow->signing->ticket);
  } else {
    tickets_.Refuse(flow->signing->session, flow->signing->ticket, arrival.failure);
  }
  return arrival;
}

}  // namespace edcsync::central
