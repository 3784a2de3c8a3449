// What an account may be called. Threads: any.
#pragma once

#include <string_view>

#include "shared/base/status.h"

namespace edcsync::central {

inline constexpr std::size_t kUserNameLengthMax = 64;

// kFieldInvalid unless `user` is 1 to 64 of [A-Za-z0-9._@-], so that it is safe in an audit entry,
// a path and a file name. Other letters stand in the full name.
Status CheckUserName(std::string_view user);

}  // namespace edcsync::central
