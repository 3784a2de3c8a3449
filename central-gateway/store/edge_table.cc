#include "central-gateway/store/edge_table.h"

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {
namespace {

#define EDCSYNC_EDGE_COLUMNS                                                                    \
  "SELECT e.edge_rowid, e.edge_id, e.site_id, e.standing, e.standing_reason, e.added_at_ms, "   \
  "i.incarnation, i.acknowledged_through, i.chain, e.epoch, e.gateway, e.feed_cursor, "         \
  "e.last_contact_ms, e.clock_drift_ms, e.release FROM edge e "                                 \
  "LEFT JOIN incarnation i ON i.incarnation_id = e.incarnation_id "

constexpr std::string_view kFindEdge = EDCSYNC_EDGE_COLUMNS "WHERE e.edge_id = ?1";
constexpr std::string_view kList = EDCSYNC_EDGE_COLUMNS "ORDER BY e.edge_id";

#undef EDCSYNC_EDGE_COLUMNS

tl::unexpected<Error> UnknownEdge(const EdgeId& edge) {
  return Fail(ErrorCode::kUnknownEdge, "no edge is called " + edge.str());
}

}  // namespace

Result<EdgeRow> EdgeTable::Read(const Statement& statement) {
  EdgeRow row;
  const std::int64_t edge_rowid = statement.Int(0);
  row.edge = EdgeId(statement.Text(1));
  EDCSYNC_ASSIGN(row.site, sites_.OidOf(statement.Int(2)));
  row.standing = static_cast<EdgeStanding>(statement.Int(3));
  row.standing_reason = TextAt(statement, 4);
  row.added_at.ms = statement.Int(5);
  row.incarnation = RandomIdAt<Incarnation>(statement, 6);
  row.acknowledged_through = Sequence(Unsigned(statement.Int(7)));
  row.chain = FixedBytes<Digest>(statement, 8);
  row.epoch = Epoch(Unsigned(statement.Int(9)));
  row.gateway = GatewayId(statement.Text(10));
  row.feed_cursor = FeedCursor(Unsigned(statement.Int(11)));
  row.last_contact = OptionalTime(statement, 12);
  if (!statement.IsNull(13)) row.clock_drift_ms = statement.Int(13);
  row.release = TextAt(statement, 14);
  Statement certificates = database_.Prepare(
      "SELECT pem FROM edge_certificate WHERE edge_rowid = ?1 AND revoked_at_ms IS NULL "
      "ORDER BY certificate_rowid DESC");
  certificates.Bind(1, edge_rowid);
  while (true) {
    EDCSYNC_ASSIGN(const bool found, certificates.Step());
    if (!found) return row;
    row.certificates_pem.push_back(TextAt(certificates, 0));
  }
}

Result<std::optional<EdgeRow>> EdgeTable::Find(const EdgeId& edge) {
  Statement statement = database_.Prepare(kFindEdge);
  statement.Bind(1, edge.str());
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<EdgeRow>();
  EDCSYNC_ASSIGN(EdgeRow row, Read(statement));
  return std::optional(std::move(row));
}

Result<std::vector<EdgeRow>> EdgeTable::List() {
  std::vector<EdgeRow> rows;
  Statement statement = database_.Prepare(kList);
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    EDCSYNC_ASSIGN(EdgeRow row, Read(statement));
    rows.push_back(std::move(row));
  }
}

Result<std::vector<std::string>> EdgeTable::RevokedCertificatesPem() {
  std::vector<std::string> certificates;
  Statement statement = database_.Prepare(
      "SELECT pem FROM edge_certificate WHERE revoked_at_ms IS NOT NULL "
      "ORDER BY certificate_rowid");
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return certificates;
    certificates.push_back(TextAt(statement, 0));
  }
}

Result<std::int64_t> EdgeTable::RowOf(const EdgeId& edge) {
  Statement statement = database_.Prepare("SELECT edge_rowid FROM edge WHERE edge_id = ?1");
  statement.Bind(1, edge.str());
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return UnknownEdge(edge);
  return statement.Int(0);
}

