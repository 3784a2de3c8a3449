#include "shared/storage/audit_table.h"

#include <algorithm>
#include <limits>

#include "shared/base/check.h"
#include "shared/crypto/digest.h"

namespace edcsync {
namespace {

constexpr std::uint64_t kProgressEvery = 10'000;  // Entries.

// The columns of every SELECT here: number, id, at_ms, actor, action, object, detail, hash.
Result<AuditEntry> ReadEntry(const Statement& row) {
  AuditEntry entry;
  entry.number = static_cast<std::uint64_t>(row.Int(0));
  entry.id = static_cast<std::uint64_t>(row.Int(1));
  entry.at = WallTime{row.Int(2)};
  entry.actor = row.Text(3);
  entry.action = row.Text(4);
  entry.object = row.Text(5);
  entry.detail = row.Text(6);
  const BytesView hash = row.Blob(7);
  if (hash.size() != entry.hash.size()) {
    return Fail(ErrorCode::kCorrupt,
                "audit entry " + std::to_string(entry.number) + " has no whole hash");
  }
  std::copy(hash.begin(), hash.end(), entry.hash.begin());
  return entry;
}

Result<AuditTable::Tail> ReadTail(Database& database) {
  Statement statement =
      database.Prepare("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1");
  AuditTable::Tail tail;
  tail.known = true;
  EDCSYNC_ASSIGN(const bool row, statement.Step());
  if (!row) return tail;
  tail.number = static_cast<std::uint64_t>(statement.Int(0));
  const BytesView hash = statement.Blob(1);
  if (hash.size() != tail.hash.size()) {
    return Fail(ErrorCode::kCorrupt, "the last audit entry has no whole hash");
  }
  std::copy(hash.begin(), hash.end(), tail.hash.begin());
  return tail;
}

}  // namespace

Status AuditTable::Append(AuditEntry entry) {
  if (!tail_.known) {
    EDCSYNC_ASSIGN(tail_, ReadTail(database_));
  }
  entry.number = tail_.number + 1;
  entry.hash = ChainDigest(tail_.hash, EncodeAuditEntry(entry));
  Statement statement = database_.Prepare(
      "INSERT INTO audit (number, id, at_ms, actor, action, object, detail, hash) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  statement.Bind(1, static_cast<std::int64_t>(entry.number))
      .Bind(2, static_cast<std::int64_t>(entry.id))
      .Bind(3, entry.at.ms)
      .Bind(4, std::string_view(entry.actor))
      .Bind(5, std::string_view(entry.action))
      .Bind(6, std::string_view(entry.object))
      .Bind(7, std::string_view(entry.detail))
      .Bind(8, BytesView(entry.hash));
  EDCSYNC_TRY(statement.Run());
  tail_.number = entry.number;
  tail_.hash = entry.hash;
  return Ok();
}

Result<std::vector<AuditEntry>> AuditTable::List(const Filter& filter) const {
  Statement statement = database_.Prepare(
      "SELECT number, id, at_ms, actor, action, object, detail, hash FROM audit "
      "WHERE number > ?1 AND (?2 = '' OR object = ?2) AND (?3 = '' OR action = ?3) "
      "ORDER BY number LIMIT ?4");
  statement.Bind(1, static_cast<std::int64_t>(filter.after_number))
      .Bind(2, std::string_view(filter.object))
      .Bind(3, std::string_view(filter.action))
      .Bind(4, static_cast<std::int64_t>(filter.count_max));
  std::vector<AuditEntry> entries;
  while (true) {
    EDCSYNC_ASSIGN(const bool row, statement.Step());
    if (!row) return entries;
    EDCSYNC_ASSIGN(AuditEntry entry, ReadEntry(statement));
    entries.push_back(std::move(entry));
  }
}

Result<std::vector<AuditEntry>> AuditTable::NewestFirst(const Search& search) const {
  // A prefix is a range of texts: '/' follows '.'.
  const bool is_prefix = search.action.ends_with('.');
  std::string action_end = search.action;
  if (is_prefix) action_end.back() = '/';
  Statement statement = database_.Prepare(
      "SELECT number, id, at_ms, actor, action, object, detail, hash FROM audit "
      "WHERE number < ?1 AND (?2 = '' OR object = ?2) AND (?3 = '' OR actor = ?3) "
      "AND (?4 = '' OR action = ?4 OR (?5 <> ?4 AND action >= ?4 AND action < ?5)) "
      "AND at_ms >= ?6 AND at_ms <= ?7 ORDER BY number DESC LIMIT ?8");
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  statement.Bind(1, search.before_number == 0 ? kMost
                                              : static_cast<std::int64_t>(search.before_number))
      .Bind(2, std::string_view(search.object))
      .Bind(3, std::string_view(search.actor))
      .Bind(4, std::string_view(search.action))
      .Bind(5, std::string_view(action_end))
      .Bind(6, search.from ? search.from->ms : std::numeric_limits<std::int64_t>::min())
      .Bind(7, search.to ? search.to->ms : kMost)
      .Bind(8, static_cast<std::int64_t>(search.count_max));
  std::vector<AuditEntry> entries;
  while (true) {
    EDCSYNC_ASSIGN(const bool row, statement.Step());
    if (!row) return entries;
    EDCSYNC_ASSIGN(AuditEntry entry, ReadEntry(statement));
    entries.push_back(std::move(entry));
  }
}

Result<std::vector<std::string>> AuditTable::Verify(
    std::uint64_t& entry_count, const std::function<void(std::uint64_t)>& progress) const {
  Statement statement = database_.Prepare(
      "SELECT number, id, at_ms, actor, action, object, detail, hash FROM audit "
      "ORDER BY number");
  std::vector<std::string> findings;
  entry_count = 0;
  Digest previous{};
  std::uint64_t expected = 1;
  while (findings.size() < kFindingCountMax) {
    EDCSYNC_ASSIGN(const bool row, statement.Step());
    if (!row) break;
    EDCSYNC_ASSIGN(const AuditEntry entry, ReadEntry(statement));
    const std::string name = "audit entry " + std::to_string(entry.number) + ": ";
    if (entry.number != expected) {
      findings.push_back(name + "entry " + std::to_string(expected) + " was expected");
    }
    if (ChainDigest(previous, EncodeAuditEntry(entry)) != entry.hash) {
      findings.push_back(name + "hash does not follow");
    }
    // From the hash that stands there: one altered entry is one finding, not one for each after.
    previous = entry.hash;
    expected = entry.number + 1;
    ++entry_count;
    if (progress && entry_count % kProgressEvery == 0) progress(entry_count);
  }
  return findings;
}

}  // namespace edcsync
