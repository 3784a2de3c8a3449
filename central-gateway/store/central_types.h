// The rows of the central store, whatever engine keeps them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/ids.h"
#include "shared/base/time.h"
#include "shared/model/merge_rule.h"

namespace edcsync::central {

struct RecordState {
  std::int64_t record_id = 0;
  RecordKey key;
  SiteOID site;
  std::vector<RevisionId> heads;  // Ascending.
  RevisionId current;
  std::uint32_t current_version = 0;
  bool removed = false;
};

// A revision as stored, and how it came.
struct RevisionRow {
  std::int64_t record_id = 0;
  WallTime received_at;
  KnownRevision known;
  Bytes canonical;
  std::string nonconformance;  // "IT.X: not an integer; ..." without values; empty: conforms.
  bool clock_suspect = false;  // edited_at beyond limits::kClockSkewMsMax of the receipt.
};

enum class EdgeStanding : std::uint8_t {
  kActive = 1,
  kRevoked = 2,
  kSuspended = 3,  // Its database was restored or cloned: a person decides.
};
std::string_view ToString(EdgeStanding standing);

struct EdgeRow {
  EdgeId edge;
  SiteOID site;
  EdgeStanding standing = EdgeStanding::kActive;
  std::string standing_reason;
  std::vector<std::string> certificates_pem;  // Valid ones, newest first.
  WallTime added_at;
  // Of the incarnation that may speak; all zero before the first Hello.
  Incarnation incarnation;
  Sequence acknowledged_through;
  Digest chain{};
  // Of the last session.
  Epoch epoch;
  GatewayId gateway;
  FeedCursor feed_cursor;
  std::optional<WallTime> last_contact;
  std::optional<std::int64_t> clock_drift_ms;
  std::string release;
};

// What intake made of one sequence of one incarnation.
struct IntakeRow {
  Sequence sequence;
  RevisionId revision;
  Outcome outcome = Outcome::kApplied;
  std::uint16_t reason = 0;
};

enum class ConflictEnd : std::uint8_t { kOpen = 0, kResolved = 1, kSuperseded = 2 };
std::string_view ToString(ConflictEnd end);  // "open", "resolved", "superseded".

struct ConflictRow {
  SnowflakeId id;
  std::int64_t record_id = 0;
  RecordKey key;
  SiteOID site;
  Severity severity = Severity::kSoft;  // Raised, never lowered.
  std::vector<RevisionId> heads;
  std::optional<RevisionId> ancestor;
  std::vector<std::string> items;       // Paths in dispute, as ToString(ItemPath).
  WallTime opened_at;
  ConflictEnd end = ConflictEnd::kOpen;
  std::optional<RevisionId> ended_by;   // The resolution, or the descendant of all heads.
  std::optional<WallTime> ended_at;
  std::string ended_user;
  // Set: a data manager decides that one anew; then it is open with a single head too, until a
  // resolution ends it.
  std::optional<SnowflakeId> reopens = {};
};

enum class QuarantineEnd : std::uint8_t { kWaiting = 1, kApplied = 2, kRejected = 3 };
std::string_view ToString(QuarantineEnd end);  // "waiting", "applied", "rejected".

struct QuarantineRow {
  std::int64_t rowid = 0;               // Order of arrival; given by the store.
  RevisionId revision;                  // SHA-256 of `bytes`, also if they do not decode.
  Bytes bytes;                          // Whole, as received. Sealed at rest.
  EdgeId edge;
  Incarnation incarnation;
  Sequence sequence;                    // 0: came by an Offer or online.
  std::optional<RecordKey> key;         // nullopt: does not decode.
  SiteOID site;                         // The edge's, from its certificate.
  std::uint16_t reason = 0;             // ErrorCode; kHeld revisions have kNotFound.
  std::string detail;                   // For a person; no item value.
  std::optional<RevisionId> missing_parent;  // Set: released by itself when that one comes.
  WallTime received_at;
  QuarantineEnd state = QuarantineEnd::kWaiting;
  std::string decided_by;
  std::string decision_reason;          // Sealed at rest.
  std::optional<WallTime> decided_at;
};

enum class LockScope : std::uint8_t { kStudy = 1, kSite = 2, kSubject = 3, kForm = 4 };
struct LockRow {
  LockScope scope = LockScope::kStudy;
  StudyOID study;
  std::string object;      // Site OID, subject key or record key; empty for a study.
  std::string set_by;
  std::string reason;
  WallTime set_at;
};

struct StudyRow {
  StudyOID study;
  MetaDataVersionOID metadata_version;
  std::string name;
  WallTime imported_at;
  std::string odm_xml;     // Whole, as imported.
};

// Numbers equal wire::FeedKind.
enum class FeedKind : std::uint8_t { kRevision = 1, kConflict = 2, kLock = 3, kQuarantine = 4 };

struct FeedRow {
  FeedCursor cursor;
  FeedKind kind = FeedKind::kRevision;
  SiteOID site;                          // Empty: for every site (study locks).
  EdgeId origin_edge;                    // Of a captured revision: who need not hear it,
  Incarnation origin_incarnation;        // unless it lost its database.
  std::optional<RevisionId> revision;    // kRevision, kQuarantine.
  Bytes canonical;                       // kRevision; filled by FeedAfter.
  SnowflakeId conflict;                  // kConflict.
  Bytes detail;                          // kConflict, kLock, kQuarantine: encoded state at that
                                         // time (central-gateway/feed/feed_detail.h).
};

}  // namespace edcsync::central
