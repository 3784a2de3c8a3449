// An identity provider that speaks OpenID Connect, as this gateway sees it: where it is asked
// (OpenID Connect Discovery 1.0), what it answers for a code (Core 1.0, 3.1.3), and whether an ID
// token is signed by it. What the token says is judged in id_token.h.
//
//   used by   oidc_log_in.h
//
// Bounded, for a provider may be slow or broken: at most `kExchangeCountMax` calls at a time (then
// kBusy), each request over after `timeout_s`, no answer above kAnswerBytesMax, and none at all for
// a while after several failures in a row (circuit breaker). What it publishes is kept for ten
// minutes; its keys are read anew for a key that is not known, at most once a minute.
//
// Threads: any. The mutex is a leaf; no call waits for the network with it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "shared/base/circuit_breaker.h"
#include "shared/base/status.h"
#include "shared/base/time.h"
#include "shared/crypto/jws.h"
#include "shared/http/http_message.h"

namespace edcsync::central {

struct OidcProviderOptions {
  std::string issuer;         // https, or http on a loopback address.
  std::string client_id;
  std::string client_secret;  // Empty: a public client, which PKCE protects.
  std::string scopes = "openid profile email";
  std::string acr;            // Demanded for signing; empty: any.
  std::int64_t max_age_s = 0;  // For signing: 0 asks the person anew, each time.
  std::string ca_file;        // PEM; empty: the authorities that the machine trusts.
  int timeout_s = 10;
};

// kConfiguration unless `issuer` may be one: https, or http on a loopback address, no query.
Status CheckIssuer(const std::string& issuer);

class OidcProvider {
 public:
  static constexpr int kExchangeCountMax = 8;
  static constexpr std::size_t kAnswerBytesMax = 256 * 1024;

  OidcProvider(OidcProviderOptions options, const Clock& clock);

  const OidcProviderOptions& options() const { return options_; }

  struct Question {
    std::string state, nonce, verifier, redirect_uri;
    bool signs = false;  // The person authenticates anew.
  };
  // Where the browser asks the provider. kUnavailable, kTimeout, kBusy, kCertificate, kMalformed.
  Result<std::string> AddressFor(const Question& question);

  // RFC 9207: kUnauthorized if the answer names another issuer, or none though it should.
  Status CheckAnswerer(const std::string& issuer);

  // The payload of the ID token that the provider gives for `code`, signed by it. As AddressFor,
  // and kUnauthorized if the code is not taken or the token not signed as it should be.
  Result<std::string> Redeem(const std::string& code, const std::string& verifier,
                             const std::string& redirect_uri);

  // Where a browser ends the provider's own session, if that is known by now.
  std::optional<std::string> LogOutAddress();

 private:
  struct Metadata {
    std::string authorization, token, keys, log_out;
    bool secret_in_body = false;
    bool names_issuer = false;
  };
  class Turn;

  Result<Metadata> Known();
  Result<Metadata> ReadMetadata(const std::string& json) const;
  Result<std::shared_ptr<const JsonWebKeys>> Keys(const std::string& address, bool anew);
  Result<std::string> Verified(const std::string& token, const std::string& keys_address);
  Result<std::string> Get(const std::string& address);
  Result<HttpResponse> Send(const std::string& address, const std::string* form,
                            const std::string& authorization);
  Status MayTry();
  void Note(const Result<HttpResponse>& answer);

  const OidcProviderOptions options_;
  const Clock& clock_;
  std::mutex mutex_;  // Of what follows.
  CircuitBreaker breaker_;
  int turns_ = 0;
  std::optional<Metadata> metadata_;
  MonoTime metadata_until_;
  std::shared_ptr<const JsonWebKeys> keys_;
  MonoTime keys_read_at_;
};

}  // namespace edcsync::central
