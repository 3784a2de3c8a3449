#include "tests/support/signing_keys.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <algorithm>
#include <vector>

#include "shared/base/check.h"

namespace edcsync::testing {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

constexpr int kCoordinateBytes = 32;

const unsigned char* Unsigned(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string Number(const EVP_PKEY* key, const char* name, int size = 0) {
  BIGNUM* number = nullptr;
  CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  std::string bytes(static_cast<std::size_t>(size == 0 ? BN_num_bytes(number) : size), '\0');
  CHECK(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                     static_cast<int>(bytes.size())) >= 0);
  BN_free(number);
  return bytes;
}

std::string PublicPem(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  CHECK(PEM_write_bio_PUBKEY(bio, key) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string Signature(EVP_PKEY* key, const std::string& text, bool pss) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* parameters = nullptr;
  CHECK(EVP_DigestSignInit(context, &parameters, EVP_sha256(), nullptr, key) == 1);
  if (pss) {
    CHECK(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  std::size_t size = 0;
  CHECK(EVP_DigestSign(context, nullptr, &size, Unsigned(text), text.size()) == 1);
  std::string signature(size, '\0');
  CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                       Unsigned(text), text.size()) == 1);
  signature.resize(size);
  EVP_MD_CTX_free(context);
  return signature;
}

// R and S side by side (RFC 7518, 3.4) of OpenSSL's DER.
std::string SideBySide(const std::string& der) {
  const unsigned char* at = Unsigned(der);
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  CHECK(signature != nullptr);
  std::string bytes(2 * kCoordinateBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, kCoordinateBytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + kCoordinateBytes, kCoordinateBytes);
  ECDSA_SIG_free(signature);
  return bytes;
}

}  // namespace

std::string Base64Url(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), Unsigned(bytes),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  while (text.ends_with('=')) text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::string FromBase64(const std::string& text) {
  std::string bytes(3 * (text.size() / 4) + 1, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), Unsigned(text),
                                   static_cast<int>(text.size()));
  if (size < 0) return "";
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::string Sha256Base64Url(const std::string& text) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(Unsigned(text), text.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return Base64Url(digest);
}

struct SigningKeys::Impl {
  int number;
  Key rsa{nullptr, EVP_PKEY_free};
  Key ec{nullptr, EVP_PKEY_free};
};

SigningKeys::SigningKeys(int number, int rsa_bits) : impl_(std::make_unique<Impl>()) {
  impl_->number = number;
  impl_->rsa.reset(EVP_RSA_gen(static_cast<unsigned>(rsa_bits)));
  impl_->ec.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  CHECK(impl_->rsa != nullptr && impl_->ec != nullptr);
}

SigningKeys::~SigningKeys() = default;

std::string SigningKeys::IdFor(const std::string& algorithm) const {
  return (algorithm == "ES256" ? "ec-" : "rsa-") + std::to_string(impl_->number);
}

Json SigningKeys::Public() const {
  const EVP_PKEY* rsa = impl_->rsa.get();
  const EVP_PKEY* ec = impl_->ec.get();
  const Json first = {{"kty", "RSA"},
                      {"use", "sig"},
                      {"kid", IdFor("RS256")},
                      {"n", Base64Url(Number(rsa, OSSL_PKEY_PARAM_RSA_N))},
                      {"e", Base64Url(Number(rsa, OSSL_PKEY_PARAM_RSA_E))}};
  const Json second = {{"kty", "EC"},
                       {"use", "sig"},
                       {"alg", "ES256"},
                       {"kid", IdFor("ES256")},
                       {"crv", "P-256"},
                       {"x", Base64Url(Number(ec, OSSL_PKEY_PARAM_EC_PUB_X, kCoordinateBytes))},
                       {"y", Base64Url(Number(ec, OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinateBytes))}};
  return {{"keys", Json::array({first, second})}};
}

std::string SigningKeys::Sign(const Json& header, const std::string& payload) const {
  const std::string text = Base64Url(header.dump()) + "." + Base64Url(payload);
  const std::string algorithm = header.value("alg", "");
  std::string signature;
  if (algorithm == "RS256" || algorithm == "PS256") {
    signature = Signature(impl_->rsa.get(), text, algorithm == "PS256");
  } else if (algorithm == "ES256") {
    signature = SideBySide(Signature(impl_->ec.get(), text, false));
  } else if (algorithm == "HS256") {
    const std::string secret = PublicPem(impl_->rsa.get());
    signature.resize(SHA256_DIGEST_LENGTH);
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), Unsigned(text), text.size(),
         reinterpret_cast<unsigned char*>(signature.data()), &size);
  }
  return text + "." + Base64Url(signature);
}

std::string SigningKeys::SignedBy(const std::string& algorithm, const std::string& payload,
                                  const std::string& key_id) const {
  return Sign(
      {{"alg", algorithm}, {"typ", "JWT"}, {"kid", key_id.empty() ? IdFor(algorithm) : key_id}},
      payload);
}

}  // namespace edcsync::testing
