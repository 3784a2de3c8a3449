#include "edge-agent/app/local_agent.h"

#include <nlohmann/json.hpp>

#include "shared/base/file.h"

namespace edcsync::edge {
namespace {

std::string Trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \r\n") + 1);
  return text;
}

}  // namespace

std::shared_ptr<KeySources> KeySourcesOf(const Config& config) {
  const std::string file = config.file;
  return std::make_shared<KeySources>(config.keys, [file]() -> Result<KeySettings> {
    EDCSYNC_ASSIGN(const Config now, LoadConfig(file));
    return now.keys;
  });
}

EdgeStoreOptions StoreOptionsOf(const Config& config, std::shared_ptr<KeySources> keys) {
  EdgeStoreOptions options;
  options.path = config.DatabaseFile();
  options.key_file = config.keys.file;
  options.keys = std::move(keys);
  options.edge = config.edge;
  options.site = config.site;
  return options;
}

Result<HttpResponse> OrProblem(Result<HttpResponse> response) {
  if (!response.ok() || response->status < 400) return response;
  const auto json = nlohmann::json::parse(response->body, nullptr, false);
  if (!json.is_object() || !json.contains("code") || !json["code"].is_number_integer()) {
    return response;  // Outcomes of submissions, for instance.
  }
  const ErrorInfo* info = FindError(json["code"].get<std::uint16_t>());
  return Fail(info == nullptr ? ErrorCode::kInternal : info->code,
              json.value("detail", "The agent refused the request"));
}

struct LocalAgent::World {
  SystemClock clock;
  SystemRandom random;
};

Result<std::unique_ptr<HttpClient>> ConnectToAgent(const Config& config, int answer_s_max) {
  const Error none{ErrorCode::kUnavailable, "No agent runs in " + config.data_dir};
  const Result<std::string> port = ReadFile(config.PortFile(), 64);
  const Result<std::string> token = ReadSecretFile(config.TokenFile(), 4096);
  if (!port.ok()) return tl::unexpected<Error>(none);
  if (!token.ok()) return tl::unexpected<Error>(token.error());
  HttpClientOptions options;
  const bool tls = !config.http_certificate_file.empty();
  options.base_url = std::string(tls ? "https://" : "http://") +
                     (config.http_address == "0.0.0.0" ? "127.0.0.1" : config.http_address) + ":" +
                     Trimmed(*port);
  options.ca_file = tls ? config.http_certificate_file : "";
  options.bearer_token = Trimmed(*token);
  options.timeout_s = answer_s_max;
  auto client = std::make_unique<HttpClient>(options);
  if (!client->Get("/v1/health").ok()) return tl::unexpected<Error>(none);
  return client;
}

Result<LocalAgent> LocalAgent::Reach(const Config& config, int answer_s_max) {
  LocalAgent agent;
  auto client = ConnectToAgent(config, answer_s_max);
  if (client.ok()) {
    agent.client_ = std::move(*client);
    return agent;
  }
  if (client.error().code != ErrorCode::kUnavailable) {
    return tl::unexpected<Error>(client.error());
  }
  agent.world_ = std::make_shared<World>();
  EdgeStoreOptions options = StoreOptionsOf(config, KeySourcesOf(config));
  options.read_only = true;
  auto store = EdgeStore::Open(options, agent.world_->clock, agent.world_->random);
  if (!store.ok() && store.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kUnavailable,
                "No agent runs and there is no database in " + config.data_dir);
  }
  if (!store.ok()) return tl::unexpected<Error>(store.error());
  agent.store_ = std::move(*store);
  return agent;
}

Result<HttpResponse> LocalAgent::Get(const std::string& path) {
  return OrProblem(client_->Get(path));
}

Result<HttpResponse> LocalAgent::Post(const std::string& path, const std::string& body,
                                      const std::string& content_type) {
  return OrProblem(client_->Post(path, body, content_type));
}

}  // namespace edcsync::edge
