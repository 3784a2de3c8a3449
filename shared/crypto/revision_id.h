// The revision id: SHA-256 over the canonical encoding, parents included.
#pragma once

#include <vector>

#include "shared/crypto/digest.h"
#include "shared/model/revision.h"

namespace edcsync {

inline RevisionId IdOf(BytesView canonical_encoding) { return {Sha256(canonical_encoding)}; }

// Ids as tables keep them, one after the other. Valid as long as `ids` is.
inline BytesView Joined(const std::vector<RevisionId>& ids) {
  static_assert(sizeof(RevisionId) == sizeof(Digest));
  return {reinterpret_cast<const std::uint8_t*>(ids.data()), ids.size() * sizeof(RevisionId)};
}

}  // namespace edcsync
