#include "shared/keys/key_rotation.h"

#include <nlohmann/json.hpp>

#include "shared/base/log.h"

namespace edcsync {
namespace {

constexpr std::int64_t kMsPerDay = 24 * 3'600'000;

std::string NameOf(const std::optional<KeyId>& id) { return id ? id->ToHex() : "unnamed"; }

}  // namespace

Result<Rotation> RotateKeys(KeySources& sources, const KeyedStore& store,
                            std::optional<KeySource> to, Random& random,
                            const std::function<void(RotationStep)>& at) {
  const auto reached = [&at](RotationStep step) {
    if (at) at(step);
  };
  EDCSYNC_ASSIGN(FieldCipher::Keys present, store.describe());
  Rotation rotation;
  if (present.count == 0) {  // The first is made by the re-wrapping's own transaction.
    EDCSYNC_ASSIGN(const std::shared_ptr<WrappingKey> key, sources.Current());
    if (!to) to = sources.settings().source;
    present.wrapped_by = {key->id()};
  }
  for (const std::optional<KeyId>& id : present.wrapped_by) {
    EDCSYNC_ASSIGN(const std::shared_ptr<WrappingKey> key, sources.Find(id));
    const auto source = sources.SourceOf(key->id());
    if (!to && source) to = source;
    rotation.from.push_back(NameOf(id));
  }
  rotation.to = to.value_or(KeySource::kFile);
  reached(RotationStep::kBegun);

  EDCSYNC_ASSIGN(const std::shared_ptr<WrappingKey> next,
                 sources.MakeNext(rotation.to, present.wrapped_by, random));
  rotation.id = next->id();
  rotation.where = next->Where();
  reached(RotationStep::kNextKeyMade);

  std::string detail = "to=" + rotation.id.ToHex() + " source=" +
                       std::string(ToString(rotation.to)) + " from=";
  for (std::size_t i = 0; i < rotation.from.size(); ++i) {
    detail += (i == 0 ? "" : ",") + rotation.from[i];
  }
  EDCSYNC_ASSIGN(rotation.data_key_count, store.rewrap(*next, detail));
  reached(RotationStep::kRewrapped);

  const Status settled = sources.Settle(rotation.to, rotation.id);
  if (!settled.ok()) rotation.unsettled = settled.error().message;
  reached(RotationStep::kSettled);
  Log(LogLevel::kInfo, "keys.rotated",
      {{"key", rotation.id.ToHex()},
       {"source", std::string(ToString(rotation.to))},
       {"data_keys", rotation.data_key_count}});
  return rotation;
}

void SettleInterrupted(KeySources& sources, const KeyedStore& store) {
  const auto keys = store.describe();
  if (!keys.ok() || keys->wrapped_by.size() != 1 || !keys->wrapped_by.front()) return;
  const KeyId id = *keys->wrapped_by.front();
  if (!sources.Find(id).ok() || sources.SourceOf(id) != KeySource::kFile) return;
  const Status settled = sources.Settle(KeySource::kFile, id);
  if (settled.ok()) return;
  Log(LogLevel::kWarn, "keys.not_settled",
      {{"key", id.ToHex()}, {"why", settled.error().message}});
}

Result<Json> KeyStatusJson(KeySources& sources, const KeyedStore& store, WallTime now) {
  EDCSYNC_ASSIGN(const FieldCipher::Keys keys, store.describe());
  Json json;
  std::shared_ptr<WrappingKey> key;
  if (keys.wrapped_by.empty()) {
    EDCSYNC_ASSIGN(key, sources.Current());
  } else {
    EDCSYNC_ASSIGN(key, sources.Find(keys.wrapped_by.back()));
  }
  const KeySettings settings = sources.settings();
  const auto source = sources.SourceOf(key->id());
  json["source"] = std::string(ToString(source.value_or(settings.source)));
  json["chosenSource"] = std::string(ToString(settings.source));
  json["keyId"] = key->id().ToHex();
  json["where"] = key->Where();
  json["dataKeys"] = keys.count;
  if (keys.count != 0) {
    json["wrappedSince"] = FormatUtc(keys.wrapped_at);
    json["ageDays"] = (now.ms - keys.wrapped_at.ms) / kMsPerDay;
    json["oldestDataKeyAt"] = FormatUtc(keys.oldest_at);
    json["newestDataKeyAt"] = FormatUtc(keys.newest_at);
  }
  json["otherKeys"] = Json::array();
  for (const auto& [id, where] : sources.Others(key->id())) {
    json["otherKeys"].push_back({{"keyId", id.ToHex()}, {"where", where}});
  }
  return json;
}

Json ToJson(const Rotation& rotation, const KeySettings& settings) {
  Json json;
  json["from"] = rotation.from;
  json["keyId"] = rotation.id.ToHex();
  json["source"] = std::string(ToString(rotation.to));
  json["chosenSource"] = std::string(ToString(settings.source));
  json["where"] = rotation.to == KeySource::kFile && rotation.unsettled.empty()
                      ? "file " + settings.file
                      : rotation.where;
  json["dataKeys"] = rotation.data_key_count;
  if (!rotation.unsettled.empty()) json["unsettled"] = rotation.unsettled;
  return json;
}

std::string KeyStatusText(const Json& status) {
  std::string text = "key             " + Text(status["keyId"]) + ", " + Text(status["where"]) +
                     "\ndata keys       " + Text(status["dataKeys"]) + "\n";
  if (status.contains("wrappedSince")) {
    text += "wrapped since   " + Text(status["wrappedSince"]) + " (" + Text(status["ageDays"]) +
            " days)\n";
  }
  if (status["source"] != status["chosenSource"]) {
    text += "ATTENTION       [keys] source is \"" + Text(status["chosenSource"]) +
            "\", but the key in use is of \"" + Text(status["source"]) +
            "\": run `key rotate --to " + Text(status["chosenSource"]) + "`, or correct source\n";
  }
  for (const Json& other : status["otherKeys"]) {
    text += "not in use      " + Text(other["keyId"]) + ", " + Text(other["where"]) +
            ": only backups of before a rotation may need it\n";
  }
  return text;
}

std::string GeneratedText(const std::string& file, const KeyId& id) {
  return "Key " + id.ToHex() + " was written to " + file +
         ".\n\nNext:\n  systemd-creds encrypt --name=NAME " + file +
         " /etc/credstore.encrypted/NAME\n  LoadCredentialEncrypted=NAME in the service's unit, "
         "credential = \"NAME\" under [keys]\n  key rotate --to credential\n\nKeep a copy of the "
         "file where keys are kept, apart from backups, and remove it here.\n";
}

std::string RotationText(const Json& rotation) {
  std::string from;
  for (const Json& id : rotation["from"]) from += (from.empty() ? "" : ", ") + Text(id);
  std::string text = Text(rotation["dataKeys"]) + " data keys are wrapped by key " +
                     Text(rotation["keyId"]) + " now (" + Text(rotation["where"]) +
                     "), before by " + from + ".\n";
  if (rotation["source"] != rotation["chosenSource"]) {
    text += "Set source = \"" + Text(rotation["source"]) +
            "\" under [keys] in the configuration now.\n";
  }
  if (rotation.contains("unsettled")) {
    text += "The new key's file keeps its own name, which is no harm: " +
            Text(rotation["unsettled"]) + "\n";
  }
  text +=
      "Nothing here needs the former key any more. Every backup made before needs it: destroy it "
      "only when\nthose backups are destroyed too, and make a backup with the new key first. `key "
      "status` names what\nis not in use. Keep the new key apart from the backups.\n";
  return text;
}

}  // namespace edcsync
