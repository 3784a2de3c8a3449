// Puts a backup in the place of the central database. The restored centre has forgotten what came
// after the backup, so it gets a new history id: every edge then sends its own revisions again
// and offers what the centre had made, each with the centre's mark.
#pragma once

#include <optional>

#include "central-gateway/admin/installation.h"

namespace edcsync::central {

struct CentreRestored {
  std::string former;           // Where the former database was kept; empty: there was none.
  std::vector<EdgeId> revoked;  // Active in the backup, and in the authority's list of the revoked.
  std::vector<EdgeId> uninvited;  // Their invitations were open, and count no more.
};

// Checks the backup whole first (kCorrupt names the first finding). The former database is kept
// beside the new one, its name ended by ".before-" and the time. An edge whose certificates all
// stand in pki/crl.pem stays revoked, though the backup does not know; no invitation of the backup
// is open any more. Fails with kAlreadyRunning
// while a gateway or command uses the database, and as a store does if `keys` (default: the key file)
// lack the key that the backup was made with; nothing is changed by a failure.
Result<CentreRestored> RestoreCentralStore(const Installation& installation,
                                           const std::string& backup, const std::string& user,
                                           const Clock& clock, Random& random,
                                           std::shared_ptr<KeyRing> keys = nullptr);

// What the latest restore has left open. Decisions made before it and received after it came back
// from a site: they stand, with author, time and reason, but a signature is not part of a revision.
struct RestoreGaps {
  std::optional<WallTime> restored_at;  // nullopt: never.
  std::uint64_t decisions_unsigned = 0;
};
// Reads only, beside a running gateway too.
Result<RestoreGaps> ReadRestoreGaps(const Installation& installation);

// Looks whether `backup` opens with the installation's key (`keys`, default: the key file); `whole`: all that `check` looks at too
// (kCorrupt names the first finding).
Status VerifyCentralBackup(const Installation& installation, const std::string& backup, bool whole,
                           const Clock& clock, Random& random,
                           std::shared_ptr<KeyRing> keys = nullptr);

}  // namespace edcsync::central
