#include "central-gateway/people/id_token.h"

#include <nlohmann/json.hpp>

#include "shared/base/bytes.h"
#include "shared/base/json.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

constexpr int kDepthMax = 8;
constexpr std::size_t kSubjectBytesMax = 255;  // OpenID Connect Core 1.0, 2.
constexpr std::size_t kNameBytesMax = 255;

tl::unexpected<Error> Refuse(const std::string& why) {
  return Fail(ErrorCode::kUnauthorized, "the provider's ID token " + why);
}

std::string TextAt(const Json& claims, const std::string& name) {
  const auto found = claims.find(name);
  return found != claims.end() && found->is_string() ? found->get<std::string>() : "";
}

// Seconds since 1970, which may have a fraction (RFC 7519, 2).
std::optional<WallTime> TimeAt(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  const double seconds = found->get<double>();
  constexpr double kSecondsMax = 1e11;  // The year 5138; beyond it nothing is computed.
  if (!(seconds >= 0 && seconds < kSecondsMax)) return std::nullopt;
  return WallTime{static_cast<std::int64_t>(seconds * 1000)};
}

std::optional<Json> Parse(std::string_view payload) {
  bool deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kDepthMax;
    return !deep;
  };
  Json claims = Json::parse(payload, watch, /*allow_exceptions=*/false);
  if (deep || !claims.is_object()) return std::nullopt;
  return claims;
}

Status CheckAudience(const Json& claims, const std::string& client_id) {
  const auto audience = claims.find("aud");
  if (audience == claims.end()) return Refuse("has no aud");
  bool ours = *audience == client_id;
  bool others = false;
  if (audience->is_array()) {
    for (const Json& one : *audience) (one == client_id ? ours : others) = true;
  }
  if (!ours) return Refuse("is for another client (aud)");
  const auto party = claims.find("azp");
  // With others it could have been asked for by one of them.
  if (party == claims.end() ? others : *party != client_id) {
    return Refuse("was asked for by another client (azp)");
  }
  return Ok();
}

Status CheckTimes(const Json& claims, WallTime now) {
  const std::optional<WallTime> expires = TimeAt(claims, "exp");
  const std::optional<WallTime> made = TimeAt(claims, "iat");
  if (!expires || !made) return Refuse("has no exp or no iat");
  if (expires->ms + kTokenLeewayMs <= now.ms) return Refuse("has expired (exp)");
  if (made->ms > now.ms + kTokenLeewayMs) {
    return Refuse("was made in the future (iat): compare the clocks");
  }
  if (claims.contains("nbf")) {
    const std::optional<WallTime> begins = TimeAt(claims, "nbf");
    if (!begins || begins->ms > now.ms + kTokenLeewayMs) return Refuse("is not valid yet (nbf)");
  }
  return Ok();
}

Status CheckSeen(const Json& claims, const IdTokenDemands& demands) {
  if (!demands.seen_since) return Ok();
  const std::optional<WallTime> seen = TimeAt(claims, "auth_time");
  if (!seen) return Refuse("has no auth_time, which was demanded (max_age)");
  if (seen->ms + kTokenLeewayMs < demands.seen_since->ms) {
    return Refuse("is of an earlier authentication (auth_time): compare the clocks");
  }
  if (seen->ms > demands.now.ms + kTokenLeewayMs) return Refuse("has an auth_time in the future");
  return Ok();
}

}  // namespace

Result<IdToken> ReadIdToken(std::string_view payload, const IdTokenDemands& demands) {
  const std::optional<Json> parsed = Parse(payload);
  if (!parsed) return Refuse("holds no JSON object");
  const Json& claims = *parsed;
  if (TextAt(claims, "iss") != demands.issuer) return Refuse("is another issuer's (iss)");
  EDCSYNC_TRY(CheckAudience(claims, demands.client_id));
  EDCSYNC_TRY(CheckTimes(claims, demands.now));
  const std::string nonce = TextAt(claims, "nonce");
  if (nonce.empty() || !EqualInConstantTime(AsBytes(nonce), AsBytes(demands.nonce))) {
    return Refuse("is not of this log-in (nonce)");
  }
  EDCSYNC_TRY(CheckSeen(claims, demands));
  if (!demands.acr.empty() && TextAt(claims, "acr") != demands.acr) {
    return Refuse("is not of the demanded class of authentication (acr)");
  }
  IdToken token;
  token.subject = TextAt(claims, "sub");
  if (token.subject.empty() || token.subject.size() > kSubjectBytesMax) {
    return Refuse("has no sub, or one too long");
  }
  for (const char c : token.subject) {
    if (c < 0x20 || c == 0x7F) return Refuse("has a sub that is not ASCII");
  }
  token.name = TextAt(claims, demands.user_claim);
  if (token.name.size() > kNameBytesMax) token.name.clear();
  // An address that the provider did not verify may be anybody's.
  if (demands.user_claim == "email" && claims.value("email_verified", Json(true)) != Json(true)) {
    token.name.clear();
  }
  token.seen_at = TimeAt(claims, "auth_time").value_or(*TimeAt(claims, "iat"));
  return token;
}

}  // namespace edcsync::central
