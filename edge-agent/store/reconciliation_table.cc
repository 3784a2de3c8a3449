#include "edge-agent/store/reconciliation_table.h"

namespace edcsync::edge {
namespace {

#define EDCSYNC_RECONCILIATION                                                                 \
  "SELECT reconciliation_id, stated_at_ms, statement, settled_at_ms, coalesce(report, ''), "   \
  "coalesce(centre_signature, x''), coalesce(site_signature, x'') FROM reconciliation "

constexpr std::string_view kFindReconciliation =
    EDCSYNC_RECONCILIATION "WHERE reconciliation_id = ?1";
constexpr std::string_view kListReconciliations =
    EDCSYNC_RECONCILIATION "ORDER BY reconciliation_id DESC LIMIT ?1";

#undef EDCSYNC_RECONCILIATION

ReconciliationHere ReadReconciliation(const Statement& statement) {
  ReconciliationHere row;
  row.id = static_cast<std::uint64_t>(statement.Int(0));
  row.stated_at.ms = statement.Int(1);
  row.statement = std::string(statement.Text(2));
  if (!statement.IsNull(3)) row.settled_at = WallTime{statement.Int(3)};
  row.report = std::string(statement.Text(4));
  Append(row.centre_signature, statement.Blob(5));
  Append(row.site_signature, statement.Blob(6));
  return row;
}

}  // namespace

Result<std::optional<ReconciliationHere>> ReconciliationTable::Find(std::uint64_t id) const {
  Statement statement = database_.Prepare(kFindReconciliation);
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, static_cast<std::int64_t>(id)).Step());
  if (!found) return std::optional<ReconciliationHere>();
  return std::optional(ReadReconciliation(statement));
}

Result<std::vector<ReconciliationHere>> ReconciliationTable::List(std::size_t count_max) const {
  Statement statement = database_.Prepare(kListReconciliations);
  statement.Bind(1, static_cast<std::int64_t>(count_max));
  std::vector<ReconciliationHere> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back(ReadReconciliation(statement));
  }
}

Result<std::optional<WallTime>> ReconciliationTable::LastSettled() const {
  Statement statement = database_.Prepare(
      "SELECT settled_at_ms FROM reconciliation WHERE settled_at_ms IS NOT NULL "
      "ORDER BY reconciliation_id DESC LIMIT 1");
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<WallTime>();
  return std::optional(WallTime{statement.Int(0)});
}

Status ReconciliationTable::PutStatement(std::uint64_t id, const std::string& statement,
                                         WallTime now) {
  Statement put = database_.Prepare(
      "INSERT INTO reconciliation (reconciliation_id, stated_at_ms, statement) "
      "VALUES (?1, ?2, ?3) ON CONFLICT (reconciliation_id) DO UPDATE SET stated_at_ms = ?2, "
      "statement = ?3 WHERE settled_at_ms IS NULL");
  EDCSYNC_ASSIGN(const std::int64_t changed, put.Bind(1, static_cast<std::int64_t>(id))
                                                 .Bind(2, now.ms)
                                                 .Bind(3, std::string_view(statement))
                                                 .Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kStale, "this reconciliation has been signed");
}

Status ReconciliationTable::Settle(const ReconciliationHere& settled) {
  Statement statement = database_.Prepare(
      "UPDATE reconciliation SET settled_at_ms = ?2, report = ?3, centre_signature = ?4, "
      "site_signature = ?5 WHERE reconciliation_id = ?1 AND settled_at_ms IS NULL");
  EDCSYNC_ASSIGN(const std::int64_t changed,
                 statement.Bind(1, static_cast<std::int64_t>(settled.id))
                     .Bind(2, settled.settled_at.value_or(WallTime()).ms)
                     .Bind(3, std::string_view(settled.report))
                     .Bind(4, BytesView(settled.centre_signature))
                     .Bind(5, BytesView(settled.site_signature))
                     .Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kStale, "this reconciliation has been signed, or was never begun");
}

}  // namespace edcsync::edge
