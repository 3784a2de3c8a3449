// What an ID token must say to be believed (OpenID Connect Core 1.0, 3.1.3.7), once its signature
// is known to be the provider's. Pure: the time is handed in. Threads: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shared/base/status.h"
#include "shared/base/time.h"

namespace edcsync::central {

// How far the provider's clock may be from ours.
inline constexpr std::int64_t kTokenLeewayMs = 60 * 1000;

struct IdTokenDemands {
  std::string issuer;
  std::string client_id;
  std::string nonce;
  std::string user_claim;  // Where the person's name stands.
  std::string acr;         // Empty: any. The class of authentication that is demanded.
  // The person must have been seen by the provider at or after this time. None: whenever it was.
  std::optional<WallTime> seen_since;
  WallTime now;
};

struct IdToken {
  std::string subject;
  std::string name;  // Empty if the token has no such claim.
  WallTime seen_at;  // auth_time; without one, when the token was made.
};

// kUnauthorized, in words that name the claim and hold nothing of it.
Result<IdToken> ReadIdToken(std::string_view payload, const IdTokenDemands& demands);

}  // namespace edcsync::central
