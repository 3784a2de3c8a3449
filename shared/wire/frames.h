// The frames of protocol version 2: what travels sealed between an edge and a gateway. Their meaning and
// order is schema/wire/protocol.md; their bytes schema/wire/frame.md.
//
//   encoded by   shared/wire/codec.h
//   spoken by    edge-agent/uplink, edge-agent/downlink, central-gateway/intake,
//                central-gateway/feed
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/ids.h"
#include "shared/base/time.h"
#include "shared/model/merge_rule.h"
#include "shared/model/proposal_state.h"
#include "shared/wire/reconcile_frames.h"

namespace edcsync::wire {

inline constexpr std::uint8_t kProtocolVersion = 2;

// --- edge to gateway ---

// Opens a session.
struct Hello {
  std::uint64_t hello_id = 0;  // Random; the Welcome repeats it, so an old one is not taken.
  Incarnation incarnation;
  std::string release;         // "edge-agent 0.1.0"
  Sequence next_sequence;      // The next the edge will give: 1 + how many it ever gave.
  Sequence acknowledged_through;
  Digest acknowledged_chain{};  // Outbox chain through acknowledged_through.
  HistoryId history;            // All zero: none known yet.
  FeedCursor feed_cursor;
  WallTime edge_time;          // The edge's clock when it wrote this.
  // Set after the edge saw that its chain is not the gateway's: the gateway reports it.
  bool chain_differs = false;
};

// Revisions of the outbox in order of sequence, the first at `first_sequence`.
struct Push {
  Epoch epoch;
  Sequence first_sequence;
  std::vector<Bytes> revisions;  // Canonical encodings.
};

// Asks for feed entries after a cursor.
struct Pull {
  Epoch epoch;
  FeedCursor after;
  std::uint32_t entry_count_max = 0;
};

// Gives back what a restored centre forgot.
struct Offer {
  Epoch epoch;
  std::uint32_t page = 0;  // From 1; no two Offers of a session share it.
  std::vector<OfferedRevision> revisions;
};

// The site's answer to a proposal (ConflictState); said again until its receipt comes.
struct Endorsement {
  Epoch epoch;
  std::uint64_t proposal_id = 0;
  RevisionId revision;     // What was endorsed or rejected.
  bool accepted = false;
  std::string user;        // Who answered, as the site names them.
  std::string reason;      // Not empty for a rejection.
  WallTime answered_at;    // By the edge's clock.
};

// --- gateway to edge ---

struct Credit {
  std::uint32_t bytes = 0;   // In flight at most, as sent.
  std::uint32_t frames = 0;
};

struct Welcome {
  std::uint64_t hello_id = 0;
  Epoch epoch;
  GatewayId gateway;         // Its up-topic: Topics::Up(gateway, edge).
  Sequence acknowledged_through;
  Digest acknowledged_chain{};
  Credit credit;
  WallTime server_time;
  HistoryId history;
  FeedCursor feed_head;
};

struct RevisionOutcome {
  Sequence sequence;
  Outcome outcome = Outcome::kApplied;
  std::uint16_t reason = 0;  // An ErrorCode for kHeld and kQuarantined, else 0.
};

// Sent after the commit only. Every revision through `acknowledged_through` is durable at the
// centre. `exceptions` names only outcomes other than kApplied.
struct Receipt {
  Epoch epoch;
  Sequence acknowledged_through;
  Digest acknowledged_chain{};
  std::vector<RevisionOutcome> exceptions;
  std::uint32_t offer_page = 0;  // Of the Offer it answers; 0: it answers Pushes.
  Credit credit;
};

// Sent after the commit only: what became of the proposal, also if an answer came before this one.
struct EndorsementReceipt {
  Epoch epoch;
  std::uint64_t proposal_id = 0;
  ProposalState state = ProposalState::kUnknown;
};

// What a feed entry tells. Numbers are stored and sent.
enum class FeedKind : std::uint8_t {
  kRevision = 1,
  kConflict = 2,    // A conflict opened, changed or closed.
  kLock = 3,        // A lock was set or cleared.
  kQuarantine = 4,  // A revision of this site entered or left quarantine.
};

// What a data manager proposes to settle a conflict with.
struct Proposal {
  std::uint64_t proposal_id = 0;  // 0: none waits for the site.
  std::string proposed_by;        // The full name, as it was signed.
  Bytes revision;                 // The resolution's canonical encoding: applied if endorsed.
};

struct ConflictState {
  std::uint64_t conflict_id = 0;
  RecordKey key;
  bool open = true;
  Severity severity = Severity::kSoft;
  std::vector<RevisionId> heads;
  Proposal proposal;
};

enum class LockScope : std::uint8_t { kStudy = 1, kSite = 2, kSubject = 3, kForm = 4 };
struct LockState {
  bool locked = true;
  LockScope scope = LockScope::kStudy;
  StudyOID study;
  SiteOID site;        // kSite only.
  SubjectKey subject;  // kSubject only.
  std::string form;    // kForm: the record key.
};

struct QuarantineState {
  RevisionId revision;
  std::uint8_t state = 1;    // 1 waiting, 2 applied (released), 3 rejected.
  std::uint16_t reason = 0;  // ErrorCode.
};

struct FeedEntry {
  FeedCursor cursor;
  FeedKind kind = FeedKind::kRevision;
  Bytes revision;  // kRevision: the canonical encoding,
  Digest mark{};   // and the centre's mark: HMAC-SHA-256(mark key, revision id).
  ConflictState conflict;
  LockState lock;
  QuarantineState quarantine;
};

struct Feed {
  Epoch epoch;
  std::vector<FeedEntry> entries;
  FeedCursor next;  // Where to go on; beyond the last entry if others' entries were passed over.
  bool more = false;
};

struct Nudge {
  Epoch epoch;
  FeedCursor feed_head;
};

struct Refuse {
  std::uint16_t reason = 0;   // An ErrorCode.
  std::uint64_t hello_id = 0;  // If a Hello is refused: its id.
  Epoch epoch;                 // If a Push, Pull or Offer is refused: its epoch.
  Sequence resend_from;        // kSequenceGap.
  std::uint32_t retry_after_ms = 0;
  std::string message;         // For a person.
};

using Frame = std::variant<Hello, Push, Pull, Offer, Endorsement, Comparison, Return, Welcome,
                           Receipt, Feed, Nudge, Refuse, EndorsementReceipt, Compare, Redelivery,
                           Settlement>;

// Numbers in the frame header.
enum class FrameKind : std::uint8_t {
  kHello = 1, kPush = 2, kPull = 3, kOffer = 4, kEndorsement = 5, kComparison = 6, kReturn = 7,
  kWelcome = 16, kReceipt = 17, kFeed = 18, kNudge = 19, kRefuse = 20, kEndorsementReceipt = 21,
  kCompare = 22, kRedelivery = 23, kSettlement = 24,
};

}  // namespace edcsync::wire
