#include "shared/crypto/cms_profile.h"

#include <algorithm>
#include <array>
#include <optional>

namespace edcsync {
namespace {

enum Tag : std::uint8_t {
  kInteger = 0x02,
  kBitString = 0x03,
  kOctetString = 0x04,
  kOid = 0x06,
  kSequence = 0x30,
  kSet = 0x31,
  kPrimitive0 = 0x80,
  kConstructed0 = 0xA0,
  kConstructed1 = 0xA1,
};

// 1.2.840.113549.1.9.16.1.23, 1.2.840.113549.1.7.2, 2.16.840.1.101.3.4.1.46.
constexpr std::array<std::uint8_t, 11> kAuthEnvelopedData = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D,
                                                             0x01, 0x09, 0x10, 0x01, 0x17};
constexpr std::array<std::uint8_t, 9> kSignedData = {0x2A, 0x86, 0x48, 0x86, 0xF7,
                                                     0x0D, 0x01, 0x07, 0x02};
constexpr std::array<std::uint8_t, 9> kAes256Gcm = {0x60, 0x86, 0x48, 0x01, 0x65,
                                                    0x03, 0x04, 0x01, 0x2E};
// id-ecPublicKey, 1.2.840.10045.2.1, without parameters: the curve is that of the receiver's key.
constexpr std::array<std::uint8_t, 9> kEcPublicKey = {kOid, 7,    0x2A, 0x86, 0x48,
                                                      0xCE, 0x3D, 0x02, 0x01};
// dhSinglePass-stdDH-sha256kdf, 1.3.132.1.11.1, over { aes256-wrap, 2.16.840.1.101.3.4.1.45 }.
constexpr std::array<std::uint8_t, 21> kKeyAgreement = {
    kOid, 6,    0x2B, 0x81, 0x04, 0x01, 0x0B, 0x01, kSequence, 11,  kOid,
    9,    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01,      0x2D};
constexpr std::uint8_t kVersion0[] = {0};
constexpr std::uint8_t kVersion3[] = {3};
constexpr std::uint8_t kTagSizeNumber[] = {16};
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kWrappedKeySize = 32 + 8;     // RFC 3394.
constexpr std::size_t kPointSize = 1 + 1 + 2 * 32;  // Unused bits, form, x, y.

bool Equal(BytesView a, BytesView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

// Takes one element after another from DER (X.690): definite lengths in their shortest form.
class DerReader {
 public:
  explicit DerReader(BytesView der) : rest_(der) {}

  bool AtEnd() const { return rest_.empty(); }

  // The content of the next element if it has this tag.
  std::optional<BytesView> Take(std::uint8_t tag) {
    if (rest_.size() < 2 || rest_[0] != tag) return std::nullopt;
    std::size_t size = rest_[1];
    std::size_t header = 2;
    if (size >= 0x80) {
      const std::size_t digits = size & 0x7F;
      if (digits < 1 || digits > 4 || rest_.size() < 2 + digits) return std::nullopt;
      size = 0;
      for (std::size_t i = 0; i < digits; ++i) size = size << 8 | rest_[2 + i];
      if (size < 0x80 || rest_[2] == 0) return std::nullopt;
      header += digits;
    }
    if (size > rest_.size() - header) return std::nullopt;
    const BytesView content = rest_.subspan(header, size);
    rest_ = rest_.subspan(header + size);
    return content;
  }

  bool TakeExactly(std::uint8_t tag, BytesView content) {
    const std::optional<BytesView> taken = Take(tag);
    return taken && Equal(*taken, content);
  }

  // As Take, for an element that holds others; an empty reader, whose Take fails, otherwise.
  DerReader Enter(std::uint8_t tag) { return DerReader(Take(tag).value_or(BytesView())); }

 private:
  BytesView rest_;
};

// The sender's ephemeral key: [1] { algorithm, BIT STRING of an uncompressed P-256 point }. A bit
// string said to have unused bits, or a hybrid point, would be a second form of the same key.
bool IsOriginator(BytesView explicit_tag) {
  DerReader originator(explicit_tag);
  DerReader key = originator.Enter(kConstructed1);
  if (!originator.AtEnd() || !key.TakeExactly(kSequence, kEcPublicKey)) return false;
  const std::optional<BytesView> point = key.Take(kBitString);
  return point && point->size() == kPointSize && (*point)[0] == 0 && (*point)[1] == 0x04 &&
         key.AtEnd();
}

// The wrapped key: { { issuer, serial number }, OCTET STRING }. Whose it is, IsFor in seal.cc says.
bool IsEncryptedKey(BytesView sequence) {
  DerReader keys(sequence);
  DerReader key = keys.Enter(kSequence);
  DerReader receiver = key.Enter(kSequence);
  if (!receiver.Take(kSequence) || !receiver.Take(kInteger) || !receiver.AtEnd()) return false;
  const std::optional<BytesView> wrapped = key.Take(kOctetString);
  return wrapped && wrapped->size() == kWrappedKeySize && key.AtEnd() && keys.AtEnd();
}

// Nothing in this entry is authenticated, so each part of it has one form: with the algorithm's
// name exchanged for that of the cofactor variant, the same on P-256, a frame would open too.
bool IsRecipient(BytesView set) {
  DerReader recipients(set);
  DerReader recipient = recipients.Enter(kConstructed1);
  if (!recipient.TakeExactly(kInteger, kVersion3)) return false;
  const std::optional<BytesView> originator = recipient.Take(kConstructed0);
  if (!originator || !IsOriginator(*originator)) return false;
  if (!recipient.TakeExactly(kSequence, kKeyAgreement)) return false;
  const std::optional<BytesView> keys = recipient.Take(kSequence);
  return keys && IsEncryptedKey(*keys) && recipient.AtEnd() && recipients.AtEnd();
}

bool IsContent(BytesView sequence) {
  DerReader content(sequence);
  if (!content.TakeExactly(kOid, kSignedData)) return false;
  DerReader algorithm = content.Enter(kSequence);
  if (!algorithm.TakeExactly(kOid, kAes256Gcm)) return false;
  DerReader parameters = algorithm.Enter(kSequence);
  const std::optional<BytesView> nonce = parameters.Take(kOctetString);
  if (!nonce || nonce->size() != kNonceSize) return false;
  if (!parameters.TakeExactly(kInteger, kTagSizeNumber) || !parameters.AtEnd()) return false;
  return algorithm.AtEnd() && content.Take(kPrimitive0) && content.AtEnd();
}

}  // namespace

Status CheckSealedForm(BytesView der) {
  DerReader outside(der);
  const std::optional<BytesView> whole = outside.Take(kSequence);
  if (!whole) return Fail(ErrorCode::kBadSeal, "the frame is truncated or not CMS");
  if (!outside.AtEnd()) return Fail(ErrorCode::kBadSeal, "bytes follow after the frame's end");
  DerReader info(*whole);
  if (!info.TakeExactly(kOid, kAuthEnvelopedData)) {
    return Fail(ErrorCode::kBadSeal, "the frame is not CMS AuthEnvelopedData");
  }
  DerReader explicit_tag = info.Enter(kConstructed0);
  DerReader data = explicit_tag.Enter(kSequence);
  if (!info.AtEnd() || !explicit_tag.AtEnd() || !data.TakeExactly(kInteger, kVersion0)) {
    return Fail(ErrorCode::kBadSeal, "the frame's envelope is damaged");
  }
  const std::optional<BytesView> recipients = data.Take(kSet);
  if (!recipients || !IsRecipient(*recipients)) {
    return Fail(ErrorCode::kBadSeal, "the frame's recipient entry is damaged or of another kind");
  }
  const std::optional<BytesView> content = data.Take(kSequence);
  if (!content || !IsContent(*content)) {
    return Fail(ErrorCode::kBadSeal, "the frame's content is not AES-256-GCM over SignedData");
  }
  const std::optional<BytesView> tag = data.Take(kOctetString);
  if (!tag || tag->size() != kTagSize || !data.AtEnd()) {
    return Fail(ErrorCode::kBadSeal, "the frame's authentication tag is damaged");
  }
  return Ok();
}

}  // namespace edcsync
