// A revision is one immutable state of a record: version, parents, items or tombstone, who, when,
// why. Revisions of a record form a hash DAG: the revision id is SHA-256 over the canonical
// encoding (shared/crypto/revision_id.h), which holds the parents' ids.
//
//   written by   edge-agent/capture, central-gateway/desk, shared/model/merge_rule.h
//   sent and stored in its canonical encoding (schema/wire/revision.md), never re-encoded
//
// Invariants (CheckRevision): version = 1 + highest parent's (the store checks it against the
// parents); parents strictly ascending; items empty if removed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/ids.h"
#include "shared/base/time.h"
#include "shared/model/item.h"

namespace edcsync {

struct RevisionId {
  Digest digest{};
  friend auto operator<=>(const RevisionId&, const RevisionId&) = default;
  BytesView view() const { return digest; }
  std::string ToHex() const { return edcsync::ToHex(digest); }
};

std::optional<RevisionId> RevisionIdFromHex(std::string_view hex);
// REQUIRES: bytes.size() == 32.
RevisionId RevisionIdFromBytes(BytesView bytes);
// 32 bytes each, concatenated; the form in which sets of ids are stored.
Bytes JoinIds(const std::vector<RevisionId>& ids);
// The inverse. REQUIRES: a multiple of 32 bytes (CHECK: the caller read it from its own table).
std::vector<RevisionId> SplitIds(BytesView joined);

// Hybrid logical time (shared/model/hybrid_clock.h): UTC milliseconds, then a counter.
struct EditTime {
  std::int64_t ms = 0;
  std::uint32_t counter = 0;
  friend auto operator<=>(const EditTime&, const EditTime&) = default;
};

// How a revision came to be. Numbers are stored and sent.
enum class Origin : std::uint8_t {
  kSite = 1,         // Captured at an edge.
  kOnline = 2,       // Edited at the centre.
  kResolution = 3,   // A data manager's decision.
  kConvergence = 4,  // Two heads had the same items (gateway).
  kMerge = 5,        // Two heads had changed different items (gateway, by policy).
};
std::string_view ToString(Origin origin);

struct Revision {
  RecordKey key;
  SiteOID site;
  Origin origin = Origin::kSite;
  bool removed = false;  // A tombstone.
  std::uint32_t version = 1;
  std::vector<RevisionId> parents;
  MetaDataVersionOID metadata_version;  // May be empty.
  std::string user;                     // May be empty: the front end named none.
  EdgeId edge;                          // Where it was written; empty for the centre.
  EditTime edited_at;
  std::int16_t utc_offset_minutes = 0;
  std::optional<std::int64_t> clock_drift_ms;  // Edge minus gateway, at the last session.
  std::string reason_for_change;               // Clinical text: sealed at rest, never logged.
  std::array<std::uint8_t, 16> salt{};         // Random: no guessing of a value from its id.
  FormItems items;

  friend bool operator==(const Revision&, const Revision&) = default;
};

// Sizes, counts, text form, parents' order; not the parents themselves. kFieldInvalid, kTooLarge.
Status CheckRevision(const Revision& revision);

// The canonical encoding: exactly one for each revision.
Bytes EncodeRevision(const Revision& revision);

// The revision, if `bytes` is the canonical encoding of a well-formed one: what it returns
// encodes to the same bytes. Fails with kMalformed, kFieldInvalid or kTooLarge. Takes no memory
// beyond the input's size.
Result<Revision> DecodeRevision(BytesView bytes);

}  // namespace edcsync

template <>
struct std::hash<edcsync::RevisionId> {
  std::size_t operator()(const edcsync::RevisionId& id) const noexcept {
    std::size_t first = 0;
    for (std::size_t i = 0; i < sizeof first; ++i) first = first << 8 | id.digest[i];
    return first;
  }
};
