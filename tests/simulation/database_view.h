// What a database file holds, read with plain SQL and checked on the way: each revision is opened
// and its id computed anew, each audit entry's hash too. For the checkers, which trust no class of
// the stores; only the layers below them (SQL, cipher, encoding) are the product's.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "shared/model/odm_keys.h"
#include "tests/simulation/merge_model.h"

namespace edcsync::simulation {

struct RecordView {
  std::int64_t record_id = 0;
  RecordKey key;
  std::string site;
  std::vector<RevisionId> heads;
  RevisionId current;
  std::uint32_t current_version = 0;
  bool removed = false;
  std::vector<RevisionId> arrived;  // Its revisions in order of arrival.
};

struct AuditView {
  std::int64_t at_ms = 0;
  std::string actor, action, object, detail;
};

// What both stores have.
struct StoreView {
  std::map<RevisionId, Revision> revisions;
  std::map<std::string, RecordView> records;  // By key as text.
  std::vector<AuditView> audit;
  std::vector<std::string> findings;  // What did not open, hash or chain.

  RevisionSet SetOf(const RecordView& record) const;
};

struct EdgeView : StoreView {
  struct OutboxRow {
    std::uint64_t sequence = 0;
    RevisionId revision;
    Digest chain{};
  };
  std::string incarnation;  // Hexadecimal.
  std::uint64_t acknowledged_through = 0;
  std::uint64_t feed_cursor = 0;
  std::vector<OutboxRow> outbox;
  std::map<std::string, int> conflicts;  // Record key to severity: the open ones.
  std::set<std::string> locks;           // "study scope object".
  std::set<RevisionId> quarantined;      // Waiting or rejected at the centre.
  std::set<RevisionId> held;
  struct Proposal {
    RevisionId revision;
    int state = 0;  // 1 waiting, 2 accepted, 3 rejected, 4 over.
    bool told = false;
    int outcome = 0;  // As the centre's states; 6 unknown there; 0 not told.
  };
  std::map<std::int64_t, Proposal> proposals;
};

struct CentreView : StoreView {
  struct Conflict {
    std::int64_t id = 0;
    std::int64_t record_id = 0;
    int severity = 0;
    std::vector<RevisionId> heads;
    int state = 0;  // 0 open, 1 resolved, 2 superseded.
    std::optional<RevisionId> ended_by;
  };
  struct Quarantined {
    RevisionId revision;
    Bytes bytes;
    std::string edge;
    int state = 0;  // 1 waiting, 2 applied, 3 rejected.
    int reason = 0;
    std::optional<RevisionId> missing_parent;
  };
  struct Incarnation {
    std::string edge;
    std::string incarnation;  // Hexadecimal.
    std::uint64_t acknowledged_through = 0;
    std::vector<RevisionId> received;  // By sequence, from 1.
  };
  struct Edge {
    std::string site;
    int standing = 0;  // 1 active, 2 revoked, 3 suspended.
    std::uint64_t epoch = 0;
  };
  struct Proposal {
    std::int64_t conflict_id = 0;
    RevisionId revision;
    std::vector<RevisionId> parents;  // Of that.
    int state = 0;  // 1 waiting, 2 accepted, 3 rejected, 4 superseded, 5 withdrawn.
  };
  std::map<std::int64_t, Proposal> proposals;
  std::vector<Conflict> conflicts;
  std::map<std::int64_t, int> queue;  // Conflict to severity, as data managers' queue shows them.
  std::set<std::pair<RevisionId, std::string>> signatures;  // And who signed.
  std::vector<Quarantined> quarantine;
  std::vector<Incarnation> incarnations;
  std::map<std::string, Edge> edges;
  std::set<std::string> locks;
  std::uint64_t feed_head = 0;
};

// Of the database `path` on the VFS `vfs`, with the key-encryption key in `key_file`. Fails only if
// the database cannot be read at all.
Result<EdgeView> ReadEdge(const std::string& vfs, const std::string& path,
                          const std::string& key_file);
Result<CentreView> ReadCentre(const std::string& vfs, const std::string& path,
                              const std::string& key_file);

// Every revision id the database holds, in whatever state.
Result<std::set<RevisionId>> ReadIds(const std::string& vfs, const std::string& path, bool centre);

}  // namespace edcsync::simulation
