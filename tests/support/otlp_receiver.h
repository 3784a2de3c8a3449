// A collector of spans of the tests' own: takes OTLP/HTTP with JSON and keeps what it was sent. It
// reads strictly by opentelemetry-proto's JSON mapping; what does not fit is counted and answered
// 400.
//
// Threads: any.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "shared/http/http_server.h"
#include "tests/support/submissions.h"

namespace edcsync::testing {

struct SeenSpan {
  std::string service, instance;          // Of the resource.
  std::string name, trace, span, parent;  // Ids in hexadecimal; no parent: "".
  int kind = 0;
  std::int64_t start_ns = 0, end_ns = 0;
  SortedJson attributes;                  // {"key": "text" or number}
  std::vector<std::pair<std::string, std::string>> links;  // Trace, span.
  std::string error;

  bool LinksTo(const SeenSpan& other) const;
};

class OtlpReceiver {
 public:
  OtlpReceiver();  // Serves on a free port of 127.0.0.1.
  std::string endpoint() const;

  std::vector<SeenSpan> spans() const;
  std::size_t malformed() const { return malformed_; }
  std::size_t requests() const { return requests_; }
  std::string raw() const;  // Every body, one after another.

  std::atomic<int> answer = 200;  // Anything else: nothing is kept.

 private:
  HttpResponse Take(const HttpRequest& request);

  mutable std::mutex mutex_;
  std::vector<SeenSpan> spans_;
  std::string raw_;
  std::atomic<std::size_t> malformed_ = 0, requests_ = 0;
  HttpServer server_;
};

}  // namespace edcsync::testing
