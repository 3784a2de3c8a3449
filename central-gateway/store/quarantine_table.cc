#include "central-gateway/store/quarantine_table.h"

#include "central-gateway/store/sql_values.h"
#include "shared/crypto/revision_id.h"

namespace edcsync::central {
namespace {

#define EDCSYNC_QUARANTINE                                                                     \
  "SELECT revision_id, sealed, edge_id, incarnation, sequence, record_key, site_id, reason, "  \
  "detail, missing_parent, received_at_ms, state, decided_by, decision_sealed, decided_at_ms, " \
  "quarantine_rowid "                                                                          \
  "FROM quarantine "

constexpr std::string_view kFindQuarantined = EDCSYNC_QUARANTINE "WHERE revision_id = ?1";
constexpr std::string_view kWaitingRevisions =
    EDCSYNC_QUARANTINE "WHERE state = 1 ORDER BY quarantine_rowid LIMIT ?1";
constexpr std::string_view kAll = EDCSYNC_QUARANTINE "ORDER BY quarantine_rowid LIMIT ?1";
constexpr std::string_view kHeldFor = EDCSYNC_QUARANTINE
    "WHERE state = 1 AND missing_parent = ?1 ORDER BY quarantine_rowid";

// Those that wait have an index of their own.
constexpr std::string_view kWaitingPage = EDCSYNC_QUARANTINE
    "WHERE state = 1 AND quarantine_rowid > ?1 ORDER BY quarantine_rowid LIMIT ?2";
constexpr std::string_view kPage = EDCSYNC_QUARANTINE
    "WHERE quarantine_rowid > ?1 AND (?3 IS NULL OR state = ?3) ORDER BY quarantine_rowid LIMIT ?2";

#undef EDCSYNC_QUARANTINE

Bytes Additional(std::string_view what, const RevisionId& id) {
  Bytes additional(what.begin(), what.end());
  Append(additional, id.view());
  return additional;
}
Bytes ForBytes(const RevisionId& id) { return Additional("quarantine bytes ", id); }
Bytes ForDecision(const RevisionId& id) { return Additional("quarantine decision ", id); }

}  // namespace

Result<QuarantineRow> QuarantineTable::Read(const Statement& statement) {
  QuarantineRow row;
  row.revision = RevisionIdFromBytes(statement.Blob(0));
  EDCSYNC_ASSIGN(row.bytes, cipher_.Open(statement.Blob(1), ForBytes(row.revision)));
  if (IdOf(row.bytes) != row.revision) {
    return Fail(ErrorCode::kDecryption,
                "quarantine: revision " + row.revision.ToHex() + " has other bytes");
  }
  row.edge = EdgeId(statement.Text(2));
  row.incarnation = RandomIdAt<Incarnation>(statement, 3);
  row.sequence = Sequence(Unsigned(statement.Int(4)));
  if (!statement.IsNull(5)) {
    EDCSYNC_ASSIGN(row.key, ParseRecordKey(statement.Text(5)));
  }
  EDCSYNC_ASSIGN(row.site, sites_.OidOf(statement.Int(6)));
  row.reason = static_cast<std::uint16_t>(statement.Int(7));
  row.detail = TextAt(statement, 8);
  row.missing_parent = OptionalId(statement, 9);
  row.received_at.ms = statement.Int(10);
  row.state = static_cast<QuarantineEnd>(statement.Int(11));
  row.decided_by = TextAt(statement, 12);
  if (!statement.IsNull(13)) {
    EDCSYNC_ASSIGN(const Bytes why, cipher_.Open(statement.Blob(13), ForDecision(row.revision)));
    row.decision_reason = std::string(AsText(why));
  }
  row.decided_at = OptionalTime(statement, 14);
  row.rowid = statement.Int(15);
  return row;
}

Result<std::vector<QuarantineRow>> QuarantineTable::ReadAll(Statement& statement) {
  std::vector<QuarantineRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    EDCSYNC_ASSIGN(QuarantineRow row, Read(statement));
    rows.push_back(std::move(row));
  }
}

Result<std::optional<QuarantineRow>> QuarantineTable::Find(const RevisionId& id) {
  Statement statement = database_.Prepare(kFindQuarantined);
  statement.Bind(1, id.view());
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<QuarantineRow>();
  EDCSYNC_ASSIGN(QuarantineRow row, Read(statement));
  return std::optional(std::move(row));
}

