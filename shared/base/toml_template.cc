#include "shared/base/toml_template.h"

#include <algorithm>

#include "shared/base/check.h"

namespace edcsync {
namespace {

// `line` without the # that keeps it from being TOML; an explanation stays as it is.
std::string_view Uncommented(std::string_view line) {
  const bool is_toml = line.size() > 1 && line[0] == '#' && line[1] != ' ';
  return is_toml ? line.substr(1) : line;
}

// A TOML basic string.
std::string Quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

TomlTemplate& TomlTemplate::Set(std::string_view section, std::string_view key,
                                std::string_view value) {
  SetLine(section, key, Quoted(value));
  return *this;
}

TomlTemplate& TomlTemplate::Set(std::string_view section, std::string_view key,
                                std::int64_t value) {
  SetLine(section, key, std::to_string(value));
  return *this;
}

void TomlTemplate::SetLine(std::string_view section, std::string_view key,
                           const std::string& value) {
  const std::string header = "[" + std::string(section) + "]";
  const std::string start = std::string(key) + " = ";
  bool inside = false;
  std::size_t header_at = 0;
  for (std::size_t at = 0; at < text_.size();) {
    const std::size_t end = std::min(text_.find('\n', at), text_.size());
    const std::string_view line = Uncommented(std::string_view(text_).substr(at, end - at));
    if (line.starts_with("[")) {
      inside = line == header;
      header_at = at;
    }
    if (inside && line.starts_with(start)) {
      text_.replace(at, end - at, start + value);
      if (text_[header_at] == '#') text_.erase(header_at, 1);
      return;
    }
    at = end + 1;
  }
  CHECK(false);  // The template has no such key.
}

std::string TomlTemplate::WithEverything() const {
  std::string out;
  for (std::size_t at = 0; at < text_.size();) {
    const std::size_t end = std::min(text_.find('\n', at), text_.size());
    out.append(Uncommented(std::string_view(text_).substr(at, end - at))).append("\n");
    at = end + 1;
  }
  return out;
}

}  // namespace edcsync
