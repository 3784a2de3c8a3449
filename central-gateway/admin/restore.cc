#include "central-gateway/admin/restore.h"

#include <algorithm>
#include <set>

#include "shared/crypto/revocation_list.h"
#include "shared/storage/database.h"
#include "shared/storage/database_restore.h"

namespace edcsync::central {
namespace {

struct RevokedBefore {
  std::set<std::string> revoked;
  std::set<std::string> superseded;  // By a later certificate of the same edge.
};

// The serials that the authority's own list names; none if there is no such list. Another
// authority's list says nothing of our edges.
RevokedBefore SerialsRevokedBefore(const Installation& installation) {
  const auto list = RevocationList::Load(installation.Pki("crl.pem"));
  const auto authority = Certificate::Load(installation.Pki("ca.crt"));
  RevokedBefore before;
  if (!list.ok() || !authority.ok() || !list->IsSignedBy(*authority)) return before;
  for (const RevokedCertificate& entry : list->revoked) {
    (entry.superseded ? before.superseded : before.revoked).insert(entry.serial_hex);
  }
  return before;
}

// An edge that was revoked after the backup would come back to life with it, and so would a
// certificate that was replaced. The list of revoked certificates is a file of its own, mostly
// younger than the backup. An edge whose certificate was replaced is trusted as before: the centre
// learns its present one at its next contact for renewal.
Status KeepRevoked(CentralWriter& writer, const RevokedBefore& before, const std::string& user,
                   CentreRestored& restored) {
  EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, writer.ListEdges());
  for (const EdgeRow& edge : edges) {
    if (edge.standing == EdgeStanding::kRevoked || edge.certificates_pem.empty()) continue;
    std::vector<std::string> named;  // By the list, for whatever reason.
    bool all_revoked = true;
    for (const std::string& pem : edge.certificates_pem) {
      EDCSYNC_ASSIGN(const Certificate certificate, Certificate::FromPem(pem));
      const std::string serial = certificate.SerialHex();
      const bool is_revoked = before.revoked.contains(serial);
      all_revoked = all_revoked && is_revoked;
      if (is_revoked || before.superseded.contains(serial)) named.push_back(pem);
    }
    if (all_revoked) {
      const std::string why = "It was revoked after the backup that was restored";
      EDCSYNC_TRY(writer.SetEdgeStanding(edge.edge, EdgeStanding::kRevoked, why));
      EDCSYNC_TRY(writer.AppendAudit(user, "edge.revoked", edge.edge.str(), why));
      restored.revoked.push_back(edge.edge);
      continue;
    }
    if (named.empty()) continue;
    for (const std::string& pem : named) EDCSYNC_TRY(writer.RevokeCertificate(edge.edge, pem));
    EDCSYNC_TRY(writer.AppendAudit(user, "edge.certificate_replaced", edge.edge.str(),
                                   "It was replaced after the backup that was restored"));
  }
  return Ok();
}

// An invitation that is open in the backup may have been used, replaced or sent astray since:
// whoever still has its token would take the edge over from the machine that enrolled with it.
Status EndInvitations(CentralWriter& writer, const std::string& user, CentreRestored& restored) {
  EDCSYNC_ASSIGN(const std::vector<InvitationRow> open, writer.ListOpenInvitations());
  for (InvitationRow invitation : open) {
    invitation.state = InvitationState::kReplaced;
    EDCSYNC_TRY(writer.UpdateInvitation(invitation));
    EDCSYNC_TRY(writer.AppendAudit(user, "edge.invitation_ended", invitation.edge.str(),
                                   "It was open in the backup that was restored"));
    if (writer.Now() < invitation.expires_at) restored.uninvited.push_back(invitation.edge);
  }
  return Ok();
}

// Checks the copy and gives it a new history.
Status Prepare(const Installation& installation, const std::string& copy,
               const std::string& user, const Clock& clock, Random& random,
               std::shared_ptr<KeyRing> keys, CentreRestored& restored) {
  SqliteCentralStoreOptions options;
  options.keys = std::move(keys);
  options.path = copy;
  options.key_file = installation.KeyFile();
  options.start_writer = false;
  options.holder = "restore";
  EDCSYNC_ASSIGN(const std::unique_ptr<CentralStore> store,
                 OpenSqliteCentralStore(options, clock, random));
  // Nothing that can be made anew shall keep a backup from being restored.
  EDCSYNC_TRY(store->Write([](CentralWriter& writer) { return writer.RebuildQueue(); }));
  EDCSYNC_ASSIGN(const std::vector<std::string> findings,
                 store->Check([](std::string_view, int) {}));
  if (!findings.empty()) return Fail(ErrorCode::kCorrupt, "The backup: " + findings.front());
  return store->Write([&](CentralWriter& writer) -> Status {
    const HistoryId history = random.NewId<HistoryId>();
    EDCSYNC_TRY(writer.SetHistory(history));
    EDCSYNC_TRY(KeepRevoked(writer, SerialsRevokedBefore(installation), user, restored));
    EDCSYNC_TRY(EndInvitations(writer, user, restored));
    return writer.AppendAudit(user, "centre.restored", history.ToHex(), "");
  });
}

}  // namespace

