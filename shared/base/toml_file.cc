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
  std::vector<std::string> wrong;  // A line each.
  std::set<std::pair<const toml::node*, std::string>> told;  // Once per key, the first.

  std::string Place(const toml::node& node) const {
    return path + " line " + std::to_string(node.source().begin.line);
  }
  const toml::node* Find(std::string_view section, std::string_view key) {
    asked.insert(std::string(section) + "." + std::string(key));
    const toml::node* node = FindSection(section);
    const toml::table* inner = node == nullptr ? nullptr : node->as_table();
    return inner == nullptr ? nullptr : inner->get(key);
  }
  // The node named "a", "a.b" or "a.b[1]".
  const toml::node* FindSection(std::string_view section) const {
    const toml::node_view<const toml::node> found = toml::at_path(table, section);
    return found.node();
  }
  void CheckKeys(const toml::table& section, const std::string& name);
  void CheckNested(const toml::node& node, const std::string& name);
  void NoSection(const toml::node& node, const std::string& shown);
  void Wrong(const toml::node& node, std::string_view key, const std::string& allowed) {
    if (!told.emplace(&node, key).second) return;
    wrong.push_back(Place(node) + ": " + std::string(key) + " must be " + allowed);
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

std::vector<std::string> TomlFile::TextList(std::string_view section, std::string_view key,
                                            std::vector<std::string> fallback) {
  const toml::node* node = impl_->Find(section, key);
  if (node == nullptr) return fallback;
  std::vector<std::string> texts;
  const toml::array* list = node->as_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const auto value = list->get(i)->value_exact<std::string>();
    if (!value || std::any_of(value->begin(), value->end(), IsControl)) break;
    texts.push_back(*value);
  }
  if (list != nullptr && texts.size() == list->size()) return texts;
  impl_->Wrong(*node, key, "a list of texts in quotes without control characters");
  return fallback;
}

bool TomlFile::HasSection(std::string_view section) {
  const toml::node* node = impl_->FindSection(section);
  if (node != nullptr && !node->is_table()) {
    impl_->Wrong(*node, section, "a section: [" + std::string(section) + "]");
  }
  return node != nullptr && node->is_table();
}

std::size_t TomlFile::CountSections(std::string_view section) {
  const toml::node* node = impl_->FindSection(section);
  if (node == nullptr) return 0;
  if (node->is_array_of_tables()) return node->as_array()->size();
  impl_->Wrong(*node, section, "sections of a list: [[" + std::string(section) + "]]");
  return 0;
}

void TomlFile::Refuse(std::string_view section, std::string_view key,
                      const std::string& allowed) {
  const toml::node* node = impl_->Find(section, key);
  if (node == nullptr) node = impl_->FindSection(section);
  impl_->Wrong(node == nullptr ? impl_->table : *node, key, allowed);
}

// Keys of a table are either asked for, or sections of their own.
void TomlFile::Impl::CheckKeys(const toml::table& section, const std::string& name) {
  for (const auto& [key, value] : section) {
    const std::string inner = name + "." + std::string(key.str());
    if (asked.contains(inner)) continue;
    if (value.is_table() || value.is_array_of_tables()) {
      CheckNested(value, inner);
      continue;
    }
    std::string known;
    for (const std::string& one : asked) {
      if (!one.starts_with(name + ".")) continue;
      const std::string rest = one.substr(name.size() + 1);
      if (rest.find('.') == std::string::npos) known += (known.empty() ? "" : ", ") + rest;
    }
    wrong.push_back(Place(value) + ": there is no key " + std::string(key.str()) + " in [" + name +
                    "]" + (known.empty() ? "" : "; its keys are " + known));
  }
}

void TomlFile::Impl::CheckNested(const toml::node& node, const std::string& name) {
  const auto is_known = [&](const std::string& section) {
    return std::any_of(asked.begin(), asked.end(), [&](const std::string& one) {
      return one.starts_with(section + ".");
    });
  };
  if (const toml::table* inner = node.as_table()) {
    return is_known(name) ? CheckKeys(*inner, name) : NoSection(node, "[" + name + "]");
  }
  const toml::array& list = *node.as_array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string one = name + "[" + std::to_string(i) + "]";
    if (!is_known(one)) return NoSection(*list.get(i), "[[" + name + "]]");
    CheckKeys(*list.get(i)->as_table(), one);
  }
}

void TomlFile::Impl::NoSection(const toml::node& node, const std::string& shown) {
  std::set<std::string> known;
  for (const std::string& one : asked) known.insert(one.substr(0, one.rfind('.')));
  std::string list;
  for (const std::string& one : known) list += (list.empty() ? "[" : ", [") + one + "]";
  wrong.push_back(Place(node) + ": there is no section " + shown + "; the sections are " + list);
}

Status TomlFile::Finish() {
  for (const auto& [section, node] : impl_->table) {
    const std::string name(section.str());
    if (node.is_table() || node.is_array_of_tables()) {
      impl_->CheckNested(node, name);
    } else {
      impl_->wrong.push_back(impl_->Place(node) + ": " + name + " stands outside any [section]");
    }
  }
  if (impl_->wrong.empty()) return Ok();
  std::string all;
  for (const std::string& one : impl_->wrong) all += (all.empty() ? "" : "\n") + one;
  return Fail(ErrorCode::kConfiguration, all);
}

}  // namespace edcsync
