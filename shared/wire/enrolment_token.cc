#include "shared/wire/enrolment_token.h"

#include <algorithm>
#include <array>

#include "shared/base/bytes.h"
#include "shared/crypto/certificate_request.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/jws.h"

namespace edcsync::wire {
namespace {

constexpr std::string_view kPrefix = "edcsync1.";
constexpr std::size_t kTokenBytesMax = 2048;
constexpr std::size_t kCheckBytes = 4;
constexpr std::size_t kAddressBytesMax = 300;  // A host name of 253 and a port.

bool IsLowerHex(std::string_view text, std::size_t size) {
  return text.size() == size && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// What the HTTP client is given: nothing but scheme, host and port.
bool IsServiceAddress(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  if (!text.starts_with(kScheme) || text.size() > kAddressBytesMax) return false;
  text.remove_prefix(kScheme.size());
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == ':' || c == '[' || c == ']';
  });
}

Result<Bytes> Decode(std::string_view text) {
  std::string padded(text);
  std::replace(padded.begin(), padded.end(), '-', '+');
  std::replace(padded.begin(), padded.end(), '_', '/');
  while (padded.size() % 4 != 0) padded += '=';
  return FromBase64(padded, kTokenBytesMax);
}

tl::unexpected<Error> Damaged() {
  return Fail(ErrorCode::kMalformed,
              "The token is damaged: copy it whole, from \"edcsync1.\" to its last letter");
}

}  // namespace

std::string FormatToken(const EnrolmentToken& token) {
  const std::string lines =
      token.address + "\n" + token.ca_fingerprint + "\n" + token.edge.str() + "\n" + token.secret;
  Bytes bytes(lines.begin(), lines.end());
  const Digest digest = Sha256(AsBytes(lines));
  bytes.insert(bytes.end(), digest.begin(), digest.begin() + kCheckBytes);
  return std::string(kPrefix) + ToBase64Url(bytes);
}

Result<EnrolmentToken> ParseToken(std::string_view text) {
  if (text.size() > kTokenBytesMax) return Damaged();
  std::string packed;
  for (const char c : text) {
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') packed += c;
  }
  if (!packed.starts_with(kPrefix)) {
    return Fail(ErrorCode::kMalformed,
                "This is no invitation: it begins with \"edcsync1.\". The centre prints one with "
                "`central-gateway edge invite`");
  }
  const Result<Bytes> bytes = Decode(std::string_view(packed).substr(kPrefix.size()));
  if (!bytes.ok() || bytes->size() <= kCheckBytes) return Damaged();
  const std::string_view lines = AsText(BytesView(*bytes).first(bytes->size() - kCheckBytes));
  const Digest digest = Sha256(AsBytes(lines));
  if (!std::equal(bytes->end() - kCheckBytes, bytes->end(), digest.begin())) return Damaged();
  std::array<std::string, 4> fields;
  std::size_t field = 0;
  for (const char c : lines) {
    if (c != '\n') {
      fields[field] += c;
    } else if (++field == fields.size()) {
      return Damaged();
    }
  }
  EnrolmentToken token{fields[0], fields[1], EdgeId(fields[2]), fields[3]};
  if (field != 3 || !IsServiceAddress(token.address) || !IsLowerHex(token.ca_fingerprint, 64) ||
      !IsDeviceName(token.edge.str()) || !IsLowerHex(token.secret, kSecretBytes * 2)) {
    return Fail(ErrorCode::kMalformed, "The token was made by another release of the gateway");
  }
  return token;
}

}  // namespace edcsync::wire
