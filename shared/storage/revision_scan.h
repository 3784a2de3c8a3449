// Walks over every revision of a site's records, record by record, and looks whether its content is
// what its id says: what a reconciliation counts.
// The same statement at both ends, since tables `record` and `revision` are the same.
//
//   used by   edge-agent/downlink, central-gateway/store
//
// Threads: as the Database; on a snapshot (Database::BeginRead), or the set moves under it.
#pragma once

#include <functional>

#include "shared/model/odm_keys.h"
#include "shared/model/revision.h"
#include "shared/storage/revision_table.h"

namespace edcsync {

struct ScannedRevision {
  const RecordKey& key;
  const Digest& key_hash;  // KeyHash(key).
  RevisionId id;
  std::int64_t rowid = 0;
  bool whole = true;  // False: its content does not open, or hashes to something else.
};

// `each` gets every revision of the site once, its content opened and hashed again; an error of it
// ends the walk and is returned. kCorrupt if an id has not 32 bytes.
Status ScanRevisions(Database& database, const RevisionTable& revisions, const SiteOID& site,
                     const std::function<Status(const ScannedRevision&)>& each);

}  // namespace edcsync
