#include "shared/http/http_message.h"

#include <nlohmann/json.hpp>

#include "shared/base/bytes.h"
#include "shared/base/json.h"

namespace edcsync {
namespace {

std::string First(const std::multimap<std::string, std::string>& values, const std::string& name) {
  const auto found = values.lower_bound(name);
  return found != values.end() && found->first == name ? found->second : std::string();
}

}  // namespace

std::string HttpRequest::Query(const std::string& name) const { return First(query, name); }

std::string HttpRequest::Header(const std::string& lower_case_name) const {
  return First(headers, lower_case_name);
}

HttpResponse Problem(const Error& error) {
  const ErrorInfo& info = Describe(error.code);
  const Json body = {
      {"type", "urn:edcsync:error:" + std::string(info.name)},
      {"title", std::string(info.advice)},
      {"status", info.http_status},
      {"detail", error.message},
      {"code", static_cast<unsigned>(error.code)},
  };
  HttpResponse response;
  response.status = info.http_status;
  response.content_type = "application/problem+json";
  // A message may quote what came in, and that need not be UTF-8.
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const std::optional<Bytes> byte = FromHex(text.substr(i + 1, 2));
    if (!byte) return std::nullopt;
    decoded += static_cast<char>(byte->front());
    i += 2;
  }
  return decoded;
}

}  // namespace edcsync
