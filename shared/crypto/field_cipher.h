// Encryption at rest: AES-256-GCM under data keys, data keys wrapped (AES-256-GCM) by the
// key-encryption key of this installation (key_ring.h). A sealed field is
//   u8 format = 1 | u32 LE data key id | 12 byte random nonce | ciphertext | 16 byte tag
// and authenticates the additional data given (revision id and record key), so that rows cannot
// be swapped. A new data key is made well before 2^32 uses of one (NIST SP 800-38D, 8.3): uses
// are reserved in the table in blocks before they are used, and a key is left at 2^31.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/random.h"
#include "shared/base/status.h"
#include "shared/base/time.h"
#include "shared/crypto/key_ring.h"

namespace edcsync {

// 32 bytes from a file of 64 hexadecimal digits, mode 0600.
class KeyEncryptionKey {
 public:
  static Result<KeyEncryptionKey> Create(const std::string& path, Random& random);
  // Fails with kKeyMissing, kPermissions (others may read it) or kMalformed.
  static Result<KeyEncryptionKey> Load(const std::string& path);
  explicit KeyEncryptionKey(std::array<std::uint8_t, 32> key) : key_(key) {}
  const std::array<std::uint8_t, 32>& bytes() const { return key_; }
  KeyId Id() const;

 private:
  std::array<std::uint8_t, 32> key_;
};

struct WrappedDataKey {
  std::uint32_t id = 0;      // From 1.
  Bytes wrapped;             // 12 byte nonce | 32 byte ciphertext | 16 byte tag; AAD: id LE.
  std::uint64_t uses_reserved = 0;
  WallTime created_at;
  std::optional<KeyId> wrapped_by;   // Empty: by the key file, in the first release.
  WallTime wrapped_at;
};

// Where wrapped data keys live: a table of the store. Load is called from any thread and knows what
// is committed; the others only within the thread that calls FieldCipher::Reserve, inside its
// transaction, of which LoadForWriting sees all.
class DataKeyTable {
 public:
  virtual ~DataKeyTable() = default;
  virtual Result<std::vector<WrappedDataKey>> Load() = 0;
  virtual Result<std::vector<WrappedDataKey>> LoadForWriting() { return Load(); }
  virtual Status Insert(const WrappedDataKey& key) = 0;
  // Replaces `wrapped`, `wrapped_by` and `wrapped_at` of the row of key.id.
  virtual Status SetWrapped(const WrappedDataKey& key) = 0;
  virtual Status SetUsesReserved(std::uint32_t id, std::uint64_t uses) = 0;
};

struct FieldCipherOptions {
  std::uint64_t uses_per_key_max = std::uint64_t{1} << 31;  // Tests lower it.
  std::uint64_t uses_per_reservation = 1 << 16;  // Lost, not reused, when the process ends.
};

// `table` and `random` outlive it.
class FieldCipher {
 public:
  // Unwraps every data key. Fails with kKeyWrong if one does not open, and as KeyRing::Find does.
  static Result<std::unique_ptr<FieldCipher>> Open(std::shared_ptr<KeyRing> ring,
                                                   DataKeyTable& table, Random& random,
                                                   const FieldCipherOptions& options = {});
  // With one key, and no other ever.
  static Result<std::unique_ptr<FieldCipher>> Open(const KeyEncryptionKey& kek,
                                                   DataKeyTable& table, Random& random,
                                                   const FieldCipherOptions& options = {});

  // Makes sure that `uses` seals may follow, making a data key if need be. Call inside the
  // write transaction before sealing; cheap when enough is reserved. After a transaction was
  // rolled back call Forget(): reserved uses in memory are then read anew from the table.
  // REQUIRES: `uses` is at most FieldCipherOptions::uses_per_key_max.
  Status Reserve(std::uint64_t uses, WallTime now);
  void Forget();

  // Appends the sealed field to `out`. REQUIRES: reserved. Threads: the writer's only.
  void Seal(BytesView plaintext, BytesView additional, Bytes& out);

  // The plaintext. Fails with kDecryption. A data key this object has not seen (another process
  // made it) is loaded from the table. Threads: any.
  Result<Bytes> Open(BytesView sealed, BytesView additional) const;

  // Wraps every data key by `next` instead, within the write transaction at hand, and opens each
  // again under it. Sealed fields stay as they are. Returns how many. Other processes that have
  // this database open find `next` through their own KeyRing when they next need it.
  Result<std::size_t> Rewrap(WrappingKey& next, WallTime now);

  // What stands in the table, for people.
  struct Keys {
    std::size_t count = 0;
    std::vector<std::optional<KeyId>> wrapped_by;  // Each once; more than one never lasts.
    WallTime oldest_at, newest_at;                 // When data keys were made,
    WallTime wrapped_at;                           // and when the first was wrapped by its key.
  };
  Result<Keys> Describe() const;

  ~FieldCipher();

 private:
  FieldCipher(std::shared_ptr<KeyRing> ring, DataKeyTable& table, Random& random,
              const FieldCipherOptions& options);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace edcsync
