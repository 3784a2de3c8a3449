#include "shared/doctor/redaction.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <sstream>
#include <toml++/toml.h>

#include "shared/base/json.h"

namespace edcsync::doctor {
namespace {

constexpr char kLeftOut[] = "(left out)";

// Keys whose texts are names, addresses or paths. Others are left out until somebody has judged
// them.
constexpr std::array<std::string_view, 42> kHarmlessKeys = {
    "id", "site", "data", "host", "managed", "bind_address", "address", "ca", "certificate", "key",
    "gateway", "level", "page_folder", "public_address", "issuer", "client_id", "scopes",
    "user_claim", "label", "require_acr", "language", "desk_url", "name", "url", "server", "from",
    "to", "kinds", "format", "source", "mode", "endpoint", "protocol", "key_file", "ca_file",
    "certificate_file", "secret_file", "password_file", "client_secret_file", "credential", "uri",
    "token_file"};

// Parts of field names of a log that may hold what must not leave.
constexpr std::array<std::string_view, 13> kHarmfulFields = {
    "subject", "record", "value", "item", "reason", "user", "actor", "secret",
    "password", "token", "pin", "key", "name"};
constexpr std::array<std::string_view, 2> kHarmlessFields = {"service_name", "gateway_name"};

bool IsHarmlessKey(std::string_view key) {
  return std::find(kHarmlessKeys.begin(), kHarmlessKeys.end(), key) != kHarmlessKeys.end();
}

bool IsHarmfulField(const std::string& name) {
  if (std::find(kHarmlessFields.begin(), kHarmlessFields.end(), name) != kHarmlessFields.end()) {
    return false;
  }
  std::string lower;
  for (const unsigned char c : name) lower += static_cast<char>(std::tolower(c));
  return std::any_of(kHarmfulFields.begin(), kHarmfulFields.end(), [&](std::string_view part) {
    return lower.find(part) != std::string::npos;
  });
}

// "https://user:pass@host:1/path?token=1" -> "https://host:1/(left out)".
std::string AddressOnly(const std::string& text) {
  if (text.starts_with("pkcs11:")) {
    // RFC 7512: query attributes (pin-value, pin-source) stand behind "?".
    return text.substr(0, text.find('?'));
  }
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const std::size_t host = scheme + 3;
  const std::size_t end = std::min(text.find_first_of("/?#", host), text.size());
  const std::size_t user = text.substr(0, end).rfind('@');
  const std::size_t from = user == std::string::npos || user < host ? host : user + 1;
  std::string shown = text.substr(0, host) + text.substr(from, end - from);
  if (end < text.size() && text.substr(end) != "/") shown += "/" + std::string(kLeftOut);
  return shown;
}

void Redact(toml::table& table);

void RedactNode(toml::node& node, std::string_view key) {
  if (toml::table* inner = node.as_table()) {
    Redact(*inner);
  } else if (toml::array* list = node.as_array()) {
    for (toml::node& one : *list) RedactNode(one, key);
  } else if (toml::value<std::string>* text = node.as_string()) {
    text->get() = IsHarmlessKey(key) ? AddressOnly(text->get()) : std::string(kLeftOut);
  }
}

void Redact(toml::table& table) {
  for (auto&& [key, node] : table) RedactNode(node, key.str());
}

bool EndsWord(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0 || c == '"' || c == '\''; }

// Four parts between slashes and no leading one, as record keys have and paths have not.
bool IsRecordKey(std::string_view word) {
  if (word.empty() || word.front() == '/' || word.find("//") != std::string_view::npos) return false;
  return std::count(word.begin(), word.end(), '/') >= 3;
}

// The last `bytes_max` bytes from the start of a line on.
std::string_view Tail(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  text.remove_prefix(text.size() - bytes_max);
  const std::size_t line = text.find('\n');
  return line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
}

template <class Each>
void ForEachLine(std::string_view text, const Each& each) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    each(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Json RedactFields(const Json& object) {
  Json kept = Json::object();
  for (const auto& [name, value] : object.items()) {
    if (IsHarmfulField(name)) continue;
    if (value.is_object()) kept[name] = RedactFields(value);
    else if (value.is_string()) kept[name] = WithoutRecordKeys(value.get<std::string>());
    else if (!value.is_array()) kept[name] = value;
  }
  return kept;
}

}  // namespace

std::string RedactConfiguration(std::string_view toml) {
  try {
    toml::table table = toml::parse(toml);
    Redact(table);
    std::ostringstream text;
    text << "# Comments, and texts that might be secrets, were left out.\n" << table << "\n";
    return text.str();
  } catch (const toml::parse_error& error) {
    return "# Left out: it is no TOML (line " + std::to_string(error.source().begin.line) + ").\n";
  }
}

std::string WithoutRecordKeys(std::string_view text) {
  std::string out, word;
  const auto end_word = [&] {
    out += IsRecordKey(word) ? "(record)" : word;
    word.clear();
  };
  for (const char c : text) {
    if (!EndsWord(c)) {
      word += c;
      continue;
    }
    end_word();
    out += c;
  }
  end_word();
  return out;
}

std::string RedactJsonLog(std::string_view log, std::size_t bytes_max) {
  std::string out;
  std::size_t dropped = 0;
  ForEachLine(Tail(log, bytes_max), [&](std::string_view line) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) {
      if (!line.empty()) ++dropped;
      return;
    }
    out += RedactFields(json).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  });
  if (dropped != 0) out += "{\"left_out_lines\":" + std::to_string(dropped) + "}\n";
  return out;
}

std::string RedactBrokerLog(std::string_view log, std::size_t bytes_max) {
  std::string out;
  std::size_t dropped = 0;
  ForEachLine(Tail(log, bytes_max), [&](std::string_view line) {
    // Mosquitto's words for messages; none holds a payload, yet none is needed either.
    for (const char* word : {"PUBLISH", "payload", "Will message"}) {
      if (line.find(word) == std::string_view::npos) continue;
      ++dropped;
      return;
    }
    out.append(WithoutRecordKeys(line)).append("\n");
  });
  if (dropped != 0) out += "(" + std::to_string(dropped) + " lines left out)\n";
  return out;
}

}  // namespace edcsync::doctor
