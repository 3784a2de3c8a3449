// An OpenID Connect provider of the tests' own: discovery, keys, the authorization endpoint with a
// page to log in, and the token endpoint, over HTTP or HTTPS. It holds a client to the protocol
// (PKCE, secret, address, one use of a code) as a strict provider does, signs with OpenSSL and
// nothing of the product's, and can be told to misbehave.
//
//   used by   tests/unit/central-gateway/web (in the test's process), tests/browser (as a program)
//
// Threads: any; its own serve.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/json.h"
#include "shared/base/time.h"
#include "shared/http/http_server.h"

namespace edcsync::testing {

class SigningKeys;

class IdentityProvider {
 public:
  struct Options {
    int port = 0;
    std::string certificate_file, key_file;  // Empty: plain HTTP.
    std::string host = "127.0.0.1";
    std::string client_id = "edcsync-desk";
    std::string client_secret;               // Empty: a public client.
    std::vector<std::string> redirect_uris;  // Empty: any.
  };
  struct Person {
    std::string name;  // preferred_username.
    std::string password;
    std::string subject;
  };
  // What is not as it should be. The defaults are.
  struct Behaviour {
    std::string algorithm = "RS256";  // Or PS256, ES256, none, HS256 (with the public key).
    Json claims = Json::object();     // In place of the right ones; null: without.
    std::string key_id;               // Empty: the key's.
    std::string named_issuer;         // RFC 9207; empty: the right one; "-": none.
    bool keys_are_huge = false;
    bool is_down = false;    // 503 for everything.
    bool asks_again = true;  // Else a person seen once is not asked, whatever is demanded.
    bool has_bad_signature = false;
    int slow_ms = 0;  // Of the token endpoint, between two bytes of its answer.
  };

  IdentityProvider(Options options, const Clock& clock);
  ~IdentityProvider();
  Status Start();

  std::string issuer() const;
  void Know(const Person& person);
  void Behave(const Behaviour& behaviour);
  void ChangeKeys();  // As a provider does every few months: others, under other ids.

  // What the browser of `name` is sent back to, once it has come to `address` and the person has
  // logged in there; empty if the provider refuses the address.
  std::string LogIn(const std::string& address, const std::string& name);
  // The same if the person cancels.
  std::string Cancel(const std::string& address);

  struct Counts {
    int discoveries = 0, keys = 0, tokens = 0;
  };
  Counts counts() const;
  // The parameters of the last authorization request.
  std::map<std::string, std::string> asked() const;

 private:
  struct Grant {
    std::map<std::string, std::string> asked;
    std::string name;
    std::int64_t seen_at_s = 0;
  };
  void AddRoutes();
  HttpResponse Discovery();
  HttpResponse Keys();
  HttpResponse Authorize(const HttpRequest& request);
  HttpResponse TakePassword(const HttpRequest& request);
  HttpResponse Token(const HttpRequest& request);
  // Empty if the request is not one that this client may make.
  std::string Grants(const std::map<std::string, std::string>& asked, const std::string& name,
                     std::int64_t seen_at_s);
  std::string IdToken(const Grant& grant);
  bool IsClient(const std::string& credentials) const;
  std::int64_t now_s() const { return clock_.Wall().ms / 1000; }

  const Options options_;
  const Clock& clock_;
  HttpServer server_;
  mutable std::mutex mutex_;
  Behaviour behaviour_;
  std::map<std::string, Person> people_;
  std::map<std::string, Grant> codes_;
  std::map<std::string, std::pair<std::string, std::int64_t>> seen_;  // By the provider's cookie.
  std::map<std::string, std::string> asked_;
  Counts counts_;
  std::unique_ptr<SigningKeys> keys_;
};

}  // namespace edcsync::testing
