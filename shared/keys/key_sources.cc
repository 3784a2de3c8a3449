#include "shared/keys/key_sources.h"

#include <string.h>  // explicit_bzero

#include <algorithm>

#include "shared/base/file.h"
#include "shared/base/log.h"

namespace edcsync {
namespace {

constexpr std::size_t kPinBytesMax = 256;
constexpr KeySource kEverySource[] = {KeySource::kFile, KeySource::kCredential,
                                      KeySource::kPkcs11};

Result<std::string> LoadPin(const KeySettings& settings) {
  std::string path = settings.pkcs11.pin_file;
  if (path.empty()) {
    EDCSYNC_ASSIGN(path, settings.CredentialPath(settings.pkcs11.pin_credential));
  }
  Result<std::string> pin = ReadSecretFile(path, kPinBytesMax);
  if (!pin.ok()) {
    const bool mode = pin.error().code == ErrorCode::kPermissions;
    return Fail(mode ? ErrorCode::kPermissions : ErrorCode::kPin,
                "the token's PIN: " + pin.error().message);
  }
  while (!pin->empty() && (pin->back() == '\n' || pin->back() == '\r')) pin->pop_back();
  if (pin->empty()) return Fail(ErrorCode::kPin, path + " holds no PIN");
  return pin;
}

bool Contains(const std::vector<std::optional<KeyId>>& ids, const KeyId& id) {
  return std::find(ids.begin(), ids.end(), std::optional(id)) != ids.end();
}

}  // namespace

KeySources::KeySources(KeySettings settings, std::function<Result<KeySettings>()> reload)
    : settings_(std::move(settings)),
      reload_(std::move(reload)),
      files_(std::make_unique<FileKeyRing>(settings_.file)) {}

KeySettings KeySources::settings() {
  const std::lock_guard lock(mutex_);
  return settings_;
}

bool KeySources::IsSet(KeySource source) const {
  switch (source) {
    case KeySource::kFile: return true;
    case KeySource::kCredential:
      return !settings_.credential.empty() || !settings_.credential_next.empty();
    case KeySource::kPkcs11: return !settings_.pkcs11.module.empty();
  }
  return false;
}

Result<std::shared_ptr<WrappingKey>> KeySources::LoadCredential(const std::string& name) {
  EDCSYNC_ASSIGN(const std::string path, settings_.CredentialPath(name));
  auto key = KeyEncryptionKey::Load(path);
  if (!key.ok() && key.error().code == ErrorCode::kKeyMissing) {
    return Fail(ErrorCode::kKeyMissing, "there is no credential " + path +
                                            ": the unit needs LoadCredentialEncrypted=" + name);
  }
  EDCSYNC_TRY(key);
  return NewLocalWrappingKey(*key, "credential " + name);
}

Result<std::shared_ptr<Pkcs11Token>> KeySources::Token() {
  if (token_ != nullptr) return token_;
  if (pin_refused_) return tl::unexpected<Error>(*pin_refused_);
  EDCSYNC_ASSIGN(std::string pin, LoadPin(settings_));
  auto token = Pkcs11Token::Open(settings_.pkcs11, pin);
  explicit_bzero(pin.data(), pin.size());
  if (!token.ok() && token.error().code == ErrorCode::kPin) pin_refused_ = token.error();
  EDCSYNC_TRY(token);
  token_ = *token;
  return token_;
}

Result<std::shared_ptr<WrappingKey>> KeySources::FindIn(KeySource source,
                                                        const std::optional<KeyId>& id) {
  if (source == KeySource::kFile) return files_->Find(id);
  if (source == KeySource::kPkcs11) {
    // No data key of a token lacks its key's id.
    if (!id) return Fail(ErrorCode::kKeyWrong, "the data keys are wrapped by a key file's key");
    EDCSYNC_ASSIGN(const std::shared_ptr<Pkcs11Token> token, Token());
    return token->Find(*id);
  }
  std::optional<Error> first;
  for (const std::string& name : {settings_.credential, settings_.credential_next}) {
    if (name.empty()) continue;
    auto key = LoadCredential(name);
    if (key.ok() && id && (*key)->id() != *id) {
      key = Fail(ErrorCode::kKeyWrong, "the data keys are wrapped by key " + id->ToHex() +
                                           ", but credential " + name + " holds key " +
                                           (*key)->id().ToHex() + ": load the right one");
    }
    if (key.ok()) return key;
    if (!first) first = key.error();
  }
  if (first) return tl::unexpected<Error>(*first);
  return Fail(ErrorCode::kKeyMissing, "[keys] names no credential");
}

Result<std::shared_ptr<WrappingKey>> KeySources::FindAnywhere(const std::optional<KeyId>& id) {
  // What names no key was wrapped by a key file; a credential may hold that one by now, or another.
  const KeySource chosen = id ? settings_.source : KeySource::kFile;
  auto key = FindIn(chosen, id);
  KeySource source = chosen;
  std::string also;
  for (const KeySource other : kEverySource) {
    if (key.ok()) break;
    if (other == chosen || !IsSet(other)) continue;
    auto found = FindIn(other, id);
    if (!found.ok()) {
      const bool looked = found.error().code == ErrorCode::kKeyWrong ||
                          found.error().code == ErrorCode::kKeyMissing;
      also += looked ? "; nor is it in source \"" + std::string(ToString(other)) + "\""
                     : "; source \"" + std::string(ToString(other)) +
                           "\" cannot be looked into: " + found.error().message;
      continue;
    }
    key = std::move(found);
    source = other;
    Log(LogLevel::kWarn, "keys.other_source",
        {{"chosen", std::string(ToString(chosen))},
         {"found", (*key)->Where()},
         {"key", (*key)->id().ToHex()}});
  }
  if (!key.ok()) return Fail(key.error().code, key.error().message + also);
  known_.insert_or_assign((*key)->id(), std::pair(source, *key));
  return key;
}

Result<std::shared_ptr<WrappingKey>> KeySources::Find(const std::optional<KeyId>& id) {
  const std::lock_guard lock(mutex_);
  if (id) {
    const auto known = known_.find(*id);
    if (known != known_.end()) return known->second.second;
  }
  auto key = FindAnywhere(id);
  if (key.ok() || !reload_) return key;
  auto settings = reload_();
  if (!settings.ok()) return key;
  settings->pkcs11.try_pin_again = settings_.pkcs11.try_pin_again;
  if (settings->file != settings_.file) files_ = std::make_unique<FileKeyRing>(settings->file);
  settings_ = std::move(*settings);
  return FindAnywhere(id);
}

Result<std::shared_ptr<WrappingKey>> KeySources::Current() {
  const std::lock_guard lock(mutex_);
  if (settings_.source == KeySource::kFile) return files_->Current();
  if (settings_.source == KeySource::kCredential) return LoadCredential(settings_.credential);
  EDCSYNC_ASSIGN(const std::shared_ptr<Pkcs11Token> token, Token());
  EDCSYNC_ASSIGN(const std::vector<KeyId> ids, token->Keys());
  if (ids.size() == 1) return token->Find(ids.front());
  if (ids.empty()) {
    return Fail(ErrorCode::kKeyMissing, token->Where() + " holds no key of this installation");
  }
  return Fail(ErrorCode::kConfiguration,
              token->Where() + " holds " + std::to_string(ids.size()) +
                  " keys, and no data key says which: choose another [keys] pkcs11_label");
}

Result<std::shared_ptr<WrappingKey>> KeySources::First(Random& random) {
  if (settings().source == KeySource::kFile) {
    const std::lock_guard lock(mutex_);
    return files_->First(random);
  }
  auto key = Current();
  if (key.ok() || settings().source != KeySource::kPkcs11 ||
      key.error().code != ErrorCode::kKeyMissing) {
    return key;
  }
  const std::lock_guard lock(mutex_);
  EDCSYNC_ASSIGN(const std::shared_ptr<Pkcs11Token> token, Token());
  return token->Generate(random);
}

std::optional<KeySource> KeySources::SourceOf(const KeyId& id) {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(id);
  if (known == known_.end()) return std::nullopt;
  return known->second.first;
}

Result<std::shared_ptr<WrappingKey>> KeySources::MakeNext(
    KeySource to, const std::vector<std::optional<KeyId>>& present, Random& random) {
  const std::lock_guard lock(mutex_);
  if (reload_) {  // What a person has just written counts.
    EDCSYNC_ASSIGN(KeySettings settings, reload_());
    settings.pkcs11.try_pin_again = settings_.pkcs11.try_pin_again;
    if (settings.file != settings_.file) files_ = std::make_unique<FileKeyRing>(settings.file);
    settings_ = std::move(settings);
  }
  if (!IsSet(to)) {
    return Fail(ErrorCode::kConfiguration, "[keys] says nothing about source \"" +
                                               std::string(ToString(to)) +
                                               "\": add its keys to the configuration first");
  }
  if (to == KeySource::kFile) return files_->MakeNext(random);
  if (to == KeySource::kPkcs11) {
    EDCSYNC_ASSIGN(const std::shared_ptr<Pkcs11Token> token, Token());
    return token->Generate(random);
  }
  std::string in_use;
  for (const std::string& name : {settings_.credential_next, settings_.credential}) {
    if (name.empty()) continue;
    EDCSYNC_ASSIGN(std::shared_ptr<WrappingKey> key, LoadCredential(name));
    if (!Contains(present, key->id())) return key;
    in_use += (in_use.empty() ? "" : ", ") + name;
  }
  return Fail(ErrorCode::kAlreadyExists,
              "credential " + in_use + " holds the key in use: make another key with "
              "`key generate FILE`, encrypt it with systemd-creds, load it as a second "
              "credential and name it in [keys] credential_next");
}

Status KeySources::Settle(KeySource to, const KeyId& id) {
  const std::lock_guard lock(mutex_);
  known_.clear();  // A retired key goes from memory, too.
  return to == KeySource::kFile ? files_->Settle(id) : Ok();
}

std::vector<std::pair<KeyId, std::string>> KeySources::Others(const KeyId& in_use) {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<KeyId, std::string>> others;
  for (const KeyId& id : files_->Beside()) {
    if (id != in_use) others.emplace_back(id, "file " + files_->PathOf(id));
  }
  const auto present = files_->Current();
  if (present.ok() && (*present)->id() != in_use) {
    others.emplace_back((*present)->id(), (*present)->Where());
  }
  if (token_ == nullptr) return others;
  const auto keys = token_->Keys();
  if (!keys.ok()) return others;
  for (const KeyId& id : *keys) {
    if (id != in_use) others.emplace_back(id, token_->Where());
  }
  return others;
}

}  // namespace edcsync
