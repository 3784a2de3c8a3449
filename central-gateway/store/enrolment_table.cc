#include "central-gateway/store/enrolment_table.h"

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {
namespace {

#define EDCSYNC_INVITATION_COLUMNS                                                              \
  "SELECT invitation_rowid, edge_id, site_id, rebuild, secret_digest, invited_by, "             \
  "invited_at_ms, expires_at_ms, failed_count, state, used_at_ms, certificate_pem "             \
  "FROM invitation "

constexpr std::string_view kLatestInvitation =
    EDCSYNC_INVITATION_COLUMNS "WHERE edge_id = ?1 ORDER BY invitation_rowid DESC LIMIT 1";
constexpr std::string_view kOpenInvitations =
    EDCSYNC_INVITATION_COLUMNS "WHERE state = 1 ORDER BY edge_id";

#undef EDCSYNC_INVITATION_COLUMNS

}  // namespace

std::string_view ToString(InvitationState state) {
  switch (state) {
    case InvitationState::kOpen: return "open";
    case InvitationState::kUsed: return "used";
    case InvitationState::kReplaced: return "replaced";
    case InvitationState::kBlocked: return "blocked";
  }
  return "open";
}

Result<InvitationRow> EnrolmentTable::Read(const Statement& statement) {
  InvitationRow row;
  row.number = statement.Int(0);
  row.edge = EdgeId(TextAt(statement, 1));
  EDCSYNC_ASSIGN(row.site, sites_.OidOf(statement.Int(2)));
  row.rebuild = statement.Int(3) != 0;
  row.secret_digest = FixedBytes<Digest>(statement, 4);
  row.invited_by = TextAt(statement, 5);
  row.invited_at.ms = statement.Int(6);
  row.expires_at.ms = statement.Int(7);
  row.failed_count = static_cast<std::uint32_t>(statement.Int(8));
  row.state = static_cast<InvitationState>(statement.Int(9));
  row.used_at = OptionalTime(statement, 10);
  row.certificate_pem = TextAt(statement, 11);
  return row;
}

Result<std::optional<InvitationRow>> EnrolmentTable::Find(const EdgeId& edge) {
  Statement statement = database_.Prepare(kLatestInvitation);
  statement.Bind(1, edge.str());
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<InvitationRow>();
  EDCSYNC_ASSIGN(InvitationRow row, Read(statement));
  return std::optional(std::move(row));
}

Result<std::vector<InvitationRow>> EnrolmentTable::ListOpen() {
  std::vector<InvitationRow> rows;
  Statement statement = database_.Prepare(kOpenInvitations);
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    EDCSYNC_ASSIGN(InvitationRow row, Read(statement));
    rows.push_back(std::move(row));
  }
}

Result<std::vector<EdgeCredential>> EnrolmentTable::ListCredentials() {
  std::vector<EdgeCredential> rows;
  Statement statement = database_.Prepare(
      "SELECT e.edge_id, c.certificate_serial, c.gateway_serial, c.seen_at_ms "
      "FROM edge_credential c JOIN edge e ON e.edge_rowid = c.edge_rowid ORDER BY e.edge_id");
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back({EdgeId(TextAt(statement, 0)), TextAt(statement, 1), TextAt(statement, 2),
                    WallTime{statement.Int(3)}});
  }
}

Status EnrolmentTable::Insert(const InvitationRow& invitation) {
  Statement replace = database_.Prepare(
      "UPDATE invitation SET state = 3 WHERE edge_id = ?1 AND state = 1");
  EDCSYNC_TRY(replace.Bind(1, invitation.edge.str()).Run());
  EDCSYNC_ASSIGN(const std::int64_t site_id, sites_.NumberOf(invitation.site));
  Statement statement = database_.Prepare(
      "INSERT INTO invitation (edge_id, site_id, rebuild, secret_digest, invited_by, "
      "invited_at_ms, expires_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  EDCSYNC_TRY(statement.Bind(1, invitation.edge.str())
                  .Bind(2, site_id)
                  .Bind(3, std::int64_t{invitation.rebuild ? 1 : 0})
                  .Bind(4, BytesView(invitation.secret_digest))
                  .Bind(5, invitation.invited_by)
                  .Bind(6, invitation.invited_at.ms)
                  .Bind(7, invitation.expires_at.ms)
                  .Run());
  return Ok();
}

Status EnrolmentTable::Update(const InvitationRow& invitation) {
  Statement statement = database_.Prepare(
      "UPDATE invitation SET failed_count = ?2, state = ?3, used_at_ms = ?4, "
      "certificate_pem = ?5 WHERE invitation_rowid = ?1 AND state = 1");
  statement.Bind(1, invitation.number)
      .Bind(2, std::int64_t{invitation.failed_count})
      .Bind(3, Number(invitation.state));
  BindOptional(statement, 4, invitation.used_at);
  statement.Bind(5, invitation.certificate_pem);
  EDCSYNC_ASSIGN(const std::int64_t updated, statement.Run());
  if (updated == 1) return Ok();
  return Fail(ErrorCode::kInvariant, "the invitation of " + invitation.edge.str() + " has ended");
}

Result<std::int64_t> EnrolmentTable::EdgeNumber(const EdgeId& edge) {
  Statement statement = database_.Prepare("SELECT edge_rowid FROM edge WHERE edge_id = ?1");
  statement.Bind(1, edge.str());
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return Fail(ErrorCode::kUnknownEdge, "no edge is called " + edge.str());
  return statement.Int(0);
}

Status EnrolmentTable::PutCredential(const EdgeCredential& credential) {
  EDCSYNC_ASSIGN(const std::int64_t number, EdgeNumber(credential.edge));
  Statement statement = database_.Prepare(
      "INSERT INTO edge_credential (edge_rowid, certificate_serial, gateway_serial, seen_at_ms) "
      "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (edge_rowid) DO UPDATE SET "
      "certificate_serial = ?2, gateway_serial = ?3, seen_at_ms = ?4");
  EDCSYNC_TRY(statement.Bind(1, number)
                  .Bind(2, credential.certificate_serial)
                  .Bind(3, credential.gateway_serial)
                  .Bind(4, credential.seen_at.ms)
                  .Run());
  return Ok();
}

Result<std::uint64_t> EnrolmentTable::RevokeBut(const EdgeId& edge, const std::string& kept_pem,
                                                WallTime now) {
  EDCSYNC_ASSIGN(const std::int64_t number, EdgeNumber(edge));
  Statement statement = database_.Prepare(
      "UPDATE edge_certificate SET revoked_at_ms = ?3 "
      "WHERE edge_rowid = ?1 AND pem <> ?2 AND revoked_at_ms IS NULL");
  EDCSYNC_ASSIGN(const std::int64_t count,
                 statement.Bind(1, number).Bind(2, kept_pem).Bind(3, now.ms).Run());
  return static_cast<std::uint64_t>(count);
}

Status EnrolmentTable::Revoke(const EdgeId& edge, const std::string& pem, WallTime now) {
  EDCSYNC_ASSIGN(const std::int64_t number, EdgeNumber(edge));
  Statement statement = database_.Prepare(
      "UPDATE edge_certificate SET revoked_at_ms = ?3 "
      "WHERE edge_rowid = ?1 AND pem = ?2 AND revoked_at_ms IS NULL");
  EDCSYNC_TRY(statement.Bind(1, number).Bind(2, pem).Bind(3, now.ms).Run());
  return Ok();
}

}  // namespace edcsync::central
