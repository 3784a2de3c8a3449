// An audit entry: who did what, where, when and why (21 CFR 11.10(e)). Entries of one store form
// a hash chain: hash = SHA-256(previous hash || encoding), so that none can be altered or taken
// out unseen. `detail` holds keys and numbers, never an item value.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/ids.h"
#include "shared/base/time.h"

namespace edcsync {

struct AuditEntry {
  std::uint64_t number = 0;  // 1, 2, 3, ... in the chain.
  std::uint64_t id = 0;      // Snowflake id at the centre, 0 at an edge.
  WallTime at;
  std::string actor;         // User, "edge:EDGE" or "gateway:GATEWAY".
  std::string action;        // "revision.applied", "conflict.resolved", "edge.revoked", ...
  std::string object;        // Record key, edge id, ...
  std::string detail;        // "revision=... version=3 ..."
  Digest hash{};             // Of this entry.
};

// The encoding that is hashed: number, id, at (u64 LE), then each text with a u32 LE length.
Bytes EncodeAuditEntry(const AuditEntry& entry);

}  // namespace edcsync
