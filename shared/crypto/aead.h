// AES-256-GCM (NIST SP 800-38D) with 12 byte nonces and 16 byte tags, as the field cipher needs
// it: contexts are kept per thread, since making one costs more than a record's encryption.
// Threads: any. For sources of shared/crypto only.
#pragma once

#include <array>
#include <cstdint>

#include "shared/base/bytes.h"

namespace edcsync::aead {

inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kTagBytes = 16;
inline constexpr std::size_t kTextBytesMax = std::size_t{1} << 30;  // OpenSSL counts in int.

using Key = std::array<std::uint8_t, 32>;
using Nonce = std::array<std::uint8_t, kNonceBytes>;

// Appends ciphertext and tag to `out`. REQUIRES: both inputs at most kTextBytesMax; `nonce` was
// never used with `key`; the inputs do not lie in `out`.
void Seal(const Key& key, const Nonce& nonce, BytesView plaintext, BytesView additional,
          Bytes& out);

// Opens ciphertext and tag into `plaintext`. False, and `plaintext` empty, if they do not
// authenticate.
bool Open(const Key& key, const Nonce& nonce, BytesView sealed, BytesView additional,
          Bytes& plaintext);

}  // namespace edcsync::aead
