// Puts a backup in the place of an edge's database, and looks whether a backup is one. The centre
// may know more of this edge than the backup does: it then refuses the database until a person
// readmits the edge (schema/wire/protocol.md, "restored, cloned").
#pragma once

#include "edge-agent/store/edge_store.h"

namespace edcsync::edge {

struct BackupContent {
  Incarnation incarnation;
  std::uint64_t captured = 0;  // The last sequence of its outbox.
  std::uint64_t acknowledged_through = 0;
};

// `options` name the edge's own database; `options.path` is replaced by `backup`. It opens with the
// edge's key and belongs to the edge (pages: shared/doctor/database_checks.h); `whole`:
// all that `check` looks at. kCorrupt names the first finding.
Result<BackupContent> VerifyEdgeBackup(EdgeStoreOptions options, const std::string& backup,
                                       bool whole, const Clock& clock, Random& random);

struct EdgeRestored {
  BackupContent content;
  std::string former;  // Where the former database was kept; empty: there was none.
};
// REQUIRES nothing of the caller but that the agent is stopped: fails with kAlreadyRunning
// otherwise. Checks the backup whole first; a failure leaves everything as it was. The audit trail
// tells of it (`store.restored`, by `user`).
Result<EdgeRestored> RestoreEdgeStore(const EdgeStoreOptions& options, const std::string& backup,
                                      const std::string& user, const Clock& clock, Random& random);

}  // namespace edcsync::edge
