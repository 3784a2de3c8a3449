// Key-encryption keys in files: PATH holds the key in use. A rotation writes the new key to PATH.ID
// first (ID is its KeyId in hexadecimal), re-wraps the data keys in one transaction, and only then
// gives it the name PATH; the key that PATH held keeps PATH.ID of its own until a person destroys it.
// So whenever the power goes, each database's key stands under one of its two names, and a restored
// backup of before a rotation opens as long as the retired key lies beside.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "shared/crypto/field_cipher.h"

namespace edcsync {

// A key that this process holds; wiped when it goes. `where` is for people.
std::shared_ptr<WrappingKey> NewLocalWrappingKey(const KeyEncryptionKey& key, std::string where);

// A ring of one key, for tests and tools.
std::shared_ptr<KeyRing> NewFixedKeyRing(const KeyEncryptionKey& key);

class FileKeyRing final : public KeyRing {
 public:
  explicit FileKeyRing(std::string path) : path_(std::move(path)) {}

  Result<std::shared_ptr<WrappingKey>> Find(const std::optional<KeyId>& id) override;
  Result<std::shared_ptr<WrappingKey>> Current() override;
  Result<std::shared_ptr<WrappingKey>> First(Random& random) override;

  // Writes a new key to PATH.ID, owned as PATH's folder is, and reads it back.
  Result<std::shared_ptr<WrappingKey>> MakeNext(Random& random);
  // Gives PATH.ID the name PATH; what PATH held is kept under its own id. Idempotent. Call once no
  // data key is wrapped by another key any more. Does Forget(), too.
  Status Settle(const KeyId& id);
  // Lets go of every key found so far: one that was retired goes from memory with its last user.
  void Forget();
  // The ids of the files PATH.ID, whether retired or of an interrupted rotation.
  std::vector<KeyId> Beside() const;

  const std::string& path() const { return path_; }
  std::string PathOf(const KeyId& id) const { return path_ + "." + id.ToHex(); }

 private:
  const std::string path_;
  std::mutex mutex_;  // Of known_.
  std::map<KeyId, std::shared_ptr<WrappingKey>> known_;
};

}  // namespace edcsync
