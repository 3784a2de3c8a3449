#include "central-gateway/store/intake_table.h"

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {
namespace {

IntakeRow Read(const Statement& statement) {
  IntakeRow row;
  row.sequence = Sequence(Unsigned(statement.Int(0)));
  row.revision = RevisionIdFromBytes(statement.Blob(1));
  row.outcome = static_cast<Outcome>(statement.Int(2));
  row.reason = static_cast<std::uint16_t>(statement.Int(3));
  return row;
}

}  // namespace

Result<std::optional<IntakeRow>> IntakeTable::Find(std::int64_t incarnation, Sequence sequence) {
  Statement statement = database_.Prepare(
      "SELECT sequence, revision_id, outcome, reason FROM intake "
      "WHERE incarnation_id = ?1 AND sequence = ?2");
  statement.Bind(1, incarnation).Bind(2, Signed(sequence.value()));
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<IntakeRow>();
  return std::optional(Read(statement));
}

Result<std::vector<IntakeRow>> IntakeTable::List(std::int64_t incarnation, Sequence after,
                                                 std::size_t count_max) {
  Statement statement = database_.Prepare(
      "SELECT sequence, revision_id, outcome, reason FROM intake "
      "WHERE incarnation_id = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3");
  statement.Bind(1, incarnation).Bind(2, Signed(after.value())).Bind(3, Limit(count_max));
  std::vector<IntakeRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back(Read(statement));
  }
}

Status IntakeTable::Insert(std::int64_t incarnation, const IntakeRow& row) {
  Statement statement = database_.Prepare(
      "INSERT INTO intake (incarnation_id, sequence, revision_id, outcome, reason) "
      "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (incarnation_id, sequence) DO NOTHING");
  statement.Bind(1, incarnation)
      .Bind(2, Signed(row.sequence.value()))
      .Bind(3, row.revision.view())
      .Bind(4, Number(row.outcome))
      .Bind(5, std::int64_t{row.reason});
  EDCSYNC_ASSIGN(const std::int64_t inserted, statement.Run());
  if (inserted == 1) return Ok();
  EDCSYNC_ASSIGN(const std::optional<IntakeRow> known, Find(incarnation, row.sequence));
  if (known && known->revision == row.revision) return Ok();
  return Fail(ErrorCode::kIncarnationMismatch,
              "sequence " + std::to_string(row.sequence.value()) +
                  " came before with another revision");
}

Status IntakeTable::SetOutcome(std::int64_t incarnation, Sequence sequence, Outcome outcome,
                               std::uint16_t reason) {
  Statement statement = database_.Prepare(
      "UPDATE intake SET outcome = ?3, reason = ?4 "
      "WHERE incarnation_id = ?1 AND sequence = ?2");
  statement.Bind(1, incarnation)
      .Bind(2, Signed(sequence.value()))
      .Bind(3, Number(outcome))
      .Bind(4, std::int64_t{reason});
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kNotFound,
              "no revision came with sequence " + std::to_string(sequence.value()));
}

}  // namespace edcsync::central
