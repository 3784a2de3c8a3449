// Puts a backup in the place of the central database. The restored centre has forgotten what came
// after the backup, so it gets a new history id: every edge then sends its own revisions again
// and offers what the centre had made, each with the centre's mark.
#pragma once

#include "central-gateway/admin/installation.h"

namespace edcsync::central {

// Checks the backup whole first (kCorrupt names the first finding). The former database is kept
// beside the new one, its name ended by ".before-" and the time. Fails with kAlreadyRunning while
// a gateway or command uses the database; nothing is changed by a failure.
Status RestoreCentralStore(const Installation& installation, const std::string& backup,
                           const std::string& user, const Clock& clock, Random& random);

}  // namespace edcsync::central
