#include "central-gateway/people/oidc_provider.h"

#include <nlohmann/json.hpp>

#include "central-gateway/people/web_address.h"
#include "shared/base/json.h"
#include "shared/crypto/digest.h"
#include "shared/http/http_client.h"

namespace edcsync::central {
namespace {

constexpr std::int64_t kKnownUs = 10LL * 60 * 1'000'000;
constexpr std::int64_t kKeysAgainUs = 60LL * 1'000'000;
constexpr CircuitBreaker::Options kBreaker{5, 30LL * 1'000'000};
constexpr int kDepthMax = 8;

Result<Json> ParseObject(const std::string& text) {
  bool deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kDepthMax;
    return !deep;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (!deep && json.is_object()) return json;
  return Fail(ErrorCode::kMalformed, "the identity provider's answer is no JSON object");
}

std::string TextAt(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

// Whether the list at `name` holds `value`; `if_absent` if there is no list.
bool Lists(const Json& json, const char* name, const char* value, bool if_absent) {
  const auto list = json.find(name);
  if (list == json.end() || !list->is_array()) return if_absent;
  return std::find(list->begin(), list->end(), value) != list->end();
}

// "invalid_grant", if it looks like one of RFC 6749's words; for the log.
std::string ErrorWord(const std::string& body) {
  const Result<Json> json = ParseObject(body);
  const std::string word = json.ok() ? TextAt(*json, "error") : "";
  const bool plain = !word.empty() && word.size() <= 64 &&
                     std::all_of(word.begin(), word.end(),
                                 [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
  return plain ? word : "no reason given";
}

}  // namespace

Status CheckIssuer(const std::string& issuer) {
  const std::optional<WebAddress> address = ParseWebAddress(issuer);
  if (address && !address->has_query) return Ok();
  return Fail(ErrorCode::kConfiguration,
              "an issuer is an https address without query (http on a loopback address only)");
}

// One of the few calls that may be with the provider at a time.
class OidcProvider::Turn {
 public:
  explicit Turn(OidcProvider& provider) : provider_(provider) {
    const std::lock_guard lock(provider_.mutex_);
    taken_ = provider_.turns_ < kExchangeCountMax;
    if (taken_) ++provider_.turns_;
  }
  ~Turn() {
    const std::lock_guard lock(provider_.mutex_);
    if (taken_) --provider_.turns_;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  Status Check() const {
    if (taken_) return Ok();
    return Fail(ErrorCode::kBusy, "the identity provider is slow, and enough wait for it");
  }

 private:
  OidcProvider& provider_;
  bool taken_ = false;
};

OidcProvider::OidcProvider(OidcProviderOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), breaker_(kBreaker) {}

Status OidcProvider::MayTry() {
  const std::lock_guard lock(mutex_);
  if (breaker_.Allow(clock_.Mono())) return Ok();
  return Fail(ErrorCode::kUnavailable,
              "the identity provider failed several times in a row; it is tried again shortly");
}

void OidcProvider::Note(const Result<HttpResponse>& answer) {
  const std::lock_guard lock(mutex_);
  if (answer.ok() && answer->status < 500) {
    breaker_.Succeeded();
  } else {
    breaker_.Failed(clock_.Mono());
  }
}

Result<HttpResponse> OidcProvider::Send(const std::string& address, const std::string* form,
                                        const std::string& authorization) {
  const std::optional<WebAddress> parsed = ParseWebAddress(address);
  if (!parsed) return Fail(ErrorCode::kMalformed, "the identity provider names no https address");
  EDCSYNC_TRY(MayTry());
  HttpClientOptions options;
  options.base_url = parsed->base;
  options.ca_file = options_.ca_file;
  options.timeout_s = options_.timeout_s;
  options.deadline_s = options_.timeout_s;
  options.response_bytes_max = kAnswerBytesMax;
  HttpClient client(options);
  HttpClient::Headers headers = {{"Accept", "application/json"}};
  if (!authorization.empty()) headers.emplace("Authorization", authorization);
  const Result<HttpResponse> answer =
      form == nullptr
          ? client.Get(parsed->path)
          : client.Post(parsed->path, *form, "application/x-www-form-urlencoded", headers);
  Note(answer);
  return answer;
}

Result<std::string> OidcProvider::Get(const std::string& address) {
  EDCSYNC_ASSIGN(HttpResponse answer, Send(address, nullptr, ""));
  if (answer.status == 200) return std::move(answer.body);
  return Fail(ErrorCode::kUnavailable,
              "the identity provider answered with status " + std::to_string(answer.status));
}

Result<OidcProvider::Metadata> OidcProvider::ReadMetadata(const std::string& text) const {
  EDCSYNC_ASSIGN(const Json json, ParseObject(text));
  if (TextAt(json, "issuer") != options_.issuer) {
    return Fail(ErrorCode::kMalformed,
                "the identity provider calls itself another issuer than [desk.oidc] issuer says");
  }
  if (!Lists(json, "code_challenge_methods_supported", "S256", /*if_absent=*/true)) {
    return Fail(ErrorCode::kMalformed, "the identity provider does not take PKCE with S256");
  }
  Metadata metadata;
  metadata.authorization = TextAt(json, "authorization_endpoint");
  metadata.token = TextAt(json, "token_endpoint");
  metadata.keys = TextAt(json, "jwks_uri");
  metadata.log_out = TextAt(json, "end_session_endpoint");
  for (const std::string* needed : {&metadata.authorization, &metadata.token, &metadata.keys}) {
    if (!ParseWebAddress(*needed)) {
      return Fail(ErrorCode::kMalformed,
                  "the identity provider's metadata lacks an https address of authorization, "
                  "token or keys");
    }
  }
  if (!ParseWebAddress(metadata.log_out)) metadata.log_out.clear();
  metadata.secret_in_body =
      !Lists(json, "token_endpoint_auth_methods_supported", "client_secret_basic", true) &&
      Lists(json, "token_endpoint_auth_methods_supported", "client_secret_post", false);
  metadata.names_issuer =
      json.value("authorization_response_iss_parameter_supported", Json(false)) == Json(true);
  return metadata;
}

Result<OidcProvider::Metadata> OidcProvider::Known() {
  {
    const std::lock_guard lock(mutex_);
    if (metadata_ && clock_.Mono() < metadata_until_) return *metadata_;
  }
  std::string address = options_.issuer;
  if (address.ends_with('/')) address.pop_back();
  EDCSYNC_ASSIGN(const std::string text, Get(address + "/.well-known/openid-configuration"));
  EDCSYNC_ASSIGN(Metadata metadata, ReadMetadata(text));
  const std::lock_guard lock(mutex_);
  metadata_ = metadata;
  metadata_until_ = {clock_.Mono().us + kKnownUs};
  return metadata;
}

Result<std::shared_ptr<const JsonWebKeys>> OidcProvider::Keys(const std::string& address,
                                                              bool anew) {
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t age_us = clock_.Mono().us - keys_read_at_.us;
    // Tokens with invented key ids must not make us ask again and again.
    if (keys_ != nullptr && age_us < (anew ? kKeysAgainUs : kKnownUs)) return keys_;
  }
  EDCSYNC_ASSIGN(const std::string text, Get(address));
  EDCSYNC_ASSIGN(JsonWebKeys keys, JsonWebKeys::Parse(text));
  const std::lock_guard lock(mutex_);
  keys_ = std::make_shared<const JsonWebKeys>(std::move(keys));
  keys_read_at_ = clock_.Mono();
  return keys_;
}

Result<std::string> OidcProvider::AddressFor(const Question& question) {
  const Turn turn(*this);
  EDCSYNC_TRY(turn.Check());
  EDCSYNC_ASSIGN(const Metadata metadata, Known());
  const Digest challenge = Sha256(AsBytes(question.verifier));
  FormFields fields = {{"response_type", "code"},
                       {"client_id", options_.client_id},
                       {"redirect_uri", question.redirect_uri},
                       {"scope", options_.scopes},
                       {"state", question.state},
                       {"nonce", question.nonce},
                       {"code_challenge", ToBase64Url(challenge)},
                       {"code_challenge_method", "S256"}};
  if (question.signs) {
    if (options_.max_age_s == 0) fields.emplace_back("prompt", "login");
    fields.emplace_back("max_age", std::to_string(options_.max_age_s));
    if (!options_.acr.empty()) fields.emplace_back("acr_values", options_.acr);
  }
  const bool has_query = metadata.authorization.find('?') != std::string::npos;
  return metadata.authorization + (has_query ? "&" : "?") + EncodeForm(fields);
}

Status OidcProvider::CheckAnswerer(const std::string& issuer) {
  bool must_be_named = false;
  {
    const std::lock_guard lock(mutex_);
    must_be_named = metadata_ && metadata_->names_issuer;
  }
  if (issuer == options_.issuer || (issuer.empty() && !must_be_named)) return Ok();
  return Fail(ErrorCode::kUnauthorized,
              "the answer names another issuer than the one that was asked (iss)");
}

Result<std::string> OidcProvider::Redeem(const std::string& code, const std::string& verifier,
                                         const std::string& redirect_uri) {
  const Turn turn(*this);
  EDCSYNC_TRY(turn.Check());
  EDCSYNC_ASSIGN(const Metadata metadata, Known());
  FormFields fields = {{"grant_type", "authorization_code"},
                       {"code", code},
                       {"redirect_uri", redirect_uri},
                       {"code_verifier", verifier}};
  std::string authorization;
  if (options_.client_secret.empty() || metadata.secret_in_body) {
    fields.emplace_back("client_id", options_.client_id);
    if (metadata.secret_in_body) fields.emplace_back("client_secret", options_.client_secret);
  } else {  // RFC 6749, 2.3.1.
    authorization = "Basic " + ToBase64(EncodeFormText(options_.client_id) + ":" +
                                        EncodeFormText(options_.client_secret));
  }
  const std::string form = EncodeForm(fields);
  EDCSYNC_ASSIGN(const HttpResponse answer, Send(metadata.token, &form, authorization));
  if (answer.status >= 500) {
    return Fail(ErrorCode::kUnavailable,
                "the identity provider answered with status " + std::to_string(answer.status));
  }
  if (answer.status != 200) {
    return Fail(ErrorCode::kUnauthorized,
                "the identity provider does not take the code: " + ErrorWord(answer.body));
  }
  EDCSYNC_ASSIGN(const Json json, ParseObject(answer.body));
  return Verified(TextAt(json, "id_token"), metadata.keys);
}

Result<std::string> OidcProvider::Verified(const std::string& token,
                                           const std::string& keys_address) {
  EDCSYNC_ASSIGN(std::shared_ptr<const JsonWebKeys> keys, Keys(keys_address, /*anew=*/false));
  Result<std::string> payload = keys->Verify(token);
  if (!payload.ok() && payload.error().code == ErrorCode::kNotFound) {
    EDCSYNC_ASSIGN(keys, Keys(keys_address, /*anew=*/true));
    payload = keys->Verify(token);
  }
  if (payload.ok()) return payload;
  return Fail(ErrorCode::kUnauthorized, payload.error().message);
}

std::optional<std::string> OidcProvider::LogOutAddress() {
  const std::lock_guard lock(mutex_);
  if (!metadata_ || metadata_->log_out.empty()) return std::nullopt;
  const bool has_query = metadata_->log_out.find('?') != std::string::npos;
  return metadata_->log_out + (has_query ? "&" : "?") +
         EncodeForm({{"client_id", options_.client_id}});
}

}  // namespace edcsync::central
