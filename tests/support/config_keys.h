// Compares a commented configuration file with what the code takes, both ways: every key that
// stands there is taken, and every key that is taken stands there, with its default and reason.
// What the code takes it says itself, when it refuses an unknown key or section.
#pragma once

#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "shared/base/toml_template.h"

namespace edcsync::testing {

using KeysBySection = std::map<std::string, std::set<std::string>>;
// Reads a configuration; returns what is wrong, "" if nothing is.
using ReadConfigText = std::function<std::string(const std::string&)>;

struct TemplateKeys {
  KeysBySection keys;
  std::set<std::string> unexplained;  // "section.key" without default or reason.
};

inline TemplateKeys KeysOfTemplate(const std::string& text) {
  static const std::regex kSection(R"(#?\[+([a-z_.]+)\]+)");
  static const std::regex kKey(R"(#?([a-z0-9_]+) = .*)");
  TemplateKeys found;
  std::string section, comment;
  std::istringstream lines(text);
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ")) {
      comment += line.substr(1);
      continue;
    }
    if (std::regex_match(line, match, kSection)) {
      section = match[1];
      found.keys[section];
    } else if (std::regex_match(line, match, kKey)) {
      const std::string key = match[1];
      found.keys[section].insert(key);
      const bool explained = comment.find(" Default: ") != std::string::npos &&
                             comment.find(" Why: ") != std::string::npos;
      if (!explained) found.unexplained.insert(section + "." + key);
    }
    comment.clear();
  }
  return found;
}

// The words of "...; its keys are a, b, c" behind `start`, up to the line's end.
inline std::set<std::string> WordsBehind(const std::string& text, const std::string& start) {
  std::set<std::string> words;
  const std::size_t at = text.find(start);
  if (at == std::string::npos) return words;
  std::istringstream list(text.substr(at + start.size(), text.find('\n', at) - at - start.size()));
  for (std::string word; list >> word;) {
    while (!word.empty() && (word.back() == ',' || word.back() == ']')) word.pop_back();
    words.insert(word.starts_with("[") ? word.substr(1) : word);
  }
  return words;
}

// As the code says: `text` has every section there is.
inline KeysBySection KeysOfCode(const std::string& text, const ReadConfigText& read) {
  const auto plain = [](std::string section) {  // "notices.webhook" of "notices.webhook[0"
    return section.substr(0, section.find('['));
  };
  KeysBySection keys;
  const std::string sections = read(text + "\n[no_such_section]\na = 1\n");
  for (const std::string& one : WordsBehind(sections, "the sections are ")) {
    std::string probed;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      probed += line + "\n";
      const std::string name = plain(one);
      if (line == "[" + name + "]" || line == "[[" + name + "]]") probed += "no_such_key = 1\n";
    }
    keys[plain(one)] = WordsBehind(read(probed), "its keys are ");
  }
  return keys;
}

}  // namespace edcsync::testing
