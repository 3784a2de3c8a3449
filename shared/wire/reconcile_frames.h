// The frames of a reconciliation (schema/wire/reconciliation.md): the centre asks, the edge
// answers, and nothing of it stands in the session's way. Part of frames.h, which stages include.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/ids.h"
#include "shared/model/odm_keys.h"
#include "shared/model/revision.h"

namespace edcsync::wire {

// A revision with the mark the centre put on it.
struct OfferedRevision {
  Bytes revision;
  Digest mark{};
};

// A state of the site's data that both ends can look at again later, though revisions go on coming
// in: nothing is ever removed, so what came since is left out (reconciliation.md).
struct ReconcilePoint {
  Sequence sequence;      // Of the outbox: all up to it is counted, nothing beyond.
  FeedCursor cursor;      // Of the feed: likewise.
  std::uint64_t row = 0;  // The edge's own: its last revision row then.
};

struct DigestNode {
  Digest digest{};
  std::uint64_t count = 0;
};

struct ListedRevision {
  std::uint64_t row = 0;  // The edge's own; the next page begins behind the last one's.
  RecordKey key;
  RevisionId revision;
};

// What a Compare asks. Numbers are sent.
enum class ReconcileQuestion : std::uint8_t {
  kPoint = 1,     // Where do you stand, and with which root?
  kBranches = 2,  // The nodes under the root.
  kLeaves = 3,    // The leaves under `parts`.
  kList = 4,      // The revisions in the leaves `parts`, behind `after_row`.
  kLook = 5,      // What have you of `revisions` now?
  kGive = 6,      // Return `revisions`.
};

// How an edge has a revision. Numbers are sent.
enum class RevisionPresence : std::uint8_t {
  kAbsent = 1,
  kHeld = 2,     // It waits for its parent.
  kPresent = 3,
  kDamaged = 4,  // It is there and does not open, or hashes to something else.
  kRefused = 5,  // Redelivered, and not of this site or not well formed.
};

enum class ReconcileAnswer : std::uint8_t { kAnswered = 1, kNotYet = 2, kFailed = 3 };

// Answers a Compare, Redelivery or Settlement with the same `serial`.
struct Comparison {
  Epoch epoch;
  std::uint64_t reconciliation = 0;
  std::uint32_t serial = 0;
  ReconcileAnswer answer = ReconcileAnswer::kAnswered;
  ReconcilePoint point;
  Sequence wait_sequence;                  // kNotYet: what must be delivered first.
  std::vector<DigestNode> nodes;           // kPoint: the root; kBranches, kLeaves.
  std::vector<ListedRevision> revisions;   // kList.
  bool more = false;                       // kList.
  std::vector<RevisionPresence> presences;  // kLook, and of a Redelivery; in the order asked.
  std::string statement;                   // kPoint: what the edge states of itself, JSON.
  Bytes signature;                         // Of a Settlement: the edge's, over the report.
  std::string message;                     // kFailed: why, for a person.
};

// The revisions asked for by kGive: as many as fit, at least one if any is left.
struct Return {
  Epoch epoch;
  std::uint64_t reconciliation = 0;
  std::uint32_t serial = 0;
  std::vector<OfferedRevision> revisions;  // With a mark of zeros if it has none.
  std::vector<RevisionId> absent;          // Asked for, and not to be had.
};

// Asks an edge for its part of a comparison.
struct Compare {
  Epoch epoch;
  std::uint64_t reconciliation = 0;
  std::uint32_t serial = 0;
  ReconcileQuestion question = ReconcileQuestion::kPoint;
  ReconcilePoint point;                // All but kPoint.
  Sequence wait_sequence;              // kPoint: not before this is receipted; 0: choose one.
  FeedCursor wait_cursor;              // kPoint: not before this is applied.
  HistoryId history;                   // kPoint: not before all is offered to this one.
  std::vector<std::uint16_t> parts;    // kLeaves: branches; kList: leaves.
  std::uint64_t after_row = 0;         // kList.
  std::vector<RevisionId> revisions;   // kLook, kGive.
};

// What the site lacks, again.
struct Redelivery {
  Epoch epoch;
  std::uint64_t reconciliation = 0;
  std::uint32_t serial = 0;
  bool as_new = false;  // Also what nothing at the site tells of; else that is answered kAbsent.
  std::vector<OfferedRevision> revisions;
};

// The signed report of a reconciliation, for the site to keep and to sign.
struct Settlement {
  Epoch epoch;
  std::uint64_t reconciliation = 0;
  std::uint32_t serial = 0;
  std::string report;  // JSON, as signed.
  Bytes signature;     // The centre's.
};

}  // namespace edcsync::wire
