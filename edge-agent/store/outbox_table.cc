#include "edge-agent/store/outbox_table.h"

#include <algorithm>

#include "shared/base/limits.h"
#include "shared/crypto/digest.h"
#include "shared/storage/revision_table.h"

namespace edcsync::edge {
namespace {

std::int64_t ToColumn(Sequence sequence) { return static_cast<std::int64_t>(sequence.value()); }

Result<Digest> ReadDigest(const Statement& row, int column, std::int64_t sequence) {
  const BytesView bytes = row.Blob(column);
  Digest digest;
  if (bytes.size() != digest.size()) {
    return Fail(ErrorCode::kCorrupt, "outbox " + std::to_string(sequence) + " has a broken hash");
  }
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

}  // namespace

Result<OutboxTable::Tail> OutboxTable::ReadTail() const {
  if (tail_.known) return tail_;
  Statement statement =
      database_.Prepare("SELECT sequence, chain FROM outbox ORDER BY sequence DESC LIMIT 1");
  Tail tail;
  tail.known = true;
  EDCSYNC_ASSIGN(const bool row, statement.Step());
  if (!row) return tail;
  tail.last = Sequence(static_cast<std::uint64_t>(statement.Int(0)));
  EDCSYNC_ASSIGN(tail.chain, ReadDigest(statement, 1, statement.Int(0)));
  return tail;
}

Result<Sequence> OutboxTable::Append(std::int64_t revision_rowid, const RevisionId& id,
                                     WallTime now, std::uint64_t waiting) {
  if (waiting >= limits::kOutboxRevisionCountMax) {
    return Fail(ErrorCode::kOutboxFull, std::to_string(waiting) + " revisions wait");
  }
  if (!tail_.known) {
    EDCSYNC_ASSIGN(tail_, ReadTail());
  }
  const Sequence sequence = tail_.last.Next();
  const Digest chain = ChainDigest(tail_.chain, id.view());
  Statement statement = database_.Prepare(
      "INSERT INTO outbox (sequence, revision_rowid, chain, queued_at_ms) "
      "VALUES (?1, ?2, ?3, ?4)");
  statement.Bind(1, ToColumn(sequence))
      .Bind(2, revision_rowid)
      .Bind(3, BytesView(chain))
      .Bind(4, now.ms);
  EDCSYNC_TRY(statement.Run());
  tail_.last = sequence;
  tail_.chain = chain;
  return sequence;
}

Status OutboxTable::Clear() {
  Statement statement = database_.Prepare("DELETE FROM outbox");
  EDCSYNC_TRY(statement.Run());
  tail_ = {};
  return Ok();
}

Result<std::vector<QueuedRevision>> OutboxTable::Read(Sequence last, ReadLimits limits) const {
  Statement statement = database_.Prepare(
      "SELECT outbox.sequence, revision.revision_id, revision.sealed FROM outbox "
      "JOIN revision USING (revision_rowid) WHERE outbox.sequence > ?1 "
      "ORDER BY outbox.sequence LIMIT ?2");
  statement.Bind(1, ToColumn(last))
      .Bind(2, static_cast<std::int64_t>(limits.revision_count_max));
  std::vector<QueuedRevision> queued;
  std::size_t size_bytes = 0;
  while (true) {
    EDCSYNC_ASSIGN(const bool row, statement.Step());
    if (!row) return queued;
    const BytesView id = statement.Blob(1);
    if (id.size() != sizeof(Digest)) {
      return Fail(ErrorCode::kCorrupt, "a revision's row holds a broken revision id");
    }
    QueuedRevision next;
    next.sequence = Sequence(static_cast<std::uint64_t>(statement.Int(0)));
    next.id = RevisionIdFromBytes(id);
    EDCSYNC_ASSIGN(next.canonical, OpenSealedRevision(cipher_, statement.Blob(2), next.id));
    size_bytes += next.canonical.size();
    if (!queued.empty() && size_bytes > limits.size_bytes_max) return queued;
    queued.push_back(std::move(next));
  }
}

Result<Digest> OutboxTable::ChainAt(Sequence sequence) const {
  if (sequence == Sequence()) return Digest{};
  Statement statement = database_.Prepare("SELECT chain FROM outbox WHERE sequence = ?1");
  EDCSYNC_ASSIGN(const bool row, statement.Bind(1, ToColumn(sequence)).Step());
  if (!row) {
    return Fail(ErrorCode::kNotFound,
                "the outbox has no sequence " + std::to_string(sequence.value()));
  }
  return ReadDigest(statement, 0, ToColumn(sequence));
}

Status OutboxTable::SetOutcome(Sequence sequence, Outcome outcome, std::uint16_t reason) {
  Statement statement =
      database_.Prepare("UPDATE outbox SET outcome = ?2, reason = ?3 WHERE sequence = ?1");
  statement.Bind(1, ToColumn(sequence))
      .Bind(2, static_cast<std::int64_t>(outcome))
      .Bind(3, std::int64_t{reason});
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kNotFound,
              "the outbox has no sequence " + std::to_string(sequence.value()));
}

Result<std::vector<OutboxTable::Row>> OutboxTable::List(Sequence after,
                                                        std::size_t count_max) const {
  Statement statement = database_.Prepare(
      "SELECT outbox.sequence, outbox.queued_at_ms, outbox.outcome, outbox.reason, "
      "revision.revision_id, revision.version, study_oid, subject_key, study_event_oid, "
      "study_event_repeat_key, form_oid, form_repeat_key "
      "FROM outbox JOIN revision USING (revision_rowid) JOIN record USING (record_id) "
      "WHERE outbox.sequence > ?1 ORDER BY outbox.sequence LIMIT ?2");
  statement.Bind(1, ToColumn(after)).Bind(2, static_cast<std::int64_t>(count_max));
  std::vector<Row> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    Row row;
    row.sequence = Sequence(static_cast<std::uint64_t>(statement.Int(0)));
    row.queued_at = WallTime{statement.Int(1)};
    if (!statement.IsNull(2)) row.outcome = static_cast<Outcome>(statement.Int(2));
    row.reason = static_cast<std::uint16_t>(statement.Int(3));
    EDCSYNC_ASSIGN(row.id.digest, ReadDigest(statement, 4, statement.Int(0)));
    row.version = static_cast<std::uint32_t>(statement.Int(5));
    row.key = {StudyOID(statement.Text(6)),       SubjectKey(statement.Text(7)),
               StudyEventOID(statement.Text(8)),  RepeatKey(statement.Text(9)),
               FormOID(statement.Text(10)),       RepeatKey(statement.Text(11))};
    rows.push_back(std::move(row));
  }
}

