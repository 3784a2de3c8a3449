// The keys of the tests' own identity provider, and JSON Web Signatures made with them by OpenSSL.
// Threads: as its owner.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "shared/base/json.h"

namespace edcsync::testing {

class SigningKeys {
 public:
  // `number` stands in the ids: "rsa-1", "ec-1".
  explicit SigningKeys(int number, int rsa_bits = 2048);
  ~SigningKeys();

  // {"keys": [...]}
  Json Public() const;
  std::string IdFor(const std::string& algorithm) const;
  // A token in compact form. RS256, PS256, ES256; none; HS256 with the public RSA key as secret.
  std::string Sign(const Json& header, const std::string& payload) const;
  // The same with `key_id` in the header, or the right one if empty.
  std::string SignedBy(const std::string& algorithm, const std::string& payload,
                       const std::string& key_id = "") const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string Base64Url(const std::string& bytes);
std::string FromBase64(const std::string& text);  // With padding; "" if it is none.
std::string Sha256Base64Url(const std::string& text);

}  // namespace edcsync::testing
