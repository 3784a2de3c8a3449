#include "central-gateway/store/reconciliation_table.h"

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {
namespace {

#define EDCSYNC_RECONCILIATION                                                                   \
  "SELECT reconciliation_id, site_oid, edge_id, asked_by, reason, asked_at_ms, state, step, "    \
  "rounds, changed_at_ms, started_at_ms, ended_at_ms, site_revisions, centre_revisions, "        \
  "explained, bytes_down, bytes_up, report, centre_signature, site_signature, centre_pem, "      \
  "site_pem FROM reconciliation "

constexpr std::string_view kFindReconciliation =
    EDCSYNC_RECONCILIATION "WHERE reconciliation_id = ?1";
constexpr std::string_view kListReconciliations = EDCSYNC_RECONCILIATION
    "WHERE (?1 = '' OR edge_id = ?1) AND (?2 = '' OR site_oid = ?2) "
    "ORDER BY reconciliation_id DESC LIMIT ?3";
constexpr std::string_view kUnfinishedReconciliations =
    EDCSYNC_RECONCILIATION "WHERE state IN (1, 2) ORDER BY reconciliation_id";

constexpr std::string_view kRecentReconciliations = EDCSYNC_RECONCILIATION
    "WHERE edge_id = ?1 ORDER BY asked_at_ms DESC LIMIT ?2";
constexpr std::string_view kLastEndedReconciliation = EDCSYNC_RECONCILIATION
    "WHERE edge_id = ?1 AND state > 2 ORDER BY asked_at_ms DESC LIMIT 1";

#undef EDCSYNC_RECONCILIATION

constexpr std::string_view kFeedGaps =
    "SELECT f.revision_rowid, coalesce(e.edge_id, '') FROM feed f "
    "LEFT JOIN revision r ON r.revision_rowid = f.revision_rowid "
    "LEFT JOIN incarnation i ON i.incarnation_id = f.incarnation_id "
    "LEFT JOIN edge e ON e.edge_rowid = i.edge_rowid "
    "WHERE f.site_id = ?1 AND f.kind = 1 AND r.revision_rowid IS NULL ORDER BY f.cursor LIMIT ?2";

ReconciliationRow ReadReconciliation(const Statement& statement) {
  ReconciliationRow row;
  row.id = SnowflakeId(Unsigned(statement.Int(0)));
  row.site = SiteOID(statement.Text(1));
  row.edge = EdgeId(statement.Text(2));
  row.asked_by = TextAt(statement, 3);
  row.reason = TextAt(statement, 4);
  row.asked_at.ms = statement.Int(5);
  row.state = static_cast<ReconciliationState>(statement.Int(6));
  row.step = TextAt(statement, 7);
  row.rounds = Unsigned(statement.Int(8));
  row.changed_at.ms = statement.Int(9);
  row.started_at = OptionalTime(statement, 10);
  row.ended_at = OptionalTime(statement, 11);
  row.site_revisions = Unsigned(statement.Int(12));
  row.centre_revisions = Unsigned(statement.Int(13));
  row.explained = Unsigned(statement.Int(14));
  row.bytes_down = Unsigned(statement.Int(15));
  row.bytes_up = Unsigned(statement.Int(16));
  row.report = TextAt(statement, 17);
  Append(row.centre_signature, statement.Blob(18));
  Append(row.site_signature, statement.Blob(19));
  row.centre_pem = TextAt(statement, 20);
  row.site_pem = TextAt(statement, 21);
  return row;
}

Result<std::vector<ReconciliationRow>> ReadReconciliations(Statement& statement) {
  std::vector<ReconciliationRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back(ReadReconciliation(statement));
  }
}

void BindProgress(Statement& statement, const ReconciliationRow& row) {
  statement.Bind(1, Signed(row.id.value()))
      .Bind(2, Number(row.state))
      .Bind(3, std::string_view(row.step))
      .Bind(4, Signed(row.rounds))
      .Bind(5, row.changed_at.ms);
  BindOptional(statement, 6, row.started_at);
  BindOptional(statement, 7, row.ended_at);
  statement.Bind(8, Signed(row.site_revisions))
      .Bind(9, Signed(row.centre_revisions))
      .Bind(10, Signed(row.explained))
      .Bind(11, Signed(row.bytes_down))
      .Bind(12, Signed(row.bytes_up))
      .Bind(13, std::string_view(row.report))
      .Bind(14, BytesView(row.centre_signature))
      .Bind(15, BytesView(row.site_signature))
      .Bind(16, std::string_view(row.centre_pem))
      .Bind(17, std::string_view(row.site_pem));
}

}  // namespace

