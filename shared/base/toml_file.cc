#include "shared/base/toml_file.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <toml++/toml.h>

#include "shared/base/file.h"

namespace edcsync {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;

// No name of a file or host has one, and a "\u0000" would cut a file's name short.
bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

struct TomlFile::Impl {
  std::string path;
  toml::table table;
  std::set<std::string> asked;  // "section.key"
  std::string wrong;            // The first thing, empty if none.

  std::string Place(const toml::node& node) const {
    return path + " line " + std::to_string(node.source().begin.line);
  }
  const toml::node* Find(std::string_view section, std::string_view key) {
    asked.insert(std::string(section) + "." + std::string(key));
    const toml::table* inner = table.at_path(section).as_table();
    return inner == nullptr ? nullptr : inner->get(key);
  }
  // The first key below the table of this name that nobody asked for.
  Status FindUnasked(const std::string& name, const toml::table& section) const {
    for (const auto& [key, value] : section) {
      const std::string full = name + "." + std::string(key.str());
      if (asked.contains(full)) continue;
      const auto inner = asked.lower_bound(full + ".");
      if (value.is_table() && inner != asked.end() && inner->starts_with(full + ".")) {
        EDCSYNC_TRY(FindUnasked(full, *value.as_table()));
        continue;
      }
      std::string known;
      for (const std::string& one : asked) {
        if (!one.starts_with(name + ".")) continue;
        known += (known.empty() ? "" : ", ") + one.substr(name.size() + 1);
      }
      return Fail(ErrorCode::kConfiguration,
                  Place(value) + ": there is no key " + std::string(key.str()) + " in [" + name +
                      "]" + (known.empty() ? "" : "; its keys are " + known));
    }
    return Ok();
  }
  void Wrong(const toml::node& node, std::string_view key, const std::string& allowed) {
    if (!wrong.empty()) return;
    wrong = Place(node) + ": " + std::string(key) + " must be " + allowed;
  }
};

TomlFile::TomlFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TomlFile::TomlFile(TomlFile&&) noexcept = default;
TomlFile::~TomlFile() = default;

Result<TomlFile> TomlFile::Load(const std::string& path) {
  EDCSYNC_ASSIGN(const std::string text, ReadFile(path, kFileBytesMax));
  return Parse(text, path);
}

Result<TomlFile> TomlFile::Parse(std::string_view text, const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  try {
    impl->table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return Fail(ErrorCode::kConfiguration,
                path + " line " + std::to_string(error.source().begin.line) + " column " +
                    std::to_string(error.source().begin.column) + ": " +
                    std::string(error.description()));
  }
  return TomlFile(std::move(impl));
}

std::string TomlFile::Text(std::string_view section, std::string_view key,
                           std::string_view fallback) {
  const toml::node* node = impl_->Find(section, key);
  if (node == nullptr) return std::string(fallback);
  const auto value = node->value_exact<std::string>();
  if (value && std::none_of(value->begin(), value->end(), IsControl)) return *value;
  impl_->Wrong(*node, key, "text in quotes without control characters");
  return std::string(fallback);
}

std::int64_t TomlFile::Integer(std::string_view section, std::string_view key,
                               std::int64_t fallback, std::int64_t least, std::int64_t most) {
  const toml::node* node = impl_->Find(section, key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<std::int64_t>();
  if (value && *value >= least && *value <= most) return *value;
  impl_->Wrong(*node, key,
               "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return fallback;
}

bool TomlFile::Flag(std::string_view section, std::string_view key, bool fallback) {
  const toml::node* node = impl_->Find(section, key);
  if (node == nullptr) return fallback;
  if (const auto value = node->value_exact<bool>()) return *value;
  impl_->Wrong(*node, key, "true or false");
  return fallback;
}

bool TomlFile::Has(std::string_view section) const {
  return impl_->table.at_path(section).is_table();
}

void TomlFile::Refuse(std::string_view section, std::string_view key, const std::string& allowed) {
  const toml::node* node = impl_->Find(section, key);
  if (node == nullptr) node = impl_->table.at_path(section).node();
  impl_->Wrong(*node, key, allowed);
}

Status TomlFile::Finish() {
  if (!impl_->wrong.empty()) return Fail(ErrorCode::kConfiguration, impl_->wrong);
  for (const auto& [section, node] : impl_->table) {
    const std::string name(section.str());
    const toml::table* inner = node.as_table();
    if (inner == nullptr) {
      return Fail(ErrorCode::kConfiguration,
                  impl_->Place(node) + ": " + name + " stands outside any [section]");
    }
    EDCSYNC_TRY(impl_->FindUnasked(name, *inner));
  }
  return Ok();
}

}  // namespace edcsync
