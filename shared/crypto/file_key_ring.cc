#include "shared/crypto/file_key_ring.h"

#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "shared/base/check.h"
#include "shared/base/file.h"
#include "shared/crypto/aead.h"
#include "shared/crypto/digest.h"

namespace edcsync {
namespace {

constexpr std::string_view kIdLabel = "edcsync key-encryption key id 1";

class LocalWrappingKey final : public WrappingKey {
 public:
  LocalWrappingKey(const KeyEncryptionKey& key, std::string where)
      : key_(key), id_(key.Id()), where_(std::move(where)) {}

  const KeyId& id() const override { return id_; }
  std::string Where() const override { return where_; }

  Result<Bytes> Wrap(BytesView data_key, BytesView additional, Random& random) override {
    aead::Nonce nonce;
    random.Fill(nonce);
    Bytes wrapped(nonce.begin(), nonce.end());
    aead::Seal(key_.bytes(), nonce, data_key, additional, wrapped);
    return wrapped;
  }
  Result<Bytes> Unwrap(BytesView wrapped, BytesView additional) override {
    Bytes plain;
    aead::Nonce nonce;
    if (wrapped.size() >= nonce.size() + aead::kTagBytes) {
      std::copy_n(wrapped.begin(), nonce.size(), nonce.begin());
      if (aead::Open(key_.bytes(), nonce, wrapped.subspan(nonce.size()), additional, plain)) {
        return plain;
      }
    }
    return Fail(ErrorCode::kKeyWrong, "it does not open under the key of " + where_ + " (" +
                                          id_.ToHex() + ")");
  }

 private:
  const KeyEncryptionKey key_;
  const KeyId id_;
  const std::string where_;
};

class FixedKeyRing final : public KeyRing {
 public:
  explicit FixedKeyRing(const KeyEncryptionKey& key)
      : key_(NewLocalWrappingKey(key, "this process")) {}
  Result<std::shared_ptr<WrappingKey>> Find(const std::optional<KeyId>& id) override {
    if (id && *id != key_->id()) {
      return Fail(ErrorCode::kKeyWrong, "the data keys are wrapped by key " + id->ToHex() +
                                            ", not by " + key_->id().ToHex());
    }
    return key_;
  }
  Result<std::shared_ptr<WrappingKey>> Current() override { return key_; }
  Result<std::shared_ptr<WrappingKey>> First(Random&) override { return key_; }

