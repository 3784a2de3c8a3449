// The payload behind the seal. The input is taken as it is, and once more as what zstd packed, so
// that the fuzzer reaches the fields without having to invent a compressed stream.
#include <zstd.h>

#include "shared/base/check.h"
#include "shared/wire/codec.h"

namespace {

constexpr std::string_view kSender = "a";
constexpr std::string_view kReceiver = "b";

edcsync::Bytes Pack(edcsync::BytesView plain) {
  edcsync::Bytes packed(ZSTD_compressBound(plain.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 1));
  return packed;
}

edcsync::Bytes Unpack(edcsync::BytesView packed) {
  edcsync::Bytes plain(ZSTD_getFrameContentSize(packed.data(), packed.size()));
  plain.resize(ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size()));
  return plain;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const edcsync::BytesView input(data, size);
  (void)edcsync::wire::DecodePayload(input, kSender, kReceiver);
  const auto frame = edcsync::wire::DecodePayload(Pack(input), kSender, kReceiver);
  if (frame.ok()) {
    const auto payload = edcsync::wire::EncodePayload(*frame, kSender, kReceiver);
    CHECK(payload.ok());
    const edcsync::Bytes plain = Unpack(*payload);
    CHECK(edcsync::AsText(plain) == edcsync::AsText(input));
  }
  return 0;
}
