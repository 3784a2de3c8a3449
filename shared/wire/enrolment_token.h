// The invitation that the centre prints and a site types in, once: where the centre's enrolment
// service is, by which authority it is known, which edge is invited, and a secret.
//
//   "edcsync1." base64url(UTF-8 lines "ADDRESS\nFINGERPRINT\nEDGE\nSECRET" || check)
//
// FINGERPRINT is the SHA-256 of the authority's certificate and SECRET 24 random bytes, both lower-
// case hex; check is the first 4 bytes of SHA-256 over the lines, so that a token that lost a
// letter on its way is told from a wrong one. Whoever has the token may enrol in the edge's place
// until it is used or expires: it is carried as a password is.
#pragma once

#include <string>
#include <string_view>

#include "shared/base/ids.h"
#include "shared/base/status.h"

namespace edcsync::wire {

inline constexpr std::size_t kSecretBytes = 24;  // 192 bits.

struct EnrolmentToken {
  std::string address;         // "https://HOST[:PORT]"
  std::string ca_fingerprint;  // 64 hex digits.
  EdgeId edge;
  std::string secret;  // 48 hex digits.
};

std::string FormatToken(const EnrolmentToken& token);
// Blanks around it and line breaks within (a mail's) are passed over. kMalformed says what is wrong
// and never repeats the secret.
Result<EnrolmentToken> ParseToken(std::string_view text);

}  // namespace edcsync::wire