Result<bool> QuarantineTable::Contains(const RevisionId& id) {
  Statement statement = database_.Prepare("SELECT 1 FROM quarantine WHERE revision_id = ?1");
  return statement.Bind(1, id.view()).Step();
}

Result<std::vector<QuarantineRow>> QuarantineTable::List(bool all, std::size_t count_max) {
  Statement statement = database_.Prepare(all ? kAll : kWaitingRevisions);
  statement.Bind(1, Limit(count_max));
  return ReadAll(statement);
}

Result<std::vector<QuarantineRow>> QuarantineTable::Page(std::optional<QuarantineEnd> state,
                                                         std::int64_t after_row,
                                                         std::size_t count_max) {
  const bool waiting = state == QuarantineEnd::kWaiting;
  Statement statement = database_.Prepare(waiting ? kWaitingPage : kPage);
  statement.Bind(1, after_row).Bind(2, Limit(count_max));
  if (!waiting && state) statement.Bind(3, Number(*state));
  return ReadAll(statement);
}

Result<std::vector<QuarantineRow>> QuarantineTable::HeldFor(const RevisionId& parent) {
  Statement statement = database_.Prepare(kHeldFor);
  statement.Bind(1, parent.view());
  return ReadAll(statement);
}

Status QuarantineTable::Insert(const QuarantineRow& row) {
  EDCSYNC_ASSIGN(const bool known, Contains(row.revision));
  if (known) return Ok();
  if (IdOf(row.bytes) != row.revision) {
    return Fail(ErrorCode::kInvariant, "the bytes for quarantine have another revision id");
  }
  EDCSYNC_ASSIGN(const std::int64_t site_id, sites_.NumberOf(row.site));
  Bytes sealed;
  cipher_.Seal(row.bytes, ForBytes(row.revision), sealed);
  Bytes decision;
  if (!row.decision_reason.empty()) {
    cipher_.Seal(AsBytes(row.decision_reason), ForDecision(row.revision), decision);
  }
  const std::string key = row.key ? ToString(*row.key) : std::string();
  Statement statement = database_.Prepare(
      "INSERT INTO quarantine (revision_id, sealed, edge_id, incarnation, sequence, record_key, "
      "site_id, reason, detail, missing_parent, received_at_ms, state, decided_by, "
      "decision_sealed, decided_at_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)");
  statement.Bind(1, row.revision.view())
      .Bind(2, BytesView(sealed))
      .Bind(3, row.edge.str())
      .Bind(4, row.incarnation.view())
      .Bind(5, Signed(row.sequence.value()));
  if (row.key) statement.Bind(6, key);
  statement.Bind(7, site_id).Bind(8, std::int64_t{row.reason}).Bind(9, row.detail);
  BindOptional(statement, 10, row.missing_parent);
  statement.Bind(11, row.received_at.ms).Bind(12, Number(row.state)).Bind(13, row.decided_by);
  if (!decision.empty()) statement.Bind(14, BytesView(decision));
  BindOptional(statement, 15, row.decided_at);
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Status QuarantineTable::Update(const QuarantineRow& row) {
  Bytes decision;
  if (!row.decision_reason.empty()) {
    cipher_.Seal(AsBytes(row.decision_reason), ForDecision(row.revision), decision);
  }
  Statement statement = database_.Prepare(
      "UPDATE quarantine SET reason = ?2, detail = ?3, missing_parent = ?4, state = ?5, "
      "decided_by = ?6, decision_sealed = ?7, decided_at_ms = ?8 "
      "WHERE revision_id = ?1 AND state = 1");
  statement.Bind(1, row.revision.view()).Bind(2, std::int64_t{row.reason}).Bind(3, row.detail);
  BindOptional(statement, 4, row.missing_parent);
  statement.Bind(5, Number(row.state)).Bind(6, row.decided_by);
  if (!decision.empty()) statement.Bind(7, BytesView(decision));
  BindOptional(statement, 8, row.decided_at);
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Run());
  if (changed == 1) return Ok();
  EDCSYNC_ASSIGN(const bool known, Contains(row.revision));
  const std::string name = "revision " + row.revision.ToHex();
  if (!known) return Fail(ErrorCode::kNotFound, name + " is not in quarantine");
  return Fail(ErrorCode::kStale, name + " was decided already");
}

}  // namespace edcsync::central
