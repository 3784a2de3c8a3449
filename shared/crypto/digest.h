// SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104). Threads: any; an object by one at a time.
#pragma once

#include "shared/base/bytes.h"
#include "shared/base/ids.h"

namespace edcsync {

Digest Sha256(BytesView data);
Digest HmacSha256(BytesView key, BytesView data);

// Compares without telling by its time where the two differ.
bool EqualInConstantTime(BytesView a, BytesView b);

// next = SHA-256(previous || link): the outbox chain and the audit chain grow by it.
Digest ChainDigest(const Digest& previous, BytesView link);

}  // namespace edcsync