 private:
  const std::shared_ptr<WrappingKey> key_;
};

Result<std::shared_ptr<WrappingKey>> LoadFrom(const std::string& path) {
  EDCSYNC_ASSIGN(const KeyEncryptionKey key, KeyEncryptionKey::Load(path));
  return NewLocalWrappingKey(key, "file " + path);
}

}  // namespace

KeyId KeyEncryptionKey::Id() const {
  const Digest digest = HmacSha256(key_, AsBytes(kIdLabel));
  KeyId id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

std::shared_ptr<WrappingKey> NewLocalWrappingKey(const KeyEncryptionKey& key, std::string where) {
  return std::make_shared<LocalWrappingKey>(key, std::move(where));
}

std::shared_ptr<KeyRing> NewFixedKeyRing(const KeyEncryptionKey& key) {
  return std::make_shared<FixedKeyRing>(key);
}

Result<std::shared_ptr<WrappingKey>> FileKeyRing::Current() { return LoadFrom(path_); }

Result<std::shared_ptr<WrappingKey>> FileKeyRing::First(Random& random) {
  auto present = LoadFrom(path_);
  if (present.ok() || present.error().code != ErrorCode::kKeyMissing) return present;
  EDCSYNC_ASSIGN(const KeyEncryptionKey key, KeyEncryptionKey::Create(path_, random));
  return NewLocalWrappingKey(key, "file " + path_);
}

Result<std::shared_ptr<WrappingKey>> FileKeyRing::Find(const std::optional<KeyId>& id) {
  if (!id) return Current();
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(*id);
    if (found != known_.end()) return found->second;
  }
  auto key = LoadFrom(path_);
  if (!key.ok() || (*key)->id() != *id) {
    auto beside = LoadFrom(PathOf(*id));
    if (beside.ok() && (*beside)->id() == *id) {
      key = std::move(beside);
    } else if (beside.ok()) {
      return Fail(ErrorCode::kKeyWrong, PathOf(*id) + " does not hold the key of its name");
    } else if (beside.error().code != ErrorCode::kKeyMissing) {
      return beside;
    }
  }
  if (!key.ok() && key.error().code == ErrorCode::kKeyMissing) {
    return Fail(ErrorCode::kKeyMissing, "the data keys are wrapped by key " + id->ToHex() +
                                            ", and neither " + path_ + " nor " + PathOf(*id) +
                                            " is there: put that key's file back");
  }
  EDCSYNC_TRY(key);
  if ((*key)->id() != *id) {
    return Fail(ErrorCode::kKeyWrong, "the data keys are wrapped by key " + id->ToHex() + ", but " +
                                          path_ + " holds key " + (*key)->id().ToHex() +
                                          ": put the right key's file there, or name it " +
                                          PathOf(*id));
  }
  const std::lock_guard lock(mutex_);
  known_.insert_or_assign(*id, *key);
  return key;
}

Result<std::shared_ptr<WrappingKey>> FileKeyRing::MakeNext(Random& random) {
  std::array<std::uint8_t, 32> bytes;
  random.Fill(bytes);
  const KeyEncryptionKey made(bytes);
  std::string text = ToHex(bytes) + "\n";
  OPENSSL_cleanse(bytes.data(), bytes.size());
  const std::string path = PathOf(made.Id());
  const Status written = WriteFile(path, text, 0600, /*exclusive=*/true);
  OPENSSL_cleanse(text.data(), text.size());
  EDCSYNC_TRY(written);
  EDCSYNC_ASSIGN(std::shared_ptr<WrappingKey> key, LoadFrom(path));  // What the disk has counts.
  if (key->id() != made.Id()) {
    return Fail(ErrorCode::kIo, path + " does not hold what was written to it");
  }
  return key;
}

void FileKeyRing::Forget() {
  const std::lock_guard lock(mutex_);
  known_.clear();
}

Status FileKeyRing::Settle(const KeyId& id) {
  Forget();
  const auto present = LoadFrom(path_);
  if (present.ok() && (*present)->id() == id) return Ok();
  if (!present.ok() && present.error().code != ErrorCode::kKeyMissing) {
    return tl::unexpected<Error>(present.error());
  }
  const auto failed = [](const std::string& what) {
    return Fail(errno == EACCES || errno == EPERM ? ErrorCode::kPermissions : ErrorCode::kIo,
                what + ": " + std::strerror(errno));
  };
  if (present.ok()) {
    const std::string kept = PathOf((*present)->id());
    if (link(path_.c_str(), kept.c_str()) != 0 && errno != EEXIST) {
      return failed("cannot keep the retired key as " + kept);
    }
    EDCSYNC_TRY(SyncFolderOf(kept));  // Before the name goes that it has now.
  }
  if (rename(PathOf(id).c_str(), path_.c_str()) != 0) {
    const auto now = LoadFrom(path_);  // Another process may have brought it to its end.
    if (now.ok() && (*now)->id() == id) return Ok();
    return failed("cannot name the key " + path_);
  }
  return SyncFolderOf(path_);
}

std::vector<KeyId> FileKeyRing::Beside() const {
  namespace fs = std::filesystem;
  std::vector<KeyId> ids;
  const fs::path path(path_);
  const std::string prefix = path.filename().string() + ".";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(
           path.parent_path().empty() ? fs::path(".") : path.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const std::optional<Bytes> bytes = FromHex(std::string_view(name).substr(prefix.size()));
    KeyId id;
    if (!bytes || bytes->size() != id.bytes.size()) continue;
    std::copy(bytes->begin(), bytes->end(), id.bytes.begin());
    ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace edcsync
