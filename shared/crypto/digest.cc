#include "shared/crypto/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>

#include "shared/base/check.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {
namespace {

// Fetched once and kept to the end of the process: a fetch costs more than hashing a record.
EVP_MD* Sha256Method() {
  static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method;
}

EVP_MAC* HmacMethod() {
  static EVP_MAC* const method = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  return method;
}

Digest Sha256Of(BytesView first, BytesView second) {
  thread_local const DigestContextPtr context(EVP_MD_CTX_new());
  Digest digest;
  unsigned size = 0;
  CHECK(EVP_DigestInit_ex2(context.get(), Sha256Method(), nullptr) == 1);
  CHECK(EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1);
  CHECK(EVP_DigestUpdate(context.get(), second.data(), second.size()) == 1);
  CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1 && size == digest.size());
  return digest;
}

}  // namespace

Digest Sha256(BytesView data) { return Sha256Of(data, {}); }

Digest HmacSha256(BytesView key, BytesView data) {
  const MacContextPtr context(EVP_MAC_CTX_new(HmacMethod()));
  char digest_name[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
      OSSL_PARAM_construct_end()};
  static constexpr std::uint8_t kNoKey[1] = {0};  // A null pointer would mean "the key before".
  Digest digest;
  std::size_t size = 0;
  CHECK(context != nullptr);
  CHECK(EVP_MAC_init(context.get(), key.empty() ? kNoKey : key.data(), key.size(), parameters) ==
        1);
  CHECK(EVP_MAC_update(context.get(), data.data(), data.size()) == 1);
  CHECK(EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) == 1 &&
        size == digest.size());
  return digest;
}

bool EqualInConstantTime(BytesView a, BytesView b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

Digest ChainDigest(const Digest& previous, BytesView link) { return Sha256Of(previous, link); }

}  // namespace edcsync
