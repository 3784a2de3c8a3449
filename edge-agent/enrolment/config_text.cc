#include "edge-agent/enrolment/config_text.h"

#include <cstdio>
#include <vector>

namespace edcsync::edge {
namespace {

std::string_view Trimmed(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

bool IsHeader(std::string_view line) { return Trimmed(line).substr(0, 1) == "["; }

bool IsHeaderOf(std::string_view line, std::string_view section) {
  const std::string_view trimmed = Trimmed(line);
  const std::string wanted = "[" + std::string(section) + "]";
  return trimmed.substr(0, wanted.size()) == wanted;
}

// "key =" at the line's beginning; with `commented`, after a "#".
bool Sets(std::string_view line, std::string_view key, bool commented) {
  std::string_view rest = Trimmed(line);
  if (commented) {
    if (rest.substr(0, 1) != "#") return false;
    rest = Trimmed(rest.substr(1));
  }
  if (rest.substr(0, key.size()) != key) return false;
  return Trimmed(rest.substr(key.size())).substr(0, 1) == "=";
}

}  // namespace

std::string WithTomlKey(std::string_view text, std::string_view section, std::string_view key,
                        std::string_view value) {
  std::vector<std::string> lines = LinesOf(text);
  const std::string setting = std::string(key) + " = " + std::string(value);
  std::size_t header = 0;
  while (header < lines.size() && !IsHeaderOf(lines[header], section)) ++header;
  if (header == lines.size()) {
    if (!lines.empty() && !Trimmed(lines.back()).empty()) lines.emplace_back();
    lines.push_back("[" + std::string(section) + "]");
    lines.push_back(setting);
  } else {
    std::size_t end = header + 1;
    while (end < lines.size() && !IsHeader(lines[end])) ++end;
    std::size_t place = end;
    for (const bool commented : {true, false}) {  // One that counts is preferred: it is seen last.
      for (std::size_t i = header + 1; i < end; ++i) {
        if (Sets(lines[i], key, commented)) place = i;
      }
    }
    if (place < end) {
      lines[place] = setting;
    } else {
      while (place > header + 1 && Trimmed(lines[place - 1]).empty()) --place;
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(place), setting);
    }
  }
  std::string result;
  for (const std::string& line : lines) result += line + "\n";
  return result;
}

std::string TomlText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04X", static_cast<unsigned>(c) & 0xffU);
      quoted += escaped;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace edcsync::edge
