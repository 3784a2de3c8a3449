// Passwords that are tried first, because many people chose them: whole ones of 12 characters and
// more, and the words that most are made of. Lower case; compiled in. Threads: any.
#pragma once

#include <span>
#include <string_view>

namespace edcsync::central {

std::span<const std::string_view> CommonPasswords();
std::span<const std::string_view> CommonPasswordWords();  // Letters only.

}  // namespace edcsync::central
