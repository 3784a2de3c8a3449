#include "shared/crypto/field_cipher.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "shared/base/check.h"
#include "shared/crypto/aead.h"
#include "shared/crypto/file_key_ring.h"

namespace edcsync {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kHeaderBytes = 1 + 4 + aead::kNonceBytes;
constexpr std::size_t kWrappedBytes =
    aead::kNonceBytes + sizeof(aead::Key) + aead::kTagBytes;
constexpr std::size_t kNonceStockCount = 64;  // One call to the kernel for so many nonces.

std::array<std::uint8_t, 4> LittleEndian(std::uint32_t number) {
  return {static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8),
          static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 24)};
}

std::uint32_t FromLittleEndian(BytesView bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
         static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

aead::Nonce ToNonce(BytesView bytes) {
  aead::Nonce nonce;
  std::copy_n(bytes.begin(), nonce.size(), nonce.begin());
  return nonce;
}

// A key that is wiped wherever a copy of it ends.
struct DataKey {
  aead::Key bytes{};
  DataKey() = default;
  DataKey(const DataKey&) = default;
  DataKey& operator=(const DataKey&) = default;
  ~DataKey() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

Result<Bytes> Wrap(WrappingKey& kek, std::uint32_t id, const DataKey& key, Random& random) {
  EDCSYNC_ASSIGN(Bytes wrapped, kek.Wrap(key.bytes, LittleEndian(id), random));
  CHECK(wrapped.size() == kWrappedBytes);
  return wrapped;
}

Result<DataKey> UnwrapBy(WrappingKey& kek, const WrappedDataKey& row) {
  const std::string name = "data key " + std::to_string(row.id);
  if (row.wrapped.size() != kWrappedBytes) {
    return Fail(ErrorCode::kKeyWrong, name + " is not of " + std::to_string(kWrappedBytes) +
                                          " bytes");
  }
  Result<Bytes> plain = kek.Unwrap(row.wrapped, LittleEndian(row.id));
  if (!plain.ok()) return Fail(plain.error().code, name + ": " + plain.error().message);
  DataKey key;
  const bool whole = plain->size() == key.bytes.size();
  if (whole) std::copy(plain->begin(), plain->end(), key.bytes.begin());
  OPENSSL_cleanse(plain->data(), plain->size());
  if (!whole) return Fail(ErrorCode::kKeyWrong, name + " is not of 32 bytes");
  return key;
}

}  // namespace

struct FieldCipher::Impl {
  Impl(std::shared_ptr<KeyRing> ring_in, DataKeyTable& table_in, Random& random_in,
       const FieldCipherOptions& options_in)
      : ring(std::move(ring_in)), table(table_in), random(random_in), options(options_in) {}

  Result<DataKey> Unwrap(const WrappedDataKey& row);

  // Finds the key, in the table if need be.
  Result<DataKey> Find(std::uint32_t id);
  // Reads the table anew into `keys`. Returns the row of the highest id, id 0 if there is none.
  Result<WrappedDataKey> Reload();
  // Makes a data key of the next id, wrapped by the key that wraps `highest`.
  Status AddKey(const WrappedDataKey& highest, std::uint64_t uses, WallTime now);
  aead::Nonce NextNonce();

  const std::shared_ptr<KeyRing> ring;
  DataKeyTable& table;
  Random& random;
  const FieldCipherOptions options;

  std::shared_mutex keys_mutex;  // Guards `keys`, and nothing is called while it is held.
  std::map<std::uint32_t, DataKey> keys;

  // The writer's only.
  std::uint32_t active_id = 0;
  DataKey active_key;
  std::uint64_t uses_left = 0;
  std::array<std::uint8_t, kNonceStockCount * aead::kNonceBytes> nonces;
  std::size_t nonces_left = 0;
};

Result<DataKey> FieldCipher::Impl::Unwrap(const WrappedDataKey& row) {
  EDCSYNC_ASSIGN(const std::shared_ptr<WrappingKey> kek, ring->Find(row.wrapped_by));
  return UnwrapBy(*kek, row);
}

Result<WrappedDataKey> FieldCipher::Impl::Reload() {
  EDCSYNC_ASSIGN(const std::vector<WrappedDataKey> rows, table.Load());
  std::map<std::uint32_t, DataKey> read;
  WrappedDataKey highest;
  for (const WrappedDataKey& row : rows) {
    EDCSYNC_ASSIGN(read[row.id], Unwrap(row));
    if (row.id > highest.id) highest = row;
  }
  std::unique_lock lock(keys_mutex);
  keys.swap(read);
  return highest;
}

Result<DataKey> FieldCipher::Impl::Find(std::uint32_t id) {
  {
    std::shared_lock lock(keys_mutex);
    const auto found = keys.find(id);
    if (found != keys.end()) return found->second;
  }
  // Only the key asked for is added: what the writer has just made may not be visible here yet.
  EDCSYNC_ASSIGN(const std::vector<WrappedDataKey> rows, table.Load());
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [id](const WrappedDataKey& each) { return each.id == id; });
  if (row == rows.end()) {
    return Fail(ErrorCode::kDecryption, "there is no data key " + std::to_string(id));
  }
  EDCSYNC_ASSIGN(DataKey key, Unwrap(*row));
  std::unique_lock lock(keys_mutex);
  keys.insert_or_assign(id, key);
  return key;
}

