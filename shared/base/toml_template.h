// A commented TOML file in which every key stands with its default, ready to be set: a line
// `#key = value` (no blank after the #) or `#[section]` is one to uncomment, `# text` explains.
//
//   written as   schema/config/*.toml
//   read by      shared/base/toml_file.h
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace edcsync {

class TomlTemplate {
 public:
  explicit TomlTemplate(std::string_view text) : text_(text) {}

  // Uncomments [section] and key, with this value. REQUIRES: it stands in the template.
  TomlTemplate& Set(std::string_view section, std::string_view key, std::string_view value);
  TomlTemplate& Set(std::string_view section, std::string_view key, std::int64_t value);

  // With every key and section uncommented.
  std::string WithEverything() const;
  const std::string& text() const { return text_; }

 private:
  void SetLine(std::string_view section, std::string_view key, const std::string& value);
  std::string text_;
};

}  // namespace edcsync