Result<CentreRestored> RestoreCentralStore(const Installation& installation,
                                           const std::string& backup, const std::string& user,
                                           const Clock& clock, Random& random,
                                           std::shared_ptr<KeyRing> keys) {
  CentreRestored restored;
  EDCSYNC_ASSIGN(restored.former,
                 RestoreDatabase(installation.DatabaseFile(), backup, clock.Wall(),
                                 [&](const std::string& copy) {
                                   return Prepare(installation, copy, user, clock, random, keys,
                                                  restored);
                                 }));
  return restored;
}

Result<RestoreGaps> ReadRestoreGaps(const Installation& installation) {
  DatabaseOptions options;
  options.path = installation.DatabaseFile();
  options.read_only = true;
  options.create = false;
  EDCSYNC_ASSIGN(const std::unique_ptr<Database> database, Database::Open(options));
  RestoreGaps gaps;
  {
    Statement latest =
        database->Prepare("SELECT max(at_ms) FROM audit WHERE action = 'centre.restored'");
    EDCSYNC_ASSIGN(const bool row, latest.Step());
    if (!row || latest.IsNull(0)) return gaps;
    gaps.restored_at = WallTime{latest.Int(0)};
  }
  Statement decisions = database->Prepare(
      "SELECT count(*) FROM revision r WHERE r.origin = ?1 AND r.edited_at_ms < ?2 "
      "AND r.received_at_ms >= ?2 "
      "AND NOT EXISTS (SELECT 1 FROM signature s WHERE s.revision_id = r.revision_id)");
  decisions.Bind(1, static_cast<std::int64_t>(Origin::kResolution)).Bind(2, gaps.restored_at->ms);
  EDCSYNC_ASSIGN(const bool counted, decisions.Step());
  if (counted) gaps.decisions_unsigned = static_cast<std::uint64_t>(decisions.Int(0));
  return gaps;
}

Status VerifyCentralBackup(const Installation& installation, const std::string& backup, bool whole,
                           const Clock& clock, Random& random, std::shared_ptr<KeyRing> keys) {
  const OpenedBackup opened(backup);
  SqliteCentralStoreOptions options;
  options.keys = std::move(keys);
  options.path = backup;
  options.key_file = installation.KeyFile();
  options.start_writer = false;
  options.holder = "verify";
  EDCSYNC_ASSIGN(const std::unique_ptr<CentralStore> store,
                 OpenSqliteCentralStore(options, clock, random));
  if (!whole) return Ok();
  EDCSYNC_ASSIGN(const std::vector<std::string> findings,
                 store->Check([](std::string_view, int) {}));
  if (findings.empty()) return Ok();
  return Fail(ErrorCode::kCorrupt, "The backup: " + findings.front());
}

}  // namespace edcsync::central