Status FieldCipher::Impl::AddKey(const WrappedDataKey& highest, std::uint64_t uses, WallTime now) {
  const std::uint32_t id = highest.id + 1;
  EDCSYNC_ASSIGN(const std::shared_ptr<WrappingKey> kek,
                 highest.id == 0 ? ring->Current() : ring->Find(highest.wrapped_by));
  DataKey key;
  random.Fill(key.bytes);
  EDCSYNC_ASSIGN(Bytes wrapped, Wrap(*kek, id, key, random));
  EDCSYNC_TRY(table.Insert({id, std::move(wrapped), uses, now, kek->id(), now}));
  active_id = id;
  active_key = key;
  std::unique_lock lock(keys_mutex);
  keys.insert_or_assign(id, key);
  return Ok();
}

aead::Nonce FieldCipher::Impl::NextNonce() {
  if (nonces_left == 0) {
    random.Fill(nonces);
    nonces_left = kNonceStockCount;
  }
  --nonces_left;
  return ToNonce(BytesView(nonces).subspan(nonces_left * aead::kNonceBytes));
}

FieldCipher::FieldCipher(std::shared_ptr<KeyRing> ring, DataKeyTable& table, Random& random,
                         const FieldCipherOptions& options)
    : impl_(std::make_unique<Impl>(std::move(ring), table, random, options)) {}

FieldCipher::~FieldCipher() = default;

Result<std::unique_ptr<FieldCipher>> FieldCipher::Open(const KeyEncryptionKey& kek,
                                                       DataKeyTable& table, Random& random,
                                                       const FieldCipherOptions& options) {
  return Open(NewFixedKeyRing(kek), table, random, options);
}

Result<std::unique_ptr<FieldCipher>> FieldCipher::Open(std::shared_ptr<KeyRing> ring,
                                                       DataKeyTable& table, Random& random,
                                                       const FieldCipherOptions& options) {
  std::unique_ptr<FieldCipher> cipher(new FieldCipher(std::move(ring), table, random, options));
  EDCSYNC_TRY(cipher->impl_->Reload());
  return cipher;
}

Status FieldCipher::Reserve(std::uint64_t uses, WallTime now) {
  Impl& impl = *impl_;
  const std::uint64_t uses_max = impl.options.uses_per_key_max;
  CHECK(uses <= uses_max);
  if (impl.uses_left >= uses) return Ok();
  // What another process reserved since stands in the table only.
  EDCSYNC_ASSIGN(const WrappedDataKey row, impl.Reload());
  const bool same_key = row.id != 0 && row.id == impl.active_id;
  const std::uint64_t kept = same_key ? impl.uses_left : 0;
  const std::uint64_t missing = uses > kept ? uses - kept : 0;
  const std::uint64_t block = std::max(missing, impl.options.uses_per_reservation);
  impl.uses_left = 0;  // Unknown until the table has taken the reservation.
  if (row.id != 0 && row.uses_reserved <= uses_max && missing <= uses_max - row.uses_reserved) {
    const std::uint64_t taken = std::min(block, uses_max - row.uses_reserved);
    EDCSYNC_TRY(impl.table.SetUsesReserved(row.id, row.uses_reserved + taken));
    impl.active_id = row.id;
    {
      std::shared_lock lock(impl.keys_mutex);
      impl.active_key = impl.keys.at(row.id);
    }
    impl.uses_left = kept + taken;
    return Ok();
  }
  const std::uint64_t taken = std::min(std::max(uses, block), uses_max);
  EDCSYNC_TRY(impl.AddKey(row, taken, now));
  impl.uses_left = taken;
  return Ok();
}

