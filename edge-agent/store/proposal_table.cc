#include "edge-agent/store/proposal_table.h"

#include "shared/storage/revision_table.h"

namespace edcsync::edge {
namespace {

#define EDCSYNC_PROPOSAL                                                                       \
  "SELECT proposal_id, conflict_id, record_key, proposed_by, revision_id, sealed, "            \
  "received_at_ms, state, answered_by, answer_sealed, answered_at_ms, told, outcome FROM " \
  "proposal "

constexpr std::string_view kFind = EDCSYNC_PROPOSAL "WHERE proposal_id = ?1";
constexpr std::string_view kWaiting =
    EDCSYNC_PROPOSAL "WHERE state = 1 ORDER BY proposal_id DESC LIMIT ?1";
constexpr std::string_view kAll = EDCSYNC_PROPOSAL "ORDER BY proposal_id DESC LIMIT ?1";
constexpr std::string_view kNextToTell =
    EDCSYNC_PROPOSAL "WHERE told = 0 AND state IN (2, 3) ORDER BY proposal_id LIMIT 1";

#undef EDCSYNC_PROPOSAL

Bytes ForAnswer(const RevisionId& revision) {
  const std::string text = "proposal answer " + revision.ToHex();
  return Bytes(text.begin(), text.end());
}

std::int64_t Column(std::uint64_t id) { return static_cast<std::int64_t>(id); }

}  // namespace

Result<ProposalHere> ProposalTable::Read(const Statement& statement) const {
  ProposalHere row;
  row.proposal_id = static_cast<std::uint64_t>(statement.Int(0));
  row.conflict_id = static_cast<std::uint64_t>(statement.Int(1));
  row.record_key = std::string(statement.Text(2));
  row.proposed_by = std::string(statement.Text(3));
  row.revision = RevisionIdFromBytes(statement.Blob(4));
  EDCSYNC_ASSIGN(row.canonical, OpenSealedRevision(cipher_, statement.Blob(5), row.revision));
  row.received_at = WallTime{statement.Int(6)};
  row.state = static_cast<ProposalState>(statement.Int(7));
  row.answered_by = std::string(statement.Text(8));
  if (!statement.IsNull(9)) {
    EDCSYNC_ASSIGN(const Bytes why, cipher_.Open(statement.Blob(9), ForAnswer(row.revision)));
    row.answer_reason = std::string(AsText(why));
  }
  if (!statement.IsNull(10)) row.answered_at = WallTime{statement.Int(10)};
  row.told = statement.Int(11) != 0;
  if (!statement.IsNull(12)) row.outcome = static_cast<ProposalState>(statement.Int(12));
  return row;
}

Result<std::optional<ProposalHere>> ProposalTable::ReadOne(Statement& statement) const {
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<ProposalHere>();
  EDCSYNC_ASSIGN(ProposalHere row, Read(statement));
  return std::optional(std::move(row));
}

Result<std::optional<ProposalHere>> ProposalTable::Find(std::uint64_t proposal_id) const {
  Statement statement = database_.Prepare(kFind);
  statement.Bind(1, Column(proposal_id));
  return ReadOne(statement);
}

Result<std::optional<ProposalHere>> ProposalTable::NextToTell() const {
  Statement statement = database_.Prepare(kNextToTell);
  return ReadOne(statement);
}

Result<std::vector<ProposalHere>> ProposalTable::List(bool all, std::size_t count_max) const {
  Statement statement = database_.Prepare(all ? kAll : kWaiting);
  statement.Bind(1, static_cast<std::int64_t>(count_max));
  std::vector<ProposalHere> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    EDCSYNC_ASSIGN(ProposalHere row, Read(statement));
    rows.push_back(std::move(row));
  }
}

Result<std::uint64_t> ProposalTable::CountWaiting() const {
  Statement statement = database_.Prepare("SELECT count(*) FROM proposal WHERE state = 1");
  EDCSYNC_TRY(statement.Step());
  return static_cast<std::uint64_t>(statement.Int(0));
}

Status ProposalTable::Put(const ProposalHere& proposal) {
  Bytes sealed;
  cipher_.Seal(proposal.canonical, proposal.revision.view(), sealed);
  Statement statement = database_.Prepare(
      "INSERT INTO proposal (proposal_id, conflict_id, record_key, proposed_by, revision_id, sealed, "
      "received_at_ms, state, answered_by, told) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, '', 0) "
      "ON CONFLICT (proposal_id) DO UPDATE SET told = 0, "
      "state = CASE state WHEN 4 THEN 1 ELSE state END");
  statement.Bind(1, Column(proposal.proposal_id))
      .Bind(2, Column(proposal.conflict_id))
      .Bind(3, std::string_view(proposal.record_key))
      .Bind(4, std::string_view(proposal.proposed_by))
      .Bind(5, proposal.revision.view())
      .Bind(6, BytesView(sealed));
  EDCSYNC_TRY(statement.Bind(7, proposal.received_at.ms).Run());
  return Ok();
}

Status ProposalTable::EndWaitingOf(const std::string& record_key, std::uint64_t kept) {
  Statement statement = database_.Prepare(
      "UPDATE proposal SET state = 4 WHERE record_key = ?1 AND state = 1 AND proposal_id <> ?2");
  EDCSYNC_TRY(statement.Bind(1, std::string_view(record_key)).Bind(2, Column(kept)).Run());
  return Ok();
}

Status ProposalTable::EndAllWaiting() {
  Statement statement = database_.Prepare("UPDATE proposal SET state = 4 WHERE state = 1");
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Status ProposalTable::Answer(const ProposalHere& proposal) {
  Statement statement = database_.Prepare(
      "UPDATE proposal SET state = ?2, answered_by = ?3, answer_sealed = ?4, answered_at_ms = ?5 "
      "WHERE proposal_id = ?1 AND state = 1");
  statement.Bind(1, Column(proposal.proposal_id))
      .Bind(2, static_cast<std::int64_t>(proposal.state))
      .Bind(3, std::string_view(proposal.answered_by));
  Bytes sealed;
  if (proposal.answer_reason.empty()) {
    statement.BindNull(4);
  } else {
    cipher_.Seal(AsBytes(proposal.answer_reason), ForAnswer(proposal.revision), sealed);
    statement.Bind(4, BytesView(sealed));
  }
  EDCSYNC_ASSIGN(const std::int64_t changed,
                 statement.Bind(5, proposal.answered_at->ms).Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kStale, "This proposal does not wait for an answer any more");
}

Status ProposalTable::SetTold(std::uint64_t proposal_id, ProposalState outcome) {
  Statement statement =
      database_.Prepare("UPDATE proposal SET told = 1, outcome = ?2 WHERE proposal_id = ?1");
  EDCSYNC_TRY(statement.Bind(1, Column(proposal_id))
                  .Bind(2, static_cast<std::int64_t>(outcome))
                  .Run());
  return Ok();
}

}  // namespace edcsync::edge
