// The revision id: SHA-256 over the canonical encoding, parents included.
#pragma once

#include "shared/crypto/digest.h"
#include "shared/model/revision.h"

namespace edcsync {

inline RevisionId IdOf(BytesView canonical_encoding) { return {Sha256(canonical_encoding)}; }

}  // namespace edcsync
