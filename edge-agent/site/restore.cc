#include "edge-agent/site/restore.h"

#include "shared/storage/database_restore.h"

namespace edcsync::edge {
namespace {

Result<BackupContent> ContentOf(EdgeStore& store) {
  BackupContent content;
  EDCSYNC_TRY(store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const Checkpoint checkpoint, tables.checkpoint.Get());
    EDCSYNC_ASSIGN(const OutboxTable::Tail tail, tables.outbox.ReadTail());
    content.incarnation = checkpoint.incarnation;
    content.captured = tail.last.value();
    content.acknowledged_through = checkpoint.acknowledged_through.value();
    return Ok();
  }));
  return content;
}

Status CheckWhole(EdgeStore& store) {
  EDCSYNC_ASSIGN(const std::vector<std::string> findings,
                 store.Check([](std::string_view, int) {}));
  if (findings.empty()) return Ok();
  return Fail(ErrorCode::kCorrupt, "The backup: " + findings.front());
}

Status AppendRestored(EdgeStore& store, const std::string& user, const BackupContent& content) {
  return store.writer().Run([&]() -> Status {
    AuditEntry entry;
    entry.at = store.clock().Wall();
    entry.actor = user;
    entry.action = "store.restored";
    entry.object = content.incarnation.ToHex();
    entry.detail = "captured=" + std::to_string(content.captured) +
                   " acknowledged=" + std::to_string(content.acknowledged_through);
    return store.writer_tables().audit.Append(std::move(entry));
  });
}

}  // namespace

Result<BackupContent> VerifyEdgeBackup(EdgeStoreOptions options, const std::string& backup,
                                       bool whole, const Clock& clock, Random& random) {
  const OpenedBackup opened(backup);
  options.path = backup;
  options.read_only = true;
  EDCSYNC_ASSIGN(const std::unique_ptr<EdgeStore> store, EdgeStore::Open(options, clock, random));
  if (whole) EDCSYNC_TRY(CheckWhole(*store));
  return ContentOf(*store);
}

Result<EdgeRestored> RestoreEdgeStore(const EdgeStoreOptions& options, const std::string& backup,
                                      const std::string& user, const Clock& clock, Random& random) {
  EdgeRestored restored;
  EDCSYNC_ASSIGN(
      restored.former,
      RestoreDatabase(options.path, backup, clock.Wall(), [&](const std::string& copy) -> Status {
        EdgeStoreOptions of_copy = options;
        of_copy.path = copy;
        EDCSYNC_ASSIGN(const std::unique_ptr<EdgeStore> store,
                       EdgeStore::Open(of_copy, clock, random));
        EDCSYNC_TRY(CheckWhole(*store));
        EDCSYNC_ASSIGN(restored.content, ContentOf(*store));
        return AppendRestored(*store, user, restored.content);
      }));
  return restored;
}

}  // namespace edcsync::edge
