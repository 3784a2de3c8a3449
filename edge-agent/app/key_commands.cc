#include "edge-agent/app/key_commands.h"

#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "edge-agent/app/asking.h"
#include "edge-agent/site/key_api.h"
#include "shared/base/exit_code.h"

namespace edcsync::edge {
namespace {

struct KeyOptions {
  std::string to, file;
  bool try_pin = false;
};

// The database of a stopped agent, with its keys.
struct StoppedAgent {
  SystemClock clock;
  SystemRandom random;
  std::shared_ptr<KeySources> keys;
  std::unique_ptr<EdgeStore> store;
};

Result<std::unique_ptr<StoppedAgent>> OpenStopped(Config config, bool try_pin, bool read_only) {
  auto agent = std::make_unique<StoppedAgent>();
  config.keys.pkcs11.try_pin_again = try_pin;
  agent->keys = KeySourcesOf(config);
  EdgeStoreOptions options = StoreOptionsOf(config, agent->keys);
  options.read_only = read_only;
  // Nothing is made where nothing is.
  if (!read_only && access(options.path.c_str(), F_OK) != 0) {
    return Fail(ErrorCode::kNotFound, "there is no database " + options.path);
  }
  EDCSYNC_ASSIGN(agent->store, EdgeStore::Open(options, agent->clock, agent->random));
  return agent;
}

std::string KeyActor() {
  const passwd* account = getpwuid(geteuid());
  return account == nullptr ? "uid " + std::to_string(geteuid()) : account->pw_name;
}

Result<Json> AskRunning(HttpClient& client, const std::string& path, const Json* body) {
  EDCSYNC_ASSIGN(const HttpResponse response,
                 OrProblem(body == nullptr ? client.Get(path)
                                           : client.Post(path, body->dump(), "application/json")));
  return Json::parse(response.body);
}

Result<Json> KeyStatus(const std::string& dir, const KeyOptions& options) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(dir));
  const auto client = ConnectToAgent(config);
  if (client.ok()) {
    const Json nothing = Json::object();
    return options.try_pin ? AskRunning(**client, "/v1/keys/try-pin", &nothing)
                           : AskRunning(**client, "/v1/keys", nullptr);
  }
  EDCSYNC_ASSIGN(const std::unique_ptr<StoppedAgent> agent,
                 OpenStopped(config, options.try_pin, true));
  if (options.try_pin) EDCSYNC_TRY(agent->keys->TryPin());
  return KeyStatusJson(*agent->keys, KeyedStoreOf(*agent->store, ""), agent->clock.Wall());
}

Result<Json> RotateKey(const std::string& dir, const KeyOptions& options) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(dir));
  std::optional<KeySource> to;
  if (!options.to.empty()) {
    EDCSYNC_ASSIGN(to, ParseKeySource(options.to));
  }
  const auto client = ConnectToAgent(config);
  if (client.ok()) {
    Json body{{"user", KeyActor()}};
    if (to) body["to"] = options.to;
    return AskRunning(**client, "/v1/keys/rotate", &body);
  }
  EDCSYNC_ASSIGN(const std::unique_ptr<StoppedAgent> agent,
                 OpenStopped(config, options.try_pin, false));
  EDCSYNC_ASSIGN(const Rotation rotation,
                 RotateKeys(*agent->keys, KeyedStoreOf(*agent->store, KeyActor()), to,
                            agent->random));
  return ToJson(rotation, agent->keys->settings());
}

int PrintKeys(const Result<Json>& told, bool json, std::string (*text)(const Json&)) {
  if (!told.ok()) return Report(told.error());
  std::printf("%s", json ? (told->dump(2) + "\n").c_str() : text(*told).c_str());
  return kExitOk;
}

int GenerateKey(const std::string& file) {
  SystemRandom random;
  const auto key = KeyEncryptionKey::Create(file, random);
  if (!key.ok()) return Report(key.error());
  std::printf("%s", GeneratedText(file, key->Id()).c_str());
  return kExitOk;
}

}  // namespace

void AddKeyCommands(CLI::App& app, const std::string& dir, const bool& json, int& code) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* key = app.add_subcommand("key", "The key that wraps this database's data keys");
  key->require_subcommand(1)->fallthrough();
  CLI::App* status = key->add_subcommand("status", "Its source, id and age; no secret");
  status->fallthrough();
  status->add_flag("--try-pin", options->try_pin,
                   "Give the token its PIN although the last one was wrong");
  status->callback([&dir, &json, &code, options] {
    code = PrintKeys(KeyStatus(dir, *options), json, KeyStatusText);
  });
  CLI::App* rotate = key->add_subcommand(
      "rotate", "Wrap every data key by a new key, in one step, while the agent runs");
  rotate->fallthrough();
  rotate->add_option("--to", options->to, "Where the new key is: file, credential or pkcs11");
  rotate->callback([&dir, &json, &code, options] {
    code = PrintKeys(RotateKey(dir, *options), json, RotationText);
  });
  CLI::App* generate = key->add_subcommand(
      "generate", "Write a new key to a file (0600), to be made a systemd credential");
  generate->fallthrough();
  generate->add_option("FILE", options->file, "Must not exist")->required();
  generate->callback([&code, options] { code = GenerateKey(options->file); });
}

}  // namespace edcsync::edge
