// key status|rotate|generate: the key-encryption key of the central store.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "central-gateway/app/commands.h"
#include "shared/keys/key_rotation.h"

namespace edcsync::central {
namespace {

void PrintKeys(CommandContext& context, const Json& told, std::string (*text)(const Json&)) {
  std::printf("%s", context.json ? (told.dump(2) + "\n").c_str() : text(told).c_str());
}

int ShowKeys(CommandContext& context) {
  return WithStore(context, [&](CentralStore& store) -> Status {
    if (context.try_pin) EDCSYNC_TRY(context.keys->TryPin());
    EDCSYNC_ASSIGN(const Json told, KeyStatusJson(*context.keys, KeyedStoreOf(store, "", ""),
                                                  context.clock.Wall()));
    PrintKeys(context, told, KeyStatusText);
    return Ok();
  });
}

int RotateKey(CommandContext& context, const std::string& source) {
  return WithStore(context, [&](CentralStore& store) -> Status {
    std::optional<KeySource> to;
    if (!source.empty()) {
      EDCSYNC_ASSIGN(to, ParseKeySource(source));
    }
    EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
    EDCSYNC_ASSIGN(const FileLock lock,
                   TakeRotationLock(config.installation, FileLock::Mode::kExclusive));
    EDCSYNC_ASSIGN(const Rotation rotation,
                   RotateKeys(*context.keys, KeyedStoreOf(store, context.user, context.reason), to,
                              context.random));
    PrintKeys(context, ToJson(rotation, context.keys->settings()), RotationText);
    return Ok();
  });
}

int GenerateKey(const std::string& file) {
  SystemRandom random;
  const auto key = KeyEncryptionKey::Create(file, random);
  if (!key.ok()) return Report(key.error());
  std::printf("%s", GeneratedText(file, key->Id()).c_str());
  return kExitOk;
}

}  // namespace

Result<FileLock> TakeRotationLock(const Installation& installation, FileLock::Mode mode) {
  auto lock = FileLock::Take(installation.DatabaseFile() + ".rotation.lock", mode);
  if (lock.ok() || lock.error().code != ErrorCode::kAlreadyRunning) return lock;
  return Fail(ErrorCode::kAlreadyRunning,
              "The key is being rotated or backed up; do this when that has ended");
}

KeyedStore KeyedStoreOf(CentralStore& store, const std::string& actor, const std::string& reason) {
  KeyedStore keyed;
  keyed.describe = [&store] { return store.DescribeKeys(); };
  keyed.rewrap = [&store, actor, reason](WrappingKey& next, const std::string& detail) {
    return store.RewrapKeys(next, actor, detail + (reason.empty() ? "" : " reason=" + reason));
  };
  return keyed;
}

void AddKeyCommands(CLI::App& app, CommandContext& context) {
  auto text = std::make_shared<std::string>();
  CLI::App* key = app.add_subcommand("key", "The key that wraps the central store's data keys");
  key->require_subcommand(1)->fallthrough();
  CLI::App* status = key->add_subcommand("status", "Its source, id and age; no secret");
  status->fallthrough();
  status->add_flag("--try-pin", context.try_pin,
                   "Give the token its PIN although the last one was wrong");
  status->callback([&context] { context.code = ShowKeys(context); });
  CLI::App* rotate = key->add_subcommand(
      "rotate", "Wrap every data key by a new key, in one step, while gateways run");
  rotate->fallthrough();
  rotate->add_option("--to", *text, "Where the new key is: file, credential or pkcs11");
  rotate->callback([&context, text] { context.code = RotateKey(context, *text); });
  CLI::App* generate = key->add_subcommand(
      "generate", "Write a new key to a file (0600), to be made a systemd credential");
  generate->fallthrough();
  generate->add_option("FILE", *text, "Must not exist")->required();
  generate->callback([&context, text] { context.code = GenerateKey(*text); });
}

}  // namespace edcsync::central
