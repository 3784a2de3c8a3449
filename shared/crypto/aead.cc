#include "shared/crypto/aead.h"

#include <openssl/err.h>

#include "shared/base/check.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync::aead {
namespace {

enum class Direction { kOpen = 0, kSeal = 1 };

// This thread's context for `direction`, with the cipher set and no key left in it by a caller
// that matters: each use sets its own.
EVP_CIPHER_CTX* Context(Direction direction) {
  // Kept to the end of the process: contexts of other threads may outlive any owner.
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  thread_local const std::array<CipherContextPtr, 2> contexts = [] {
    std::array<CipherContextPtr, 2> made;
    for (int i = 0; i < 2; ++i) {
      made[i].reset(EVP_CIPHER_CTX_new());
      CHECK(EVP_CipherInit_ex2(made[i].get(), cipher, nullptr, nullptr, i, nullptr) == 1);
    }
    return made;
  }();
  return contexts[static_cast<std::size_t>(direction)].get();
}

// A null pointer would ask OpenSSL for something else.
const std::uint8_t* NeverNull(BytesView bytes) {
  static constexpr std::uint8_t kNothing[1] = {0};
  return bytes.empty() ? kNothing : bytes.data();
}

}  // namespace

void Seal(const Key& key, const Nonce& nonce, BytesView plaintext, BytesView additional,
          Bytes& out) {
  CHECK(plaintext.size() <= kTextBytesMax && additional.size() <= kTextBytesMax);
  EVP_CIPHER_CTX* context = Context(Direction::kSeal);
  const std::size_t start = out.size();
  out.resize(start + plaintext.size() + kTagBytes);
  std::uint8_t* ciphertext = out.data() + start;
  int size = 0;
  CHECK(EVP_EncryptInit_ex2(context, nullptr, key.data(), nonce.data(), nullptr) == 1);
  CHECK(EVP_EncryptUpdate(context, nullptr, &size, NeverNull(additional),
                          static_cast<int>(additional.size())) == 1);
  CHECK(EVP_EncryptUpdate(context, ciphertext, &size, NeverNull(plaintext),
                          static_cast<int>(plaintext.size())) == 1);
  CHECK(static_cast<std::size_t>(size) == plaintext.size());
  std::uint8_t* tag = ciphertext + plaintext.size();
  CHECK(EVP_EncryptFinal_ex(context, tag, &size) == 1 && size == 0);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag) == 1);
}

bool Open(const Key& key, const Nonce& nonce, BytesView sealed, BytesView additional,
          Bytes& plaintext) {
  plaintext.clear();
  if (sealed.size() < kTagBytes || sealed.size() > kTextBytesMax ||
      additional.size() > kTextBytesMax) {
    return false;
  }
  EVP_CIPHER_CTX* context = Context(Direction::kOpen);
  const BytesView ciphertext = sealed.first(sealed.size() - kTagBytes);
  std::array<std::uint8_t, kTagBytes> tag;
  std::copy(sealed.end() - kTagBytes, sealed.end(), tag.begin());
  // One byte more, so that there is a place to point to even for an empty text.
  plaintext.resize(ciphertext.size() + 1);
  int size = 0;
  CHECK(EVP_DecryptInit_ex2(context, nullptr, key.data(), nonce.data(), nullptr) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  CHECK(EVP_DecryptUpdate(context, nullptr, &size, NeverNull(additional),
                          static_cast<int>(additional.size())) == 1);
  CHECK(EVP_DecryptUpdate(context, plaintext.data(), &size, NeverNull(ciphertext),
                          static_cast<int>(ciphertext.size())) == 1);
  CHECK(static_cast<std::size_t>(size) == ciphertext.size());
  if (EVP_DecryptFinal_ex(context, plaintext.data() + ciphertext.size(), &size) != 1) {
    ERR_clear_error();
    plaintext.clear();  // Bytes that did not authenticate are shown to nobody.
    return false;
  }
  plaintext.resize(ciphertext.size());
  return true;
}

}  // namespace edcsync::aead
