// A small HTTP client for the programs' own commands. Threads: one at a time per object.
#pragma once

#include <memory>

#include "shared/http/http_message.h"

namespace edcsync {

struct HttpClientOptions {
  std::string base_url;        // "http://127.0.0.1:8470" or "https://..."
  std::string ca_file;         // For https.
  std::string bearer_token;
  int timeout_s = 60;
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  // The response, whatever its status. Fails with kUnavailable if nobody listens, kTimeout.
  Result<HttpResponse> Get(const std::string& path);
  Result<HttpResponse> Post(const std::string& path, const std::string& body,
                            const std::string& content_type);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace edcsync
