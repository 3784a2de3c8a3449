#include <openssl/crypto.h>

#include <algorithm>

#include "shared/base/file.h"
#include "shared/crypto/field_cipher.h"

namespace edcsync {
namespace {

constexpr std::size_t kFileBytesMax = 128;  // 64 digits and a line end.

}  // namespace

Result<KeyEncryptionKey> KeyEncryptionKey::Create(const std::string& path, Random& random) {
  std::array<std::uint8_t, 32> key;
  random.Fill(key);
  std::string text = ToHex(key) + "\n";
  const Status written = WriteFile(path, text, 0600, true);
  OPENSSL_cleanse(text.data(), text.size());
  EDCSYNC_TRY(written);
  return KeyEncryptionKey(key);
}

Result<KeyEncryptionKey> KeyEncryptionKey::Load(const std::string& path) {
  Result<std::string> text = ReadSecretFile(path, kFileBytesMax);
  if (!text.ok() && text.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kKeyMissing, text.error().message);
  }
  if (!text.ok() && text.error().code == ErrorCode::kTooLarge) {
    return Fail(ErrorCode::kMalformed, path + " does not hold 64 hexadecimal digits");
  }
  EDCSYNC_TRY(text);
  std::string_view digits = *text;
  while (digits.ends_with('\n') || digits.ends_with('\r')) digits.remove_suffix(1);
  std::optional<Bytes> bytes = FromHex(digits);
  OPENSSL_cleanse(text->data(), text->size());
  std::array<std::uint8_t, 32> key;
  if (!bytes || bytes->size() != key.size()) {
    return Fail(ErrorCode::kMalformed, path + " does not hold 64 hexadecimal digits");
  }
  std::copy(bytes->begin(), bytes->end(), key.begin());
  OPENSSL_cleanse(bytes->data(), bytes->size());
  return KeyEncryptionKey(key);
}

}  // namespace edcsync
