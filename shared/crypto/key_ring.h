// Key-encryption keys, wherever they lie: in a file, in a systemd credential, or in a PKCS#11 token
// that never hands them out. A store knows only this: a WrappingKey wraps data keys and opens them
// again, and a KeyRing finds the one whose id stands beside a wrapped data key.
//
//   implemented by   shared/crypto/file_key_ring.h (one file), shared/keys/key_sources.h (all sources)
//   used by          shared/crypto/field_cipher.h, edge-agent/store, central-gateway/store
//
// Threads: any.
#pragma once

#include <array>
#include <compare>
#include <memory>
#include <optional>
#include <string>

#include "shared/base/bytes.h"
#include "shared/base/random.h"
#include "shared/base/status.h"

namespace edcsync {

// Names a key and is no secret: of a key at hand the first bytes of an HMAC under it, of a key in a
// token its CKA_ID. People see it as 16 hexadecimal digits.
struct KeyId {
  std::array<std::uint8_t, 8> bytes{};
  auto operator<=>(const KeyId&) const = default;
  std::string ToHex() const { return edcsync::ToHex(bytes); }
};

class WrappingKey {
 public:
  virtual ~WrappingKey() = default;
  virtual const KeyId& id() const = 0;
  virtual std::string Where() const = 0;  // For people: "file /var/lib/...". Never a secret.

  // 12 byte nonce | ciphertext | 16 byte tag (AES-256-GCM), which authenticates `additional` too.
  virtual Result<Bytes> Wrap(BytesView data_key, BytesView additional, Random& random) = 0;
  // Fails with kKeyWrong if it does not open; a token also with kToken.
  virtual Result<Bytes> Unwrap(BytesView wrapped, BytesView additional) = 0;
};

class KeyRing {
 public:
  virtual ~KeyRing() = default;

  // The key of this id, looked for anew if it is not known yet: another process may have rotated.
  // Without an id (data keys of the first release carry none) the key file's. Fails with
  // kKeyMissing, kKeyWrong (another key is there), kPermissions, kMalformed, kToken, kPin: each says
  // what was looked for where. Makes and alters nothing.
  virtual Result<std::shared_ptr<WrappingKey>> Find(const std::optional<KeyId>& id) = 0;

  // The key that the first data key is wrapped with. Fails as Find does.
  virtual Result<std::shared_ptr<WrappingKey>> Current() = 0;

  // For a database that does not exist yet: as Current(), but makes a key where none is and this
  // program can.
  virtual Result<std::shared_ptr<WrappingKey>> First(Random& random) = 0;
};

}  // namespace edcsync
