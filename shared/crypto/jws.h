// Signed tokens of an identity provider: JSON Web Signatures in compact form (RFC 7515), verified
// with the provider's JSON Web Key Set (RFC 7517). Verification is libcjose's; which algorithms,
// keys and sizes are taken at all is decided here, before a key is touched.
//
// Taken: RS256 and PS256 with RSA keys of 2048 to 8192 bits, ES256 with keys on P-256. Never
// `none`, never an HMAC (a public key would be its secret), never a header that must be understood
// (`crit`). The kind of the key is held against the algorithm, so no token chooses what its key is.
//
//   used by   central-gateway/people/oidc_provider.h
//
// Threads: const use from any.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/status.h"

namespace edcsync {

class JsonWebKeys {
 public:
  static constexpr std::size_t kSetBytesMax = 256 * 1024;
  static constexpr std::size_t kKeyCountMax = 64;  // Providers publish two or three.
  static constexpr std::size_t kTokenBytesMax = 16 * 1024;

  // The usable keys of the set; keys of another kind, use or size are passed over. kMalformed,
  // kTooLarge.
  static Result<JsonWebKeys> Parse(std::string_view json);

  std::size_t count() const { return keys_.size(); }

  // The payload, if one of the keys signed the token. kMalformed, kTooLarge; kForbidden: an
  // algorithm that is not taken; kNotFound: no key has the token's id, the set may have changed;
  // kUnauthorized: the key did not sign it. Messages hold nothing of the token.
  Result<std::string> Verify(std::string_view token) const;

 private:
  struct Key;
  std::vector<std::shared_ptr<const Key>> keys_;
};

// Base64url without padding (RFC 4648, 5).
std::string ToBase64Url(BytesView bytes);

}  // namespace edcsync