std::string_view ToString(ReconciliationState state) {
  switch (state) {
    case ReconciliationState::kWaiting: return "waiting";
    case ReconciliationState::kRunning: return "running";
    case ReconciliationState::kEqual: return "equal";
    case ReconciliationState::kMended: return "mended";
    case ReconciliationState::kDifferent: return "different";
    case ReconciliationState::kFailed: return "failed";
  }
  return "failed";
}

std::string_view ToString(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kMissingAtSite: return "missing_at_site";
    case DifferenceKind::kMissingAtCentre: return "missing_at_centre";
    case DifferenceKind::kDamagedAtSite: return "damaged_at_site";
    case DifferenceKind::kDamagedAtCentre: return "damaged_at_centre";
  }
  return "damaged_at_centre";
}

std::string_view ToString(DifferenceOutcome outcome) {
  switch (outcome) {
    case DifferenceOutcome::kFound: return "found";
    case DifferenceOutcome::kBroughtBack: return "brought_back";
    case DifferenceOutcome::kNotBroughtBack: return "not_brought_back";
  }
  return "found";
}

Result<std::optional<ReconciliationRow>> ReconciliationTable::Find(SnowflakeId id) const {
  Statement statement = database_.Prepare(kFindReconciliation);
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, Signed(id.value())).Step());
  if (!found) return std::optional<ReconciliationRow>();
  return std::optional(ReadReconciliation(statement));
}

Result<std::vector<ReconciliationRow>> ReconciliationTable::List(const std::string& edge,
                                                                 const std::string& site,
                                                                 std::size_t count_max) const {
  Statement statement = database_.Prepare(kListReconciliations);
  statement.Bind(1, std::string_view(edge))
      .Bind(2, std::string_view(site))
      .Bind(3, Signed(count_max));
  return ReadReconciliations(statement);
}

Result<std::vector<ReconciliationRow>> ReconciliationTable::ListUnfinished() const {
  Statement statement = database_.Prepare(kUnfinishedReconciliations);
  return ReadReconciliations(statement);
}

Result<std::vector<ReconciliationRow>> ReconciliationTable::Recent(const EdgeId& edge,
                                                                   std::size_t count_max) const {
  Statement statement = database_.Prepare(kRecentReconciliations);
  statement.Bind(1, std::string_view(edge.str())).Bind(2, Signed(count_max));
  return ReadReconciliations(statement);
}

Result<LastComparison> ReconciliationTable::LastOf(const EdgeId& edge) const {
  LastComparison last;
  Statement newest = database_.Prepare(kLastEndedReconciliation);
  EDCSYNC_ASSIGN(const bool found, newest.Bind(1, std::string_view(edge.str())).Step());
  if (!found) return last;
  last.ended = ReadReconciliation(newest);
  Statement counts = database_.Prepare(
      "SELECT count(*), count(*) FILTER (WHERE outcome <> 2) FROM reconciliation_difference "
      "WHERE reconciliation_id = ?1");
  EDCSYNC_TRY(counts.Bind(1, Signed(last.ended->id.value())).Step());
  last.differences = Unsigned(counts.Int(0));
  last.not_brought_back = Unsigned(counts.Int(1));
  Statement finished = database_.Prepare(
      "SELECT ended_at_ms FROM reconciliation WHERE edge_id = ?1 AND state IN (3, 4, 5) "
      "ORDER BY asked_at_ms DESC LIMIT 1");
  EDCSYNC_ASSIGN(const bool ever, finished.Bind(1, std::string_view(edge.str())).Step());
  if (ever) last.compared_at = WallTime{finished.Int(0)};
  return last;
}

