// What DecodeRevision accepts must be canonical: it encodes to the very bytes that came.
#include "shared/base/check.h"
#include "shared/model/revision.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const edcsync::BytesView input(data, size);
  const auto revision = edcsync::DecodeRevision(input);
  if (revision.ok()) {
    const edcsync::Bytes again = edcsync::EncodeRevision(*revision);
    CHECK(edcsync::AsText(again) == edcsync::AsText(input));
  }
  return 0;
}
