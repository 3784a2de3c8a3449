// How a command reaches the agent of a folder: through its local API if it runs, else by opening
// its database read-only.
#pragma once

#include <memory>
#include <optional>

#include "edge-agent/app/config.h"
#include "edge-agent/store/edge_store.h"
#include "shared/http/http_client.h"
#include "shared/keys/key_sources.h"

namespace edcsync::edge {

class LocalAgent {
 public:
  static constexpr int kAnswerSecondsMax = 120;

  // Waits for each answer so long. Fails with kUnavailable if neither an agent runs nor a database
  // is there.
  static Result<LocalAgent> Reach(const Config& config, int answer_s_max = kAnswerSecondsMax);

  bool running() const { return client_ != nullptr; }
  HttpClient& client() { return *client_; }  // REQUIRES: running().
  EdgeStore& store() { return *store_; }     // REQUIRES: !running().

  // GET or POST to the running agent; a problem+json answer becomes an Error.
  Result<HttpResponse> Get(const std::string& path);
  Result<HttpResponse> Post(const std::string& path, const std::string& body,
                            const std::string& content_type);

 private:
  struct World;
  std::shared_ptr<World> world_;  // Clock and random of the store.
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<EdgeStore> store_;
};

// Where `config` has the key-encryption key; reads the configuration again when need be.
std::shared_ptr<KeySources> KeySourcesOf(const Config& config);
EdgeStoreOptions StoreOptionsOf(const Config& config, std::shared_ptr<KeySources> keys);

// A problem+json answer as an Error.
Result<HttpResponse> OrProblem(Result<HttpResponse> response);

// An HTTP client for the running agent; kUnavailable if none runs.
Result<std::unique_ptr<HttpClient>> ConnectToAgent(
    const Config& config, int answer_s_max = LocalAgent::kAnswerSecondsMax);

}  // namespace edcsync::edge