Status ReconciliationTable::Insert(const ReconciliationRow& row) {
  Statement unfinished = database_.Prepare(
      "SELECT 1 FROM reconciliation WHERE edge_id = ?1 AND state IN (1, 2)");
  EDCSYNC_ASSIGN(const bool found, unfinished.Bind(1, std::string_view(row.edge.str())).Step());
  if (found) {
    return Fail(ErrorCode::kAlreadyExists,
                "a reconciliation of edge " + row.edge.str() + " is under way");
  }
  Statement statement = database_.Prepare(
      "INSERT INTO reconciliation (reconciliation_id, state, step, rounds, changed_at_ms, "
      "started_at_ms, ended_at_ms, site_revisions, centre_revisions, explained, bytes_down, "
      "bytes_up, report, centre_signature, site_signature, centre_pem, site_pem, site_oid, "
      "edge_id, asked_by, reason, asked_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
      "?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)");
  BindProgress(statement, row);
  statement.Bind(18, std::string_view(row.site.str()))
      .Bind(19, std::string_view(row.edge.str()))
      .Bind(20, std::string_view(row.asked_by))
      .Bind(21, std::string_view(row.reason))
      .Bind(22, row.asked_at.ms);
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Status ReconciliationTable::Update(const ReconciliationRow& row) {
  Statement statement = database_.Prepare(
      "UPDATE reconciliation SET state = ?2, step = ?3, rounds = ?4, changed_at_ms = ?5, "
      "started_at_ms = ?6, ended_at_ms = ?7, site_revisions = ?8, centre_revisions = ?9, "
      "explained = ?10, bytes_down = ?11, bytes_up = ?12, report = ?13, centre_signature = ?14, "
      "site_signature = ?15, centre_pem = ?16, site_pem = ?17 "
      "WHERE reconciliation_id = ?1 AND state IN (1, 2)");
  BindProgress(statement, row);
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kStale, "this reconciliation has ended");
}

Result<std::vector<DifferenceRow>> ReconciliationTable::Differences(SnowflakeId id,
                                                                    const RevisionId* after,
                                                                    std::size_t count_max) const {
  Statement statement = database_.Prepare(
      "SELECT revision_id, record_key, found, outcome, detail, found_at_ms "
      "FROM reconciliation_difference WHERE reconciliation_id = ?1 AND revision_id > ?2 "
      "ORDER BY revision_id LIMIT ?3");
  statement.Bind(1, Signed(id.value()))
      .Bind(2, after == nullptr ? BytesView() : after->view())
      .Bind(3, Signed(count_max));
  std::vector<DifferenceRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    DifferenceRow& row = rows.emplace_back();
    row.revision = RevisionIdFromBytes(statement.Blob(0));
    row.record_key = TextAt(statement, 1);
    row.kind = static_cast<DifferenceKind>(statement.Int(2));
    row.outcome = static_cast<DifferenceOutcome>(statement.Int(3));
    row.detail = TextAt(statement, 4);
    row.found_at.ms = statement.Int(5);
  }
}

Status ReconciliationTable::PutDifference(SnowflakeId id, const DifferenceRow& row) {
  Statement statement = database_.Prepare(
      "INSERT INTO reconciliation_difference (reconciliation_id, revision_id, record_key, found, "
      "outcome, detail, found_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
      "ON CONFLICT (reconciliation_id, revision_id) DO UPDATE SET outcome = ?5, detail = ?6");
  EDCSYNC_TRY(statement.Bind(1, Signed(id.value()))
                  .Bind(2, row.revision.view())
                  .Bind(3, std::string_view(row.record_key))
                  .Bind(4, Number(row.kind))
                  .Bind(5, Number(row.outcome))
                  .Bind(6, std::string_view(row.detail))
                  .Bind(7, row.found_at.ms)
                  .Run());
  return Ok();
}

Result<std::vector<FeedGap>> ReconciliationTable::FindFeedGaps(std::int64_t site,
                                                               std::size_t count_max) const {
  Statement statement = database_.Prepare(kFeedGaps);
  statement.Bind(1, site).Bind(2, Signed(count_max));
  std::vector<FeedGap> gaps;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return gaps;
    gaps.push_back({statement.Int(0), EdgeId(statement.Text(1))});
  }
}

}  // namespace edcsync::central