Status EdgeTable::Insert(const EdgeRow& edge) {
  EDCSYNC_ASSIGN(const std::int64_t site_id, sites_.NumberOf(edge.site));
  Statement statement = database_.Prepare(
      "INSERT INTO edge (edge_id, site_id, standing, standing_reason, added_at_ms, epoch, "
      "gateway, feed_cursor, last_contact_ms, clock_drift_ms, release) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (edge_id) DO NOTHING");
  statement.Bind(1, edge.edge.str())
      .Bind(2, site_id)
      .Bind(3, Number(edge.standing))
      .Bind(4, edge.standing_reason)
      .Bind(5, edge.added_at.ms)
      .Bind(6, Signed(edge.epoch.value()))
      .Bind(7, edge.gateway.str())
      .Bind(8, Signed(edge.feed_cursor.value()));
  BindOptional(statement, 9, edge.last_contact);
  BindOptional(statement, 10, edge.clock_drift_ms);
  statement.Bind(11, edge.release);
  EDCSYNC_ASSIGN(const std::int64_t inserted, statement.Run());
  if (inserted == 0) {
    return Fail(ErrorCode::kAlreadyExists, "an edge is already called " + edge.edge.str());
  }
  const std::int64_t edge_rowid = database_.LastInsertRowId();
  // Newest first in the row, newest last in the table.
  for (auto pem = edge.certificates_pem.rbegin(); pem != edge.certificates_pem.rend(); ++pem) {
    EDCSYNC_TRY(InsertCertificate(edge_rowid, *pem));
  }
  if (edge.incarnation == Incarnation{}) return Ok();
  EDCSYNC_TRY(SetIncarnation(edge.edge, edge.incarnation, edge.added_at));
  if (edge.acknowledged_through == Sequence()) return Ok();
  return Advance(edge.edge, edge.acknowledged_through, edge.chain,
                 edge.last_contact.value_or(edge.added_at));
}

Status EdgeTable::InsertCertificate(std::int64_t edge_rowid, const std::string& pem) {
  Statement statement = database_.Prepare(
      "INSERT INTO edge_certificate (edge_rowid, pem) VALUES (?1, ?2)");
  EDCSYNC_TRY(statement.Bind(1, edge_rowid).Bind(2, pem).Run());
  return Ok();
}

Status EdgeTable::AddCertificate(const EdgeId& edge, const std::string& pem) {
  EDCSYNC_ASSIGN(const std::int64_t edge_rowid, RowOf(edge));
  return InsertCertificate(edge_rowid, pem);
}

Status EdgeTable::SetStanding(const EdgeId& edge, EdgeStanding standing,
                              const std::string& reason, WallTime now) {
  EDCSYNC_ASSIGN(const std::int64_t edge_rowid, RowOf(edge));
  Statement statement = database_.Prepare(
      "UPDATE edge SET standing = ?2, standing_reason = ?3 WHERE edge_rowid = ?1");
  EDCSYNC_TRY(statement.Bind(1, edge_rowid).Bind(2, Number(standing)).Bind(3, reason).Run());
  if (standing != EdgeStanding::kRevoked) return Ok();
  Statement revoke = database_.Prepare(
      "UPDATE edge_certificate SET revoked_at_ms = ?2 "
      "WHERE edge_rowid = ?1 AND revoked_at_ms IS NULL");
  EDCSYNC_TRY(revoke.Bind(1, edge_rowid).Bind(2, now.ms).Run());
  return Ok();
}

Status EdgeTable::PassOverEpochs(std::int64_t count) {
  Statement statement = database_.Prepare("UPDATE edge SET epoch = epoch + ?1");
  EDCSYNC_TRY(statement.Bind(1, count).Run());
  return Ok();
}

Result<Epoch> EdgeTable::BindSession(const EdgeId& edge, const GatewayId& gateway,
                                     const std::string& release, WallTime now,
                                     std::optional<std::int64_t> clock_drift_ms) {
  Statement statement = database_.Prepare(
      "UPDATE edge SET epoch = epoch + 1, gateway = ?2, release = ?3, last_contact_ms = ?4, "
      "clock_drift_ms = ?5 WHERE edge_id = ?1 RETURNING epoch");
  statement.Bind(1, edge.str()).Bind(2, gateway.str()).Bind(3, release).Bind(4, now.ms);
  BindOptional(statement, 5, clock_drift_ms);
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return UnknownEdge(edge);
  return Epoch(Unsigned(statement.Int(0)));
}

Status EdgeTable::SetIncarnation(const EdgeId& edge, const Incarnation& incarnation,
                                 WallTime now) {
  if (incarnation == Incarnation{}) {  // None may speak until the next Hello.
    Statement none = database_.Prepare(
        "UPDATE edge SET incarnation_id = NULL, feed_cursor = 0 WHERE edge_id = ?1");
    EDCSYNC_ASSIGN(const std::int64_t known, none.Bind(1, edge.str()).Run());
    if (known == 0) return UnknownEdge(edge);
    return Ok();
  }
  EDCSYNC_ASSIGN(const std::int64_t number, IncarnationNumber(edge, incarnation));
  Statement current = database_.Prepare(
      "SELECT e.incarnation_id IS ?2, i.spoke_from_ms IS NOT NULL FROM edge e, incarnation i "
      "WHERE e.edge_id = ?1 AND i.incarnation_id = ?2");
  current.Bind(1, edge.str()).Bind(2, number);
  EDCSYNC_ASSIGN(const bool found, current.Step());
  if (!found) return UnknownEdge(edge);
  if (current.Int(0) != 0) return Ok();
  if (current.Int(1) != 0) {
    return Fail(ErrorCode::kIncarnationMismatch,
                "this database of edge " + edge.str() + " was replaced by a later one");
  }
  Statement begin = database_.Prepare(
      "UPDATE incarnation SET spoke_from_ms = ?2 WHERE incarnation_id = ?1");
  EDCSYNC_TRY(begin.Bind(1, number).Bind(2, now.ms).Run());
  Statement statement = database_.Prepare(
      "UPDATE edge SET incarnation_id = ?2, feed_cursor = 0 WHERE edge_id = ?1");
  EDCSYNC_TRY(statement.Bind(1, edge.str()).Bind(2, number).Run());
  return Ok();
}

