// Logging in, and confirming a signature, by an identity provider: the authorization code flow of
// OpenID Connect with PKCE, from the browser's leaving to its return. Who may go in is decided in
// provider_accounts.h, by accounts and rights that are kept here.
//
//   called by   web/oidc_routes.cc
//   asks        oidc_provider.h (network), id_token.h (claims)
//   keeps       oidc_flows.h (who has left), signing_tickets.h (who has confirmed)
//
// What went wrong is a word for the page to explain (denied, expired, no_account, other_person,
// unavailable, busy, too_many_attempts, failed); the detail, which could help who attacks, goes to
// the log.
//
// Threads: any, but none of the store's works.
#pragma once

#include <functional>
#include <string>

#include "central-gateway/people/id_token.h"
#include "central-gateway/people/oidc_flows.h"
#include "central-gateway/people/oidc_provider.h"
#include "central-gateway/people/sessions.h"
#include "central-gateway/people/signing_tickets.h"

namespace edcsync::central {

struct OidcOptions {
  OidcProviderOptions provider;
  std::string user_claim = "preferred_username";
  std::string label;  // What a person reads on the button.
  bool local_passwords = true;  // Whether linked accounts may use a password that they have here.
};

class OidcLogIn {
 public:
  // All outlive this object. `redirect_uri` gives the callback's address as browsers know it.
  OidcLogIn(OidcOptions options, CentralStore& store, Sessions& sessions, SigningTickets& tickets,
            const Clock& clock, Random& random, std::function<std::string()> redirect_uri);

  const OidcOptions& options() const { return options_; }
  // Where a browser ends the provider's own session, if that is known.
  std::optional<std::string> LogOutAddress() { return provider_.LogOutAddress(); }

  struct Departure {
    std::string address;  // Of the provider.
    std::string cookie;   // Binds the flow to the browser.
    std::string ticket;   // For signing; waits until the person has come back.
  };
  // `cookie`: what the browser sent, or "". `return_to` counts if it is a path of the pages, else
  // the first page. kTooManyAttempts, and as OidcProvider::AddressFor.
  Result<Departure> Leave(const std::string& address, const std::string& cookie,
                          const std::string& return_to, bool in_window);
  // For the session of `key`, which its caller has found. kForbidden unless it was opened by a
  // provider.
  Result<Departure> LeaveToSign(const Digest& key, const SessionView& session,
                                const std::string& cookie);

  struct Answer {  // What the browser brings back.
    std::string state, code, error, issuer;
    std::string cookie;
    std::string address;  // The client's.
  };
  struct Arrival {
    std::string failure;    // One of the words above; empty: all went well.
    std::string return_to;  // A path of the pages.
    bool in_window = false;
    std::optional<SessionView> session;  // If somebody has logged in.
  };
  Arrival Arrive(const Answer& answer);

  static std::string FailureOf(const Error& error);  // Of Leave.

 private:
  Result<IdToken> Token(const Answer& answer, const OidcFlow& flow);
  Result<IdToken> ReadToken(const Answer& answer, const OidcFlow& flow);
  // Returns the failure, or "".
  std::string Open(const Answer& answer, const IdToken& token, Arrival& arrival);
  std::string Sign(const Answer& answer, const OidcSigning& signing, const IdToken& token);
  std::string Finish(const Answer& answer, const OidcFlow& flow, Arrival& arrival);
  Result<Departure> Depart(OidcFlow flow, const std::string& cookie);

  const OidcOptions options_;
  CentralStore& store_;
  Sessions& sessions_;
  SigningTickets& tickets_;
  const Clock& clock_;
  const std::function<std::string()> redirect_uri_;
  OidcProvider provider_;
  OidcFlows flows_;
};

}  // namespace edcsync::central
