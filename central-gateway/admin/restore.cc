#include "central-gateway/admin/restore.h"

#include <algorithm>

#include "shared/crypto/certificate_facts.h"
#include "shared/storage/database.h"
#include "shared/storage/database_restore.h"

namespace edcsync::central {
namespace {

// The serials that the authority's own list names; none if there is no such list. Another
// authority's list says nothing of our edges.
std::vector<std::string> SerialsRevokedBefore(const Installation& installation) {
  const auto list = RevocationList::Load(installation.Pki("crl.pem"));
  const auto authority = Certificate::Load(installation.Pki("ca.crt"));
  if (!list.ok() || !authority.ok() || !list->IsSignedBy(*authority)) return {};
  return list->serials;
}

bool AreAllRevoked(const EdgeRow& edge, const std::vector<std::string>& serials) {
  if (edge.certificates_pem.empty()) return false;
  return std::ranges::all_of(edge.certificates_pem, [&](const std::string& pem) {
    const Result<Certificate> certificate = Certificate::FromPem(pem);
    return certificate.ok() && std::ranges::find(serials, certificate->SerialHex()) != serials.end();
  });
}

// An edge that was revoked after the backup would come back to life with it. The list of revoked
// certificates is a file of its own, mostly younger than the backup.
Status KeepRevoked(CentralWriter& writer, const std::vector<std::string>& serials,
                   const std::string& user, std::vector<EdgeId>& revoked) {
  EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, writer.ListEdges());
  for (const EdgeRow& edge : edges) {
    if (edge.standing == EdgeStanding::kRevoked || !AreAllRevoked(edge, serials)) continue;
    const std::string why = "It was revoked after the backup that was restored";
    EDCSYNC_TRY(writer.SetEdgeStanding(edge.edge, EdgeStanding::kRevoked, why));
    EDCSYNC_TRY(writer.AppendAudit(user, "edge.revoked", edge.edge.str(), why));
    revoked.push_back(edge.edge);
  }
  return Ok();
}

// Checks the copy and gives it a new history.
Status Prepare(const Installation& installation, const std::string& copy,
               const std::string& user, const Clock& clock, Random& random,
               std::shared_ptr<KeyRing> keys, std::vector<EdgeId>& revoked) {
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
    EDCSYNC_TRY(KeepRevoked(writer, SerialsRevokedBefore(installation), user, revoked));
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
                                                  restored.revoked);
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