Result<bool> EdgeTable::HasSpoken(const EdgeId& edge, const Incarnation& incarnation) {
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> number, FindIncarnation(edge, incarnation));
  if (!number) return false;
  Statement statement = database_.Prepare(
      "SELECT spoke_from_ms IS NOT NULL FROM incarnation WHERE incarnation_id = ?1");
  statement.Bind(1, *number);
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  return found && statement.Int(0) != 0;
}

Status EdgeTable::CheckEpoch(const EdgeId& edge, Epoch epoch) {
  Statement statement = database_.Prepare("SELECT epoch FROM edge WHERE edge_id = ?1");
  statement.Bind(1, edge.str());
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return UnknownEdge(edge);
  if (statement.Int(0) == Signed(epoch.value())) return Ok();
  return Fail(ErrorCode::kStaleEpoch, "edge " + edge.str() + " is bound with epoch " +
                                          std::to_string(statement.Int(0)) + ", not " +
                                          std::to_string(epoch.value()));
}

Status EdgeTable::Advance(const EdgeId& edge, Sequence acknowledged_through, const Digest& chain,
                          WallTime now) {
  Statement contact = database_.Prepare(
      "UPDATE edge SET last_contact_ms = ?2 WHERE edge_id = ?1");
  EDCSYNC_ASSIGN(const std::int64_t known, contact.Bind(1, edge.str()).Bind(2, now.ms).Run());
  if (known == 0) return UnknownEdge(edge);
  Statement statement = database_.Prepare(
      "UPDATE incarnation SET acknowledged_through = ?2, chain = ?3 "
      "WHERE incarnation_id = (SELECT incarnation_id FROM edge WHERE edge_id = ?1) "
      "AND acknowledged_through <= ?2");
  statement.Bind(1, edge.str())
      .Bind(2, Signed(acknowledged_through.value()))
      .Bind(3, BytesView(chain));
  EDCSYNC_ASSIGN(const std::int64_t advanced, statement.Run());
  if (advanced == 1) return Ok();
  return Fail(ErrorCode::kInvariant, "the acknowledgement of edge " + edge.str() +
                                         " would run back, or no database speaks for it");
}

Status EdgeTable::SetFeedCursor(const EdgeId& edge, FeedCursor cursor, WallTime now) {
  Statement statement = database_.Prepare(
      "UPDATE edge SET feed_cursor = ?2, last_contact_ms = ?3 WHERE edge_id = ?1");
  statement.Bind(1, edge.str()).Bind(2, Signed(cursor.value())).Bind(3, now.ms);
  EDCSYNC_ASSIGN(const std::int64_t known, statement.Run());
  if (known == 0) return UnknownEdge(edge);
  return Ok();
}

Result<std::optional<std::int64_t>> EdgeTable::FindIncarnation(const EdgeId& edge,
                                                               const Incarnation& incarnation) {
  if (last_.number != 0 && last_.incarnation == incarnation && last_.edge == edge) {
    return std::optional(last_.number);
  }
  Statement statement = database_.Prepare(
      "SELECT i.incarnation_id FROM edge e JOIN incarnation i ON i.edge_rowid = e.edge_rowid "
      "WHERE e.edge_id = ?1 AND i.incarnation = ?2");
  statement.Bind(1, edge.str()).Bind(2, incarnation.view());
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<std::int64_t>();
  last_ = {edge, incarnation, statement.Int(0)};
  return std::optional(last_.number);
}

Result<std::int64_t> EdgeTable::IncarnationNumber(const EdgeId& edge,
                                                  const Incarnation& incarnation) {
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> known, FindIncarnation(edge, incarnation));
  if (known) return *known;
  EDCSYNC_ASSIGN(const std::int64_t edge_rowid, RowOf(edge));
  Statement statement = database_.Prepare(
      "INSERT INTO incarnation (edge_rowid, incarnation, acknowledged_through, chain) "
      "VALUES (?1, ?2, 0, ?3)");
  const Digest start{};
  EDCSYNC_TRY(statement.Bind(1, edge_rowid)
                  .Bind(2, incarnation.view())
                  .Bind(3, BytesView(start))
                  .Run());
  last_ = {edge, incarnation, database_.LastInsertRowId()};
  return last_.number;
}

}  // namespace edcsync::central
