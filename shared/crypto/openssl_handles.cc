#include "shared/crypto/openssl_handles.h"

#include <openssl/err.h>

#include <climits>
#include <ctime>

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

int NoPassPhrase(char*, int, int, void*) { return -1; }

bool IsP256(const EVP_PKEY* key) {
  if (key == nullptr || !EVP_PKEY_is_a(key, "EC")) return false;
  char group[64];
  std::size_t size = 0;
  return EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         std::string_view(group, size) == "prime256v1";
}

std::string EntryText(const X509_NAME* name, int nid) {
  const int index = X509_NAME_get_index_by_NID(name, nid, -1);
  if (index < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (size < 0) {
    ERR_clear_error();
    return {};
  }
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

std::string SerialText(const ASN1_INTEGER* serial) {
  const BignumPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
  CHECK(number != nullptr);
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), bytes.data());
  return ToHex(bytes);
}

WallTime ToWallTime(const ASN1_TIME* time) {
  std::tm fields{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &fields) != 1) return {};
  return {std::int64_t{timegm(&fields)} * 1000};
}

}  // namespace edcsync
