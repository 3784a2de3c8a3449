// What a password may be (NIST SP 800-63B, 5.1.1.2: length and a list of common ones, no rules of
// composition), and the first password that somebody reads aloud to a new user.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "shared/base/random.h"
#include "shared/base/status.h"

namespace edcsync::central {

inline constexpr std::size_t kPasswordLengthMin = 12;  // Characters: Unicode code points.
inline constexpr std::size_t kPasswordBytesMax = 1024;

// kFieldInvalid names the rule that is broken, never the password: 12 characters at least, 1024
// bytes at most, UTF-8 without control characters, without the user's name (of 3 characters or
// more, in any case), and none that is common, one thing repeated, or a run such as 1234 or qwerty.
Status CheckPassword(std::string_view user, std::string_view password);

// 80 random bits as five pronounceable words: "lusab-babad-gutih-tugad-mudof" (proquints, Wilkerson
// 2009).
std::string MakeFirstPassword(Random& random);

}  // namespace edcsync::central
