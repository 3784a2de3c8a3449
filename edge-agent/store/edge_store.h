// The edge's one database: records and revisions, the outbox, checkpoint, locks, conflicts and
// audit trail. One writer (group commit) and any number of readers.
//
//   schema       schema/edge/*.sql, schema/edge/README.md
//   written by   edge-agent/capture, edge-agent/uplink, edge-agent/downlink
//
// Lock order: none is held across a call. Threads: writer() from any thread; WriterTables only
// inside a work of writer(); Read() from any thread.
#pragma once

#include <memory>
#include <mutex>

#include "edge-agent/store/checkpoint_table.h"
#include "edge-agent/store/outbox_table.h"
#include "edge-agent/store/proposal_table.h"
#include "edge-agent/store/reconciliation_table.h"
#include "edge-agent/store/site_view_tables.h"
#include "shared/base/random.h"
#include "shared/storage/audit_table.h"
#include "shared/storage/data_key_table.h"
#include "shared/storage/file_lock.h"
#include "shared/storage/group_commit.h"
#include "shared/storage/record_table.h"
#include "shared/storage/revision_table.h"
#include "shared/storage/writer_watch.h"

namespace edcsync::edge {

// All tables on one connection.
struct EdgeTables {
  EdgeTables(Database& connection, FieldCipher& cipher)
      : database(connection),
        records(connection),
        revisions(connection, cipher),
        outbox(connection, cipher),
        checkpoint(connection),
        locks(connection),
        conflicts(connection),
        quarantine(connection),
        held(connection, cipher),
        marks(connection),
        proposals(connection, cipher),
        reconciliations(connection),
        audit(connection) {}
  Database& database;
  RecordTable records;
  RevisionTable revisions;
  OutboxTable outbox;
  CheckpointTable checkpoint;
  LockTable locks;
  ConflictTable conflicts;
  QuarantineTable quarantine;
  HeldTable held;
  MarkTable marks;
  ProposalTable proposals;
  ReconciliationTable reconciliations;
  AuditTable audit;
};

struct EdgeStoreOptions {
  std::string path;          // The database file; made if absent.
  std::string key_file;      // The key-encryption key; made if absent and the database is new.
  std::shared_ptr<KeyRing> keys = nullptr;  // If set, keys come from here, not from `key_file`.
  EdgeId edge;
  SiteOID site;
  std::string vfs;           // Empty: the default VFS. A named one knows no lock file.
  int cache_kib = 8 * 1024;
  // For commands while no agent runs: takes no lock, makes and migrates nothing, and never writes
  // (a work fails with kPermissions).
  bool read_only = false;
  WriterWatch* watch = nullptr;  // Outlives the store; nullptr: nobody watches the writer.
};

class EdgeStore {
 public:
  // Opens or makes the database, migrates it, checks that it belongs to `options.edge` and site
  // (kConfiguration otherwise), checks the outbox's invariants (kInvariant). A new database gets
  // a new incarnation. The writer is not started: call writer().Start(), or Drain() and Run().
  // Fails with kAlreadyRunning if another process holds PATH.lock, kKeyMissing if the database
  // exists without its key file (no new key is ever made then), kKeyWrong, kSchemaTooNew,
  // kDiskFull, kCorrupt; read-only also with kNotFound and kUnavailable (not migrated yet).
  static Result<std::unique_ptr<EdgeStore>> Open(const EdgeStoreOptions& options,
                                                 const Clock& clock, Random& random);
  ~EdgeStore();

  GroupCommit& writer() { return *writer_; }
  EdgeTables& writer_tables() { return *writer_tables_; }  // Inside a work only.
  FieldCipher& cipher() { return *cipher_; }
  // Wraps every data key by `next` instead, in one transaction with the audit entry "key.rotated"
  // by `actor`. Returns how many. As GroupCommit::Run. The agent goes on meanwhile.
  Result<std::size_t> RewrapKeys(WrappingKey& next, const std::string& actor,
                                 const std::string& detail);
  const Clock& clock() const { return clock_; }
  Random& random() { return random_; }

  // Runs `read` on a stable snapshot of its own. Threads: any; not inside a work.
  Status Read(const std::function<Status(EdgeTables&)>& read);

  // A consistent copy of the database while running; the key file is not part of it.
  Status Backup(const std::string& path, const std::function<void(int)>& progress);

  // Integrity of the database, the audit chain, the outbox (sequences, chain over revision ids),
  // heads of every record, every sealed revision. The findings; empty if all holds.
  Result<std::vector<std::string>> Check(
      const std::function<void(std::string_view, int)>& progress);

 private:
  struct Reader {
    std::unique_ptr<Database> database;
    std::unique_ptr<EdgeTables> tables;
  };
  // What grows at the end of a table and is kept in memory beside it.
  struct Tails {
    OutboxTable::Tail outbox;
    AuditTable::Tail audit;
  };
  EdgeStore(const EdgeStoreOptions& options, const Clock& clock, Random& random);
  Status OpenDatabase();
  Status OpenKey();
  Status OpenTables();
  Status OpenCheckpoint();
  Status MakeCheckpoint();
  Result<std::unique_ptr<Database>> OpenReader();
  Result<Reader> NewReader();
  GroupCommitHooks Hooks();

  EdgeStoreOptions options_;
  const Clock& clock_;
  Random& random_;
  FileLock lock_;  // Let go last.
  std::unique_ptr<Database> database_;
  std::unique_ptr<Database> key_database_;
  std::unique_ptr<DataKeyTable> data_keys_;
  std::unique_ptr<FieldCipher> cipher_;
  std::unique_ptr<EdgeTables> writer_tables_;
  Tails remembered_;  // As they were before the work that runs.
  std::mutex readers_mutex_;
  std::vector<Reader> idle_readers_;
  std::unique_ptr<GroupCommit> writer_;
};

}  // namespace edcsync::edge
