#include "tests/support/identity_provider.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "shared/base/random.h"
#include "tests/support/signing_keys.h"

namespace edcsync::testing {
namespace {

using Fields = std::map<std::string, std::string>;

constexpr char kCookie[] = "provider_session";

std::string NewWord() {
  SystemRandom random;
  return random.NewId<Incarnation>().ToHex();
}

std::string Decoded(std::string text) {
  std::replace(text.begin(), text.end(), '+', ' ');
  return PercentDecode(text).value_or("");
}

Fields FieldsOf(std::string_view form) {
  Fields fields;
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    fields[Decoded(std::string(pair.substr(0, equals)))] =
        Decoded(std::string(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return fields;
}

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

HttpResponse JsonAnswer(const Json& json, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = json.dump();
  return response;
}

HttpResponse Redirect(const std::string& address) {
  HttpResponse response;
  response.status = 303;
  response.headers.emplace("Location", address);
  return response;
}

HttpResponse LogInPage(const Fields& asked, const std::string& message) {
  std::string hidden;
  for (const auto& [name, value] : asked) {
    hidden += "<input type=\"hidden\" name=\"asked_" + Escaped(name) + "\" value=\"" +
              Escaped(value) + "\">";
  }
  HttpResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.body =
      "<!doctype html><html lang=\"en\"><meta name=\"viewport\" content=\"width=device-width\">"
      "<title>St. Mary SSO</title><body style=\"font: 16px sans-serif; margin: 3em auto; "
      "max-width: 20em\"><h1>St. Mary SSO</h1><p id=\"message\">" + message +
      "</p><form method=\"post\" action=\"/log-in\">" + hidden +
      "<p><label>Name <input name=\"name\" autofocus></label></p>"
      "<p><label>Password <input name=\"password\" type=\"password\"></label></p>"
      "<p><button>Go on</button></p></form>";
  return response;
}

}  // namespace

IdentityProvider::IdentityProvider(Options options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      server_([this] {
        HttpServerOptions http;
        http.port = options_.port;
        http.certificate_file = options_.certificate_file;
        http.key_file = options_.key_file;
        http.thread_count = 16;
        return http;
      }()),
      keys_(std::make_unique<SigningKeys>(1)) {
  AddRoutes();
}

IdentityProvider::~IdentityProvider() { server_.Stop(); }

Status IdentityProvider::Start() { return server_.Start(); }

std::string IdentityProvider::issuer() const {
  return (options_.certificate_file.empty() ? "http://" : "https://") + options_.host + ":" +
         std::to_string(server_.port());
}

void IdentityProvider::Know(const Person& person) {
  const std::lock_guard lock(mutex_);
  people_[person.name] = person;
}

void IdentityProvider::Behave(const Behaviour& behaviour) {
  const std::lock_guard lock(mutex_);
  behaviour_ = behaviour;
}

void IdentityProvider::ChangeKeys() {
  auto keys = std::make_unique<SigningKeys>(2);
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
}

IdentityProvider::Counts IdentityProvider::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

Fields IdentityProvider::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void IdentityProvider::AddRoutes() {
  const auto add = [this](const char* method, const char* path, auto handler) {
    const auto serve = [this, handler](const HttpRequest& request) {
      {
        const std::lock_guard lock(mutex_);
        if (behaviour_.is_down) return JsonAnswer({{"error", "server_error"}}, 503);
      }
      return handler(request);
    };
    server_.Route(method, path, HttpServer::Access::kOpen, serve);
  };
  add("GET", "/\\.well-known/openid-configuration",
      [this](const HttpRequest&) { return Discovery(); });
  add("GET", "/keys", [this](const HttpRequest&) { return Keys(); });
  add("GET", "/authorize", [this](const HttpRequest& request) { return Authorize(request); });
  add("POST", "/log-in", [this](const HttpRequest& request) { return TakePassword(request); });
  add("POST", "/token", [this](const HttpRequest& request) { return Token(request); });
  add("GET", "/log-out", [this](const HttpRequest&) {
    const std::lock_guard lock(mutex_);
    seen_.clear();
    HttpResponse response;
    response.content_type = "text/html; charset=utf-8";
    response.body = "<!doctype html><title>St. Mary SSO</title><h1>You are logged out.</h1>";
    return response;
  });
}

HttpResponse IdentityProvider::Discovery() {
  const std::lock_guard lock(mutex_);
  ++counts_.discoveries;
  return JsonAnswer({{"issuer", issuer()},
                     {"authorization_endpoint", issuer() + "/authorize"},
                     {"token_endpoint", issuer() + "/token"},
                     {"jwks_uri", issuer() + "/keys"},
                     {"end_session_endpoint", issuer() + "/log-out"},
                     {"response_types_supported", {"code"}},
                     {"code_challenge_methods_supported", {"S256"}},
                     {"authorization_response_iss_parameter_supported", true}});
}

HttpResponse IdentityProvider::Keys() {
  const std::lock_guard lock(mutex_);
  ++counts_.keys;
  Json keys = keys_->Public();
  if (behaviour_.keys_are_huge) {
    for (int i = 0; i < 5000; ++i) keys["keys"].push_back(keys["keys"][0]);
  }
  return JsonAnswer(keys);
}

std::string IdentityProvider::Grants(const Fields& asked, const std::string& name,
                                     std::int64_t seen_at_s) {
  const auto at = [&](const char* field) {
    const auto found = asked.find(field);
    return found == asked.end() ? "" : found->second;
  };
  const std::vector<std::string>& known = options_.redirect_uris;
  const bool returns_home = known.empty() || std::find(known.begin(), known.end(),
                                                       at("redirect_uri")) != known.end();
  if (!returns_home || at("client_id") != options_.client_id || at("response_type") != "code" ||
      at("code_challenge_method") != "S256" || at("code_challenge").size() != 43 ||
      at("state").empty()) {
    return "";
  }
  std::string address = at("redirect_uri") + "?state=" + at("state");
  const std::string named = behaviour_.named_issuer.empty() ? issuer() : behaviour_.named_issuer;
  if (named != "-") address += "&iss=" + named;
  if (name.empty()) return address + "&error=access_denied";
  const std::string code = NewWord();
  codes_[code] = {asked, name, seen_at_s};
  return address + "&code=" + code;
}

std::string IdentityProvider::LogIn(const std::string& address, const std::string& name) {
  const std::lock_guard lock(mutex_);
  asked_ = FieldsOf(address.substr(std::min(address.find('?'), address.size() - 1) + 1));
  auto& [who, seen_at_s] = seen_["browser of " + name];
  if (who.empty() || behaviour_.asks_again) seen_at_s = now_s();
  who = name;
  return Grants(asked_, name, seen_at_s);
}

std::string IdentityProvider::Cancel(const std::string& address) {
  const std::lock_guard lock(mutex_);
  asked_ = FieldsOf(address.substr(std::min(address.find('?'), address.size() - 1) + 1));
  return Grants(asked_, "", 0);
}

// Who was seen by this browser before is not asked again, unless the client demands it: single
// sign-on.
HttpResponse IdentityProvider::Authorize(const HttpRequest& request) {
  const std::lock_guard lock(mutex_);
  asked_.clear();
  for (const auto& [name, value] : request.query) asked_[name] = value;
  const std::string cookies = request.Header("cookie");
  const bool demands = asked_.contains("prompt") && asked_["prompt"] == "login";
  for (const auto& [cookie, seen] : seen_) {
    if (demands || cookies.find(std::string(kCookie) + "=" + cookie) == std::string::npos) continue;
    const std::string to = Grants(asked_, seen.first, seen.second);
    if (!to.empty()) return Redirect(to);
  }
  return LogInPage(asked_, "");
}

HttpResponse IdentityProvider::TakePassword(const HttpRequest& request) {
  const std::lock_guard lock(mutex_);
  const Fields fields = FieldsOf(request.body);
  Fields asked;
  for (const auto& [name, value] : fields) {
    if (name.starts_with("asked_")) asked[name.substr(6)] = value;
  }
  const auto name = fields.find("name");
  const auto password = fields.find("password");
  const auto person = name == fields.end() ? people_.end() : people_.find(name->second);
  if (person == people_.end() || password == fields.end() ||
      person->second.password != password->second) {
    return LogInPage(asked, "Name or password is wrong.");
  }
  const std::string to = Grants(asked, person->first, now_s());
  if (to.empty()) return LogInPage(asked, "This client may not ask that.");
  const std::string cookie = NewWord();
  seen_[cookie] = {person->first, now_s()};
  HttpResponse response = Redirect(to);
  response.headers.emplace("Set-Cookie", std::string(kCookie) + "=" + cookie +
                                             "; Path=/; HttpOnly; SameSite=Lax");
  return response;
}

HttpResponse IdentityProvider::Token(const HttpRequest& request) {
  int slow_ms = 0;
  {
    const std::lock_guard lock(mutex_);
    ++counts_.tokens;
    slow_ms = behaviour_.slow_ms;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(slow_ms));
  const std::lock_guard lock(mutex_);
  Fields fields = FieldsOf(request.body);
  const auto code = codes_.find(fields["code"]);
  if (code == codes_.end()) return JsonAnswer({{"error", "invalid_grant"}}, 400);
  const Grant grant = code->second;
  codes_.erase(code);  // Taken once, whatever comes of it.
  const std::string basic = request.Header("authorization");
  const bool is_client =
      options_.client_secret.empty()
          ? basic.empty() && fields["client_id"] == options_.client_id
          : basic.starts_with("Basic ") && !fields.contains("client_secret") &&
                IsClient(FromBase64(basic.substr(6)));
  if (!is_client) return JsonAnswer({{"error", "invalid_client"}}, 401);
  if (fields["grant_type"] != "authorization_code" ||
      fields["redirect_uri"] != grant.asked.at("redirect_uri") ||
      Sha256Base64Url(fields["code_verifier"]) != grant.asked.at("code_challenge")) {
    return JsonAnswer({{"error", "invalid_grant"}}, 400);
  }
  return JsonAnswer({{"access_token", NewWord()},
                     {"token_type", "Bearer"},
                     {"expires_in", 300},
                     {"id_token", IdToken(grant)}});
}

// Both are form-encoded before they are joined (RFC 6749, 2.3.1).
bool IdentityProvider::IsClient(const std::string& credentials) const {
  const std::size_t colon = credentials.find(':');
  return colon != std::string::npos &&
         Decoded(credentials.substr(0, colon)) == options_.client_id &&
         Decoded(credentials.substr(colon + 1)) == options_.client_secret;
}

std::string IdentityProvider::IdToken(const Grant& grant) {
  const auto asked = [&](const char* name) {
    const auto found = grant.asked.find(name);
    return found == grant.asked.end() ? Json(nullptr) : Json(found->second);
  };
  const auto person = people_.find(grant.name);
  Json claims = {{"iss", issuer()},
                 {"aud", options_.client_id},
                 {"sub", person == people_.end() ? "sub of " + grant.name : person->second.subject},
                 {"iat", now_s()},
                 {"exp", now_s() + 300},
                 {"auth_time", grant.seen_at_s},
                 {"nonce", asked("nonce")},
                 {"preferred_username", grant.name},
                 {"acr", asked("acr_values")}};
  for (const auto& [name, value] : behaviour_.claims.items()) claims[name] = value;
  for (auto claim = claims.begin(); claim != claims.end();) {
    claim = claim->is_null() ? claims.erase(claim) : std::next(claim);
  }
  std::string token = keys_->SignedBy(behaviour_.algorithm, claims.dump(), behaviour_.key_id);
  char& some = token[token.rfind('.') + 10];
  if (behaviour_.has_bad_signature) some = some == 'A' ? 'B' : 'A';
  return token;
}

}  // namespace edcsync::testing
