#include "shared/crypto/signature.h"

#include <openssl/err.h>

#include "shared/crypto/openssl_handles.h"

namespace edcsync {

Result<Bytes> SignDetached(const PrivateKey& key, BytesView data) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  std::size_t size = 0;
  Bytes signature;
  const bool begun = context != nullptr &&
                     EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr,
                                        key.impl().key.get()) == 1 &&
                     EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) == 1;
  if (begun) {
    signature.resize(size);
    if (EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) == 1) {
      signature.resize(size);
      return signature;
    }
  }
  ERR_clear_error();
  return Fail(ErrorCode::kInternal, "OpenSSL could not sign");
}

bool VerifyDetached(const Certificate& certificate, BytesView data, BytesView signature) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY* key = X509_get0_pubkey(certificate.impl().x509.get());
  const bool valid =
      context != nullptr && key != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(),
                       data.size()) == 1;
  ERR_clear_error();
  return valid;
}

}  // namespace edcsync
