// One person's browser, as far as the desk's API is concerned: a cookie, a CSRF token, and any
// request, also one that no browser would make.
#pragma once

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "shared/base/json.h"
#include "tests/unit/shared/http/raw_connection.h"

namespace edcsync::central {

struct Answer {
  int status = 0;
  std::multimap<std::string, std::string> headers;  // Names in lower case.
  std::string body;

  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
  Json json() const { return Json::parse(body, nullptr, /*allow_exceptions=*/false); }
  // Of a problem: "stale", "claimed", ...
  std::string code() const {
    const Json problem = json();
    return problem.is_object() && problem.contains("code") && problem["code"].is_string()
               ? problem["code"].get<std::string>()
               : "";
  }
};

// "%3Cb%3E"; every byte but letters and digits.
inline std::string PercentEncode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (plain) {
      encoded += c;
    } else {
      encoded.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return encoded;
}

class DeskClient {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit DeskClient(int port) : port_(port) {}

  std::string cookie;  // "edcsync_session=..."; empty: none is sent.
  std::string csrf;    // Empty: none is sent.

  Answer Get(const std::string& path, const Headers& more = {}) const {
    return Send("GET", path, std::nullopt, more);
  }
  Answer Post(const std::string& path, const Json& body) const {
    return Send("POST", path, body.dump());
  }
  Answer Delete(const std::string& path) const { return Send("DELETE", path, std::nullopt); }

  // `more` comes first: the server takes the first of a name.
  Answer Send(const std::string& method, const std::string& path,
              const std::optional<std::string>& body, const Headers& more = {}) const {
    std::string head = method + " " + path + " HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n";
    const auto add = [&](const std::string& name, const std::string& value) {
      head += name + ": " + value + "\r\n";
    };
    const auto given = [&](const std::string& name) {
      return std::any_of(more.begin(), more.end(),
                         [&](const auto& header) { return header.first == name; });
    };
    for (const auto& [name, value] : more) add(name, value);
    if (!cookie.empty()) add("Cookie", cookie);
    if (!csrf.empty() && !given("X-CSRF-Token")) add("X-CSRF-Token", csrf);
    if (body && !given("Content-Type")) add("Content-Type", "application/json");
    if (body) add("Content-Length", std::to_string(body->size()));
    RawConnection connection(port_);
    // What is refused early is answered while it is still being sent.
    static_cast<void>(connection.Send(head + "\r\n"));
    if (body) static_cast<void>(connection.Send(*body));
    return Parse(connection.ReadToEnd());
  }

  // Takes cookie and token of an answer that opened a session.
  void Keep(const Answer& answer) {
    const std::string set = answer.Header("set-cookie");
    cookie = set.substr(0, set.find(';'));
    csrf = answer.json().value("csrfToken", "");
  }

  static Answer Parse(const std::string& text) {
    Answer answer;
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos || text.compare(0, 9, "HTTP/1.1 ") != 0) return answer;
    answer.status = std::atoi(text.c_str() + 9);
    std::size_t at = text.find("\r\n") + 2;
    while (at < end + 2) {
      const std::size_t line_end = text.find("\r\n", at);
      const std::string line = text.substr(at, line_end - at);
      const std::size_t colon = line.find(": ");
      std::string name = line.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      if (colon != std::string::npos) answer.headers.emplace(name, line.substr(colon + 2));
      at = line_end + 2;
    }
    answer.body = text.substr(end + 4);
    return answer;
  }

 private:
  int port_;
};

}  // namespace edcsync::central
