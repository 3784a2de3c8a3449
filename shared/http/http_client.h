// A small HTTP client: for the programs' own commands, and for the services that they ask.
// Follows no redirect. Threads: one at a time per object; Cancel() any.
#pragma once

#include <cstddef>
#include <memory>

#include "shared/base/limits.h"
#include "shared/http/http_message.h"

namespace edcsync {

struct HttpClientOptions {
  std::string base_url;        // "http://127.0.0.1:8470" or "https://..."
  std::string ca_file = {};    // For https.
  std::string bearer_token = {};
  int timeout_s = 60;          // For connecting, and for each wait.
  // If above 0, an answer must be whole after so long: the other side may be slow on purpose. The
  // name's resolution counts.
  int deadline_s = 0;
  std::size_t response_bytes_max = limits::kHttpResponseBytesMax;
  // Our own certificate, for servers that ask for one; both or none.
  std::string certificate_file = {};
  std::string key_file = {};
  // True: any server's certificate is taken. Only to fetch what is checked in another way.
  bool trust_any_server = false;
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  using Headers = std::multimap<std::string, std::string>;
  // The response, whatever its status. Fails with kUnavailable if nobody listens, kTimeout,
  // kTooLarge, kCertificate.
  Result<HttpResponse> Get(const std::string& path);
  Result<HttpResponse> Post(const std::string& path, const std::string& body,
                            const std::string& content_type, const Headers& headers = {});
  // Ends the request at hand and every later one at once, with kStopped. REQUIRES: a deadline_s.
  void Cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace edcsync
