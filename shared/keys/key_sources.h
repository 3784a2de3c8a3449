// The key-encryption keys of an installation, in all the places that its configuration names, and
// their rotation. A data key names the key that wraps it; that one is looked for first where
// [keys] source says and then in the other places named, so that a database opens at every moment of
// a rotation or of a move from one source to another, and after a crash in between.
//
//   files         shared/crypto/file_key_ring.h
//   token         shared/keys/pkcs11_token.h
//   used by       edge-agent/app, central-gateway/app (stores know it as a KeyRing)
//
// Threads: any.
#pragma once

#include <functional>
#include <mutex>

#include "shared/crypto/file_key_ring.h"
#include "shared/keys/pkcs11_token.h"

namespace edcsync {

class KeySources final : public KeyRing {
 public:
  // `reload` reads the settings anew: asked when a key is in none of the places known, for the
  // configuration may have changed since the program started. May be empty.
  explicit KeySources(KeySettings settings, std::function<Result<KeySettings>()> reload = {});

  Result<std::shared_ptr<WrappingKey>> Find(const std::optional<KeyId>& id) override;
  Result<std::shared_ptr<WrappingKey>> Current() override;
  Result<std::shared_ptr<WrappingKey>> First(Random& random) override;

  // Where the key was found; nullopt if Find did not yet.
  std::optional<KeySource> SourceOf(const KeyId& id);

  // A key to rotate to, durable when it comes back: a new one in a file beside or in the token; of
  // credentials the one named credential_next or credential that is not among `present`.
  Result<std::shared_ptr<WrappingKey>> MakeNext(KeySource to,
                                                const std::vector<std::optional<KeyId>>& present,
                                                Random& random);
  // After the re-wrapping was committed: gives a new key file its name.
  Status Settle(KeySource to, const KeyId& id);

  // A person has corrected the token's PIN and asks for one try of it, whatever the token says of
  // the last one. Nothing happens if no token is configured, or if it is in use and answers.
  // Fails with kPin and kToken.
  Status TryPin();

  // Keys that may be retired ones: files PATH.ID, keys of the token with our label if it is in use.
  std::vector<std::pair<KeyId, std::string>> Others(const KeyId& in_use);

  KeySettings settings();

 private:
  Result<std::shared_ptr<WrappingKey>> FindIn(KeySource source, const std::optional<KeyId>& id);
  Result<std::shared_ptr<WrappingKey>> FindAnywhere(const std::optional<KeyId>& id);
  Result<std::shared_ptr<WrappingKey>> LoadCredential(const std::string& name);
  Result<std::shared_ptr<Pkcs11Token>> Token();
  // What a person has written since counts from now on. The token of other settings is let go, and
  // so is what it said of its PIN; keys of it that are known already still open what they wrapped.
  void TakeSettings(KeySettings settings);
  bool IsSet(KeySource source) const;

  std::mutex mutex_;  // Of all below.
  KeySettings settings_;
  const std::function<Result<KeySettings>()> reload_;
  std::unique_ptr<FileKeyRing> files_;
  std::shared_ptr<Pkcs11Token> token_;
  std::optional<Error> pin_refused_;  // Not tried again in this process.
  std::map<KeyId, std::pair<KeySource, std::shared_ptr<WrappingKey>>> known_;
};

}  // namespace edcsync