Result<std::optional<WallTime>> OutboxTable::OldestWaiting(Sequence acknowledged) const {
  Statement statement = database_.Prepare(
      "SELECT queued_at_ms FROM outbox WHERE sequence > ?1 ORDER BY sequence LIMIT 1");
  EDCSYNC_ASSIGN(const bool row, statement.Bind(1, ToColumn(acknowledged)).Step());
  if (!row) return std::optional<WallTime>();
  return std::optional<WallTime>(WallTime{statement.Int(0)});
}

Status OutboxTable::CheckEnds(Sequence acknowledged) const {
  Statement count = database_.Prepare("SELECT count(*), min(sequence) FROM outbox");
  EDCSYNC_ASSIGN(const bool counted, count.Step());
  EDCSYNC_ASSIGN(const Tail tail, ReadTail());
  const std::string last = std::to_string(tail.last.value());
  if (!counted || static_cast<std::uint64_t>(count.Int(0)) != tail.last.value() ||
      (tail.last != Sequence() && count.Int(1) != 1)) {
    return Fail(ErrorCode::kInvariant, "the outbox has a gap before sequence " + last);
  }
  if (acknowledged > tail.last) {
    return Fail(ErrorCode::kInvariant, "sequence " + std::to_string(acknowledged.value()) +
                                           " is acknowledged, the outbox ends at " + last);
  }
  if (tail.last == Sequence()) return Ok();
  EDCSYNC_ASSIGN(const Digest before, ChainAt(Sequence(tail.last.value() - 1)));
  Statement statement = database_.Prepare(
      "SELECT revision_id FROM outbox JOIN revision USING (revision_rowid) WHERE sequence = ?1");
  EDCSYNC_ASSIGN(const bool row, statement.Bind(1, ToColumn(tail.last)).Step());
  if (row && ChainDigest(before, statement.Blob(0)) == tail.chain) return Ok();
  return Fail(ErrorCode::kInvariant, "the outbox's chain does not follow at sequence " + last);
}

Result<std::vector<std::string>> OutboxTable::Check() const {
  // A left join: a row whose revision is gone must be found, not passed over.
  Statement statement = database_.Prepare(
      "SELECT outbox.sequence, outbox.chain, revision.revision_id FROM outbox "
      "LEFT JOIN revision USING (revision_rowid) ORDER BY outbox.sequence");
  std::vector<std::string> findings;
  Digest chain{};
  std::int64_t expected = 1;
  while (findings.size() < kFindingCountMax) {
    EDCSYNC_ASSIGN(const bool row, statement.Step());
    if (!row) break;
    const std::int64_t sequence = statement.Int(0);
    const std::string name = "outbox " + std::to_string(sequence) + ": ";
    if (sequence != expected) {
      findings.push_back(name + "sequence " + std::to_string(expected) + " was expected");
    }
    EDCSYNC_ASSIGN(const Digest stored, ReadDigest(statement, 1, sequence));
    if (statement.IsNull(2)) {
      findings.push_back(name + "its revision is gone");
    } else if (ChainDigest(chain, statement.Blob(2)) != stored) {
      findings.push_back(name + "chain does not follow");
    }
    chain = stored;
    expected = sequence + 1;
  }
  return findings;
}

}  // namespace edcsync::edge
