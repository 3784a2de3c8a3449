// Owned and borrowed bytes, and their hexadecimal form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edcsync {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

inline BytesView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view AsText(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void Append(Bytes& out, BytesView more) { out.insert(out.end(), more.begin(), more.end()); }

// Lower-case hexadecimal, two digits a byte.
std::string ToHex(BytesView bytes);

// The bytes of `hex` (either case); nullopt if it is not hexadecimal or of odd length.
std::optional<Bytes> FromHex(std::string_view hex);

// `text` with A-Z as a-z; all else, letters of other scripts too, as it is.
std::string AsciiLower(std::string_view text);

// True if `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool IsUtf8(std::string_view text);

}  // namespace edcsync
