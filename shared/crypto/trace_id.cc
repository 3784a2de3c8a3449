#include "shared/crypto/trace_id.h"

#include <algorithm>

#include "shared/crypto/digest.h"

namespace edcsync {
namespace {

template <class Id>
Id FirstBytesOf(std::string_view prefix, BytesView data) {
  Bytes text(prefix.begin(), prefix.end());
  Append(text, data);
  const Digest digest = Sha256(text);
  Id id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

}  // namespace

TraceId TraceIdOf(const RecordKey& key) {
  const std::string text = ToString(key);
  return FirstBytesOf<TraceId>("edcsync-trace-v1:", AsBytes(text));
}

SpanId SpanIdOf(const RevisionId& revision) {
  return FirstBytesOf<SpanId>("edcsync-span-v1:", revision.view());
}

std::string TraceIdText(const RecordKey& key) { return ToHex(TraceIdOf(key)); }

}  // namespace edcsync
