// A TOML configuration file, read strictly: an unknown key, a wrong type or a value out of range
// names file, line and what is allowed, all there are at once. Ask for every key, then Finish().
//
//   TomlFile file = ...Load(path);
//   options.host = file.Text("broker", "host", "localhost");
//   EDCSYNC_TRY(file.Finish());
//
// A section may lie in another ("notices.mail"), or be one of a list ("notices.webhook[0]" is the
// first [[notices.webhook]]). Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/status.h"

namespace edcsync {

class TomlFile {
 public:
  // kNotFound, kConfiguration (not TOML: line and column), kTooLarge (over 1 MiB).
  static Result<TomlFile> Load(const std::string& path);
  // As Load, of the text that stands in `path`, which is only named.
  static Result<TomlFile> Parse(std::string_view text, const std::string& path);
  TomlFile(TomlFile&&) noexcept;
  ~TomlFile();

  // The value of [section] key, of a table within one as "outer.inner"; `fallback` if absent. A
  // wrong one, such as a text with control characters, is remembered for Finish().
  std::string Text(std::string_view section, std::string_view key, std::string_view fallback);
  std::int64_t Integer(std::string_view section, std::string_view key, std::int64_t fallback,
                       std::int64_t least, std::int64_t most);
  bool Flag(std::string_view section, std::string_view key, bool fallback);
  // A list of texts, as Text.
  std::vector<std::string> TextList(std::string_view section, std::string_view key,
                                    std::vector<std::string> fallback);

  bool HasSection(std::string_view section);
  // How many [[section]] there are.
  std::size_t CountSections(std::string_view section);
  // Remembers for Finish() that [section] key is not `allowed`: what only the reader can tell.
  void Refuse(std::string_view section, std::string_view key, const std::string& allowed);

  // kConfiguration with everything wrong, a line each: first values asked for, in the order of
  // asking, then sections and keys nobody asked for.
  Status Finish();

 private:
  struct Impl;
  explicit TomlFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace edcsync