void FieldCipher::Forget() {
  Impl& impl = *impl_;
  impl.uses_left = 0;
  impl.active_id = 0;
  impl.active_key = DataKey();
  // A key made in the transaction that was rolled back is no key: another may get its id.
  std::unique_lock lock(impl.keys_mutex);
  impl.keys.clear();
}

void FieldCipher::Seal(BytesView plaintext, BytesView additional, Bytes& out) {
  Impl& impl = *impl_;
  CHECK(impl.uses_left > 0);
  --impl.uses_left;
  const aead::Nonce nonce = impl.NextNonce();
  if (out.empty()) out.reserve(kHeaderBytes + plaintext.size() + aead::kTagBytes);
  out.push_back(kFormat);
  Append(out, LittleEndian(impl.active_id));
  Append(out, nonce);
  aead::Seal(impl.active_key.bytes, nonce, plaintext, additional, out);
}

Result<Bytes> FieldCipher::Open(BytesView sealed, BytesView additional) const {
  if (sealed.size() < kHeaderBytes + aead::kTagBytes || sealed[0] != kFormat) {
    return Fail(ErrorCode::kDecryption, "this is no sealed field");
  }
  const std::uint32_t id = FromLittleEndian(sealed.subspan(1, 4));
  EDCSYNC_ASSIGN(const DataKey key, impl_->Find(id));
  Bytes plaintext;
  if (!aead::Open(key.bytes, ToNonce(sealed.subspan(5)), sealed.subspan(kHeaderBytes), additional,
                  plaintext)) {
    return Fail(ErrorCode::kDecryption, "a sealed field does not authenticate under data key " +
                                            std::to_string(id));
  }
  return plaintext;
}

Result<std::size_t> FieldCipher::Rewrap(WrappingKey& next, WallTime now) {
  Impl& impl = *impl_;
  EDCSYNC_ASSIGN(std::vector<WrappedDataKey> rows, impl.table.LoadForWriting());
  for (WrappedDataKey& row : rows) {
    EDCSYNC_ASSIGN(const DataKey key, impl.Unwrap(row));
    EDCSYNC_ASSIGN(row.wrapped, Wrap(next, row.id, key, impl.random));
    row.wrapped_by = next.id();
    row.wrapped_at = now;
    EDCSYNC_ASSIGN(const DataKey again, UnwrapBy(next, row));
    if (again.bytes != key.bytes) {
      return Fail(ErrorCode::kKeyWrong, "data key " + std::to_string(row.id) +
                                            " does not come back from " + next.Where());
    }
    EDCSYNC_TRY(impl.table.SetWrapped(row));
  }
  return rows.size();
}

Result<FieldCipher::Keys> FieldCipher::Describe() const {
  EDCSYNC_ASSIGN(const std::vector<WrappedDataKey> rows, impl_->table.Load());
  Keys keys;
  keys.count = rows.size();
  for (const WrappedDataKey& row : rows) {
    if (std::find(keys.wrapped_by.begin(), keys.wrapped_by.end(), row.wrapped_by) ==
        keys.wrapped_by.end()) {
      keys.wrapped_by.push_back(row.wrapped_by);
    }
    const WallTime wrapped_at = row.wrapped_by ? row.wrapped_at : row.created_at;
    if (&row == &rows.front() || row.created_at < keys.oldest_at) keys.oldest_at = row.created_at;
    if (&row == &rows.front() || wrapped_at < keys.wrapped_at) keys.wrapped_at = wrapped_at;
    if (keys.newest_at < row.created_at) keys.newest_at = row.created_at;
  }
  return keys;
}

}  // namespace edcsync
