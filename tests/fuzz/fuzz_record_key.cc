// A record key read from text is valid and is written so that it reads as the same key.
#include "shared/base/check.h"
#include "shared/model/odm_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto key = edcsync::ParseRecordKey(text);
  if (key.ok()) {
    CHECK(edcsync::CheckRecordKey(*key).ok());
    const auto again = edcsync::ParseRecordKey(edcsync::ToString(*key));
    CHECK(again.ok() && *again == *key);
  }
  return 0;
}
