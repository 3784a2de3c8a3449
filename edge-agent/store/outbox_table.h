// The outbox: the durable queue of revisions captured here which the gateway has not yet
// acknowledged. A revision enters in the same transaction as the record it belongs to and is
// settled only by receipt, so a captured record survives any loss of power or link. Settled rows
// stay: a restored centre is given again what it forgot.
//
//   written by   edge-agent/capture/capture.h
//   read by      edge-agent/uplink/uplink.h
//   settled by   edge-agent/uplink/uplink.h, on a receipt
//
//   outbox(sequence INTEGER PRIMARY KEY, revision_rowid INTEGER NOT NULL REFERENCES revision,
//          chain BLOB NOT NULL, queued_at_ms INTEGER NOT NULL, outcome INTEGER, reason INTEGER)
//
// Invariants, checked when opened (the ends) and by `check` (every row):
//   (1) Sequences run without a gap from 1 upward; none is reused.
//   (2) chain(n) = SHA-256(chain(n-1) || revision id n), chain(0) = 32 zero bytes.
//   (3) A row's revision never alters.
//
// Threads: as its Database.
#pragma once

#include "shared/crypto/field_cipher.h"
#include "shared/model/merge_rule.h"
#include "shared/storage/database.h"

namespace edcsync::edge {

struct QueuedRevision {
  Sequence sequence;
  RevisionId id;
  Bytes canonical;
};

class OutboxTable {
 public:
  OutboxTable(Database& database, FieldCipher& cipher) : database_(database), cipher_(cipher) {}

  struct Tail {
    bool known = false;
    Sequence last;   // 0: empty.
    Digest chain{};
  };
  // The end of the outbox: from memory in the writer, else from the table.
  Result<Tail> ReadTail() const;
  const Tail& tail() const { return tail_; }
  void Restore(const Tail& tail) { tail_ = tail; }
  void Forget() { tail_ = {}; }

  // Appends as part of the writer's transaction and returns its sequence. `waiting` is how many
  // are not acknowledged yet: fails with kOutboxFull at limits::kOutboxRevisionCountMax, since a
  // refusal is seen at the desk at once, a full disk only after a loss.
  Result<Sequence> Append(std::int64_t revision_rowid, const RevisionId& id, WallTime now,
                          std::uint64_t waiting);

  struct ReadLimits {
    std::size_t revision_count_max = 0;
    std::size_t size_bytes_max = 0;  // At least one revision is returned, however large.
  };
  // The revisions after `last`, oldest first, opened and checked against their ids. Removes
  // nothing.
  Result<std::vector<QueuedRevision>> Read(Sequence last, ReadLimits limits) const;

  // The chain through `sequence` (zeros for 0); kNotFound beyond the last.
  Result<Digest> ChainAt(Sequence sequence) const;
  Status SetOutcome(Sequence sequence, Outcome outcome, std::uint16_t reason);

  struct Row {
    Sequence sequence;
    RevisionId id;
    RecordKey key;
    std::uint32_t version = 0;
    WallTime queued_at;
    std::optional<Outcome> outcome;  // Set for outcomes other than applied.
    std::uint16_t reason = 0;
  };
  Result<std::vector<Row>> List(Sequence after, std::size_t count_max) const;
  // When the first row after `acknowledged` was queued; nullopt if none waits.
  Result<std::optional<WallTime>> OldestWaiting(Sequence acknowledged) const;

  // What can be seen without reading every row, for Open(): no gap by count, the last link of the
  // chain, and `acknowledged` not beyond the last. Fails with kInvariant.
  Status CheckEnds(Sequence acknowledged) const;
  // Empties the outbox for a new incarnation (edge-agent/uplink/new_incarnation.h), the one time
  // sequences begin again. Inside a work that fills it anew.
  Status Clear();

  // The findings against invariants (1) and (2), from every row.
  Result<std::vector<std::string>> Check() const;

 private:
  Database& database_;
  FieldCipher& cipher_;
  Tail tail_;
};

}  // namespace edcsync::edge
