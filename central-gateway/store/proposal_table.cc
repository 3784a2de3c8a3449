#include "central-gateway/store/proposal_table.h"

#include "central-gateway/store/sql_values.h"
#include "shared/crypto/revision_id.h"

namespace edcsync::central {
namespace {

#define EDCSYNC_PROPOSAL                                                                       \
  "SELECT proposal_id, conflict_id, revision_id, sealed, proposed_by, full_name, "             \
  "proposed_at_ms, state, ended_at_ms, ended_by, edge_id, answered_at_ms, answer_sealed FROM " \
  "proposal "

constexpr std::string_view kFindProposal = EDCSYNC_PROPOSAL "WHERE proposal_id = ?1";
constexpr std::string_view kWaitingOf = EDCSYNC_PROPOSAL "WHERE conflict_id = ?1 AND state = 1";
constexpr std::string_view kOf = EDCSYNC_PROPOSAL "WHERE conflict_id = ?1 ORDER BY proposal_id";

#undef EDCSYNC_PROPOSAL

Bytes Additional(std::string_view what, SnowflakeId id) {
  const std::string text = std::string(what) + " " + std::to_string(id.value());
  return Bytes(text.begin(), text.end());
}
Bytes ForRevision(SnowflakeId id) { return Additional("proposal", id); }
Bytes ForAnswer(SnowflakeId id) { return Additional("proposal answer", id); }
Bytes ForReopening(SnowflakeId id) { return Additional("reopening", id); }

}  // namespace

Result<ProposalRow> ProposalTable::Read(const Statement& statement) {
  ProposalRow row;
  row.id = SnowflakeId(Unsigned(statement.Int(0)));
  row.conflict = SnowflakeId(Unsigned(statement.Int(1)));
  row.revision = RevisionIdFromBytes(statement.Blob(2));
  EDCSYNC_ASSIGN(row.canonical, cipher_.Open(statement.Blob(3), ForRevision(row.id)));
  if (IdOf(row.canonical) != row.revision) {
    return Fail(ErrorCode::kDecryption,
                "proposal " + std::to_string(row.id.value()) + " has another revision's bytes");
  }
  row.proposed_by = TextAt(statement, 4);
  row.full_name = TextAt(statement, 5);
  row.proposed_at.ms = statement.Int(6);
  row.state = static_cast<ProposalState>(statement.Int(7));
  row.ended_at = OptionalTime(statement, 8);
  row.ended_by = TextAt(statement, 9);
  row.edge = EdgeId(statement.Text(10));
  row.answered_at = OptionalTime(statement, 11);
  if (!statement.IsNull(12)) {
    EDCSYNC_ASSIGN(const Bytes why, cipher_.Open(statement.Blob(12), ForAnswer(row.id)));
    row.answer_reason = std::string(AsText(why));
  }
  return row;
}

Result<std::optional<ProposalRow>> ProposalTable::Find(SnowflakeId id) {
  Statement statement = database_.Prepare(kFindProposal);
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, Signed(id.value())).Step());
  if (!found) return std::optional<ProposalRow>();
  EDCSYNC_ASSIGN(ProposalRow row, Read(statement));
  return std::optional(std::move(row));
}

Result<std::optional<ProposalRow>> ProposalTable::WaitingOf(SnowflakeId conflict) {
  Statement statement = database_.Prepare(kWaitingOf);
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, Signed(conflict.value())).Step());
  if (!found) return std::optional<ProposalRow>();
  EDCSYNC_ASSIGN(ProposalRow row, Read(statement));
  return std::optional(std::move(row));
}

Result<std::vector<ProposalRow>> ProposalTable::Of(SnowflakeId conflict) {
  Statement statement = database_.Prepare(kOf);
  statement.Bind(1, Signed(conflict.value()));
  std::vector<ProposalRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    EDCSYNC_ASSIGN(ProposalRow row, Read(statement));
    rows.push_back(std::move(row));
  }
}

