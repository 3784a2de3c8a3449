#include "shared/crypto/openssl_handles.h"

#include <openssl/err.h>

#include <climits>

#include "shared/base/check.h"

namespace edcsync {

std::string TakeOpensslErrors() {
  std::string text;
  while (const unsigned long error = ERR_get_error()) {
    char reason[256];
    if (const char* known = ERR_reason_error_string(error)) {
      std::snprintf(reason, sizeof reason, "%s", known);
    } else {
      ERR_error_string_n(error, reason, sizeof reason);
    }
    if (!text.empty()) text += "; ";
    text += reason;
  }
  return text.empty() ? "no reason given" : text;
}

tl::unexpected<Error> FailOpenssl(ErrorCode code, const std::string& what) {
  return Fail(code, what + ": " + TakeOpensslErrors());
}

BioPtr ReadBio(BytesView bytes) {
  if (bytes.size() > INT_MAX) return nullptr;
  // A null pointer would be refused, and an empty view may hold one.
  const void* data = bytes.empty() ? "" : static_cast<const void*>(bytes.data());
  return BioPtr(BIO_new_mem_buf(data, static_cast<int>(bytes.size())));
}

BioPtr WriteBio() {
  BioPtr bio(BIO_new(BIO_s_mem()));
  CHECK(bio != nullptr);
  return bio;
}

BytesView BioContent(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  if (size <= 0) return {};
  return {reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)};
}

bool IsP256(const EVP_PKEY* key) {
  if (key == nullptr || !EVP_PKEY_is_a(key, "EC")) return false;
  char group[64];
  std::size_t size = 0;
  return EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         std::string_view(group, size) == "prime256v1";
}

}  // namespace edcsync
