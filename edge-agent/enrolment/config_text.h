// Sets single keys in a TOML text and leaves everything else as a person wrote it, comments
// included.
#pragma once

#include <string>
#include <string_view>

namespace edcsync::edge {

// `text` with [section] key = value; `value` as it stands in TOML (a text with its quotes). A key
// that is there is replaced, one that stands commented out (`# key = ...`) takes its place, and one
// that is not there is put at the end of its section, which is appended if there is none.
std::string WithTomlKey(std::string_view text, std::string_view section, std::string_view key,
                        std::string_view value);

// A TOML basic string.
std::string TomlText(std::string_view text);

}  // namespace edcsync::edge