Status ProposalTable::Insert(const ProposalRow& row) {
  Bytes sealed;
  cipher_.Seal(row.canonical, ForRevision(row.id), sealed);
  Statement statement = database_.Prepare(
      "INSERT INTO proposal (proposal_id, conflict_id, revision_id, sealed, proposed_by, "
      "full_name, "
      "proposed_at_ms, state, ended_by, edge_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, '', '')");
  statement.Bind(1, Signed(row.id.value()))
      .Bind(2, Signed(row.conflict.value()))
      .Bind(3, row.revision.view())
      .Bind(4, BytesView(sealed))
      .Bind(5, row.proposed_by)
      .Bind(6, row.full_name);
  EDCSYNC_TRY(statement.Bind(7, row.proposed_at.ms).Run());
  return Ok();
}

Status ProposalTable::End(const ProposalRow& row) {
  Statement statement = database_.Prepare(
      "UPDATE proposal SET state = ?2, ended_at_ms = ?3, ended_by = ?4, edge_id = ?5, "
      "answered_at_ms = ?6, answer_sealed = ?7 WHERE proposal_id = ?1 AND state = 1");
  statement.Bind(1, Signed(row.id.value())).Bind(2, Number(row.state));
  BindOptional(statement, 3, row.ended_at);
  statement.Bind(4, row.ended_by).Bind(5, row.edge.str());
  BindOptional(statement, 6, row.answered_at);
  Bytes sealed;
  if (row.answer_reason.empty()) {
    statement.BindNull(7);
  } else {
    cipher_.Seal(AsBytes(row.answer_reason), ForAnswer(row.id), sealed);
    statement.Bind(7, BytesView(sealed));
  }
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kStale,
              "proposal " + std::to_string(row.id.value()) + " does not wait any more");
}

Result<std::optional<ReopeningRow>> ProposalTable::ReopeningOf(SnowflakeId conflict) {
  Statement statement = database_.Prepare(
      "SELECT reopens, user, reopened_at_ms, reason_sealed FROM reopening WHERE conflict_id = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, Signed(conflict.value())).Step());
  if (!found) return std::optional<ReopeningRow>();
  ReopeningRow row;
  row.conflict = conflict;
  row.reopens = SnowflakeId(Unsigned(statement.Int(0)));
  row.user = TextAt(statement, 1);
  row.reopened_at.ms = statement.Int(2);
  EDCSYNC_ASSIGN(const Bytes why, cipher_.Open(statement.Blob(3), ForReopening(conflict)));
  row.reason = std::string(AsText(why));
  return std::optional(std::move(row));
}

Result<std::optional<SnowflakeId>> ProposalTable::ReopenedAs(SnowflakeId conflict) {
  Statement statement =
      database_.Prepare("SELECT max(conflict_id) FROM reopening WHERE reopens = ?1");
  EDCSYNC_TRY(statement.Bind(1, Signed(conflict.value())).Step());
  if (statement.IsNull(0)) return std::optional<SnowflakeId>();
  return std::optional(SnowflakeId(Unsigned(statement.Int(0))));
}

Status ProposalTable::InsertReopening(const ReopeningRow& row) {
  Bytes sealed;
  cipher_.Seal(AsBytes(row.reason), ForReopening(row.conflict), sealed);
  Statement statement = database_.Prepare(
      "INSERT INTO reopening (conflict_id, reopens, user, reopened_at_ms, reason_sealed) "
      "VALUES (?1, ?2, ?3, ?4, ?5)");
  statement.Bind(1, Signed(row.conflict.value()))
      .Bind(2, Signed(row.reopens.value()))
      .Bind(3, row.user)
      .Bind(4, row.reopened_at.ms);
  EDCSYNC_TRY(statement.Bind(5, BytesView(sealed)).Run());
  return Ok();
}

}  // namespace edcsync::central
