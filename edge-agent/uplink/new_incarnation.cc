#include "edge-agent/uplink/new_incarnation.h"

#include <algorithm>

namespace edcsync::edge {
namespace {

constexpr std::size_t kRecordPage = 500;

struct OwnRevision {
  std::int64_t rowid = 0;
  RevisionId id;
};

// Every revision this edge wrote, in the order it was stored: parents before children.
Result<std::vector<OwnRevision>> OwnRevisions(EdgeTables& tables, const EdgeId& edge) {
  std::vector<OwnRevision> own;
  std::optional<RecordKey> after;
  while (true) {
    EDCSYNC_ASSIGN(const std::vector<RecordRow> records,
                   tables.records.List({}, after ? &*after : nullptr, kRecordPage));
    for (const RecordRow& record : records) {
      EDCSYNC_ASSIGN(const std::vector<StoredRevision> rows,
                     tables.revisions.ListOf(record.record_id));
      for (const StoredRevision& row : rows) {
        const Revision& revision = row.known.revision;
        if (revision.origin != Origin::kSite || revision.edge != edge) continue;
        own.push_back({row.rowid, row.known.id});
      }
    }
    if (records.size() < kRecordPage) break;
    after = records.back().key;
  }
  std::sort(own.begin(), own.end(), [](const OwnRevision& a, const OwnRevision& b) {
    return a.rowid < b.rowid;
  });
  return own;
}

}  // namespace

Status BeginNewIncarnation(EdgeStore& store) {
  return store.writer().Run([&]() -> Status {
    EdgeTables& tables = store.writer_tables();
    EDCSYNC_ASSIGN(Checkpoint checkpoint, tables.checkpoint.Get());
    if (checkpoint.stopped_for != static_cast<std::uint16_t>(ErrorCode::kIncarnationMismatch)) {
      return Fail(ErrorCode::kForbidden,
                  "the centre did not refuse this database, so its incarnation goes on");
    }
    EDCSYNC_ASSIGN(const std::vector<OwnRevision> own, OwnRevisions(tables, checkpoint.edge));
    const WallTime now = store.clock().Wall();
    EDCSYNC_TRY(tables.outbox.Clear());
    std::uint64_t waiting = 0;
    for (const OwnRevision& revision : own) {
      EDCSYNC_TRY(tables.outbox.Append(revision.rowid, revision.id, now, waiting++));
    }
    const Incarnation fresh = store.random().NewId<Incarnation>();
    EDCSYNC_TRY(tables.checkpoint.SetIncarnation(fresh));
    checkpoint.acknowledged_through = Sequence();
    checkpoint.feed_cursor = FeedCursor();
    checkpoint.stopped_for = 0;
    checkpoint.stopped_message.clear();
    EDCSYNC_TRY(tables.checkpoint.Update(checkpoint));
    AuditEntry entry;
    entry.at = now;
    entry.actor = "edge:" + checkpoint.edge.str();
    entry.action = "incarnation.begun";
    entry.object = checkpoint.edge.str();
    entry.detail = "from=" + checkpoint.incarnation.ToHex() + " to=" + fresh.ToHex() +
                   " revisions=" + std::to_string(own.size());
    return tables.audit.Append(std::move(entry));
  });
}

}  // namespace edcsync::edge
