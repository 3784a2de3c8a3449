// An HTTP request and response without the library that carries them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/status.h"

namespace edcsync {

struct HttpRequest {
  std::string method;
  std::string path;                         // As sent (percent-encoded), without the query.
  std::vector<std::string> captures;        // The route pattern's groups; still percent-encoded.
  std::multimap<std::string, std::string> query;    // Decoded.
  std::multimap<std::string, std::string> headers;  // Names in lower case.
  std::string body;
  std::string peer;                         // The client's IP address.
  // PEM of the certificate whose key the client holds, where the server asks for one; empty if none.
  // Whether it is to be trusted, the handler must judge.
  std::string client_certificate_pem;

  // The first value, or "".
  std::string Query(const std::string& name) const;
  std::string Header(const std::string& lower_case_name) const;
};

class EventStreams;

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::multimap<std::string, std::string> headers;
  std::string body;
  // Set: after head and body the connection is handed over to these, which outlive the server, for as
  // long as `may_go_on` holds (event_streams.h). The content type is text/event-stream.
  EventStreams* events = nullptr;
  std::function<bool()> may_go_on = {};
};

// RFC 9457: {"type","title","status","detail","code"} as application/problem+json. `type` is
// "urn:edcsync:error:NAME", `title` the advice of errors.def, `detail` the error's message.
HttpResponse Problem(const Error& error);

// Percent-decodes (RFC 3986); nullopt if malformed.
std::optional<std::string> PercentDecode(std::string_view text);

}  // namespace edcsync
