#include "edge-agent/downlink/feed_applier.h"

#include "shared/base/log.h"
#include "shared/base/planted_defect.h"
#include "shared/crypto/revision_id.h"

namespace edcsync::edge {
namespace {

Lock LockOf(const wire::LockState& state) {
  Lock lock;
  lock.scope = static_cast<std::uint8_t>(state.scope);
  lock.study = state.study;
  switch (state.scope) {
    case wire::LockScope::kStudy: break;
    case wire::LockScope::kSite: lock.object = state.site.str(); break;
    case wire::LockScope::kSubject: lock.object = state.subject.str(); break;
    case wire::LockScope::kForm: lock.object = state.form; break;
  }
  return lock;
}

Status Audit(EdgeStore& store, const std::string& action, const std::string& object,
             const std::string& detail) {
  AuditEntry entry;
  entry.at = store.clock().Wall();
  entry.actor = "gateway";
  entry.action = action;
  entry.object = object;
  entry.detail = detail;
  return store.writer_tables().audit.Append(std::move(entry));
}

}  // namespace

Status FeedApplier::Apply(wire::Feed feed, std::function<void(Status)> done) {
  auto shared = std::make_shared<wire::Feed>(std::move(feed));
  if (EDCSYNC_DEFECT("feed-cursor-first")) {
    EDCSYNC_TRY(store_.writer().Run([&]() -> Status {
      EDCSYNC_ASSIGN(Checkpoint checkpoint, store_.writer_tables().checkpoint.Get());
      checkpoint.feed_cursor = shared->next;
      return store_.writer_tables().checkpoint.Update(checkpoint);
    }));
  }
  if (telemetry_ == nullptr) {
    return store_.writer().Submit([this, shared] { return ApplyInWork(*shared); },
                                  std::move(done));
  }
  const std::int64_t begun_us = telemetry_->NowUs();
  auto applied = std::make_shared<std::vector<FeedTelemetry::Applied>>();
  return store_.writer().Submit(
      [this, shared, applied]() -> Status {
        applied_.clear();
        EDCSYNC_TRY(ApplyInWork(*shared));
        *applied = std::move(applied_);
        return Ok();
      },
      [this, applied, begun_us, done = std::move(done)](Status status) {
        if (status.ok()) telemetry_->End(begun_us, *applied);
        done(std::move(status));
      });
}

Status FeedApplier::ApplyInWork(const wire::Feed& feed) {
  EdgeTables& tables = store_.writer_tables();
  const WallTime now = store_.clock().Wall();
  EDCSYNC_ASSIGN(Checkpoint checkpoint, tables.checkpoint.Get());
  for (const wire::FeedEntry& entry : feed.entries) {
    // Of a page that came again late: a lock or conflict since ended must not come back with it.
    if (entry.cursor <= checkpoint.feed_cursor && !EDCSYNC_DEFECT("feed-cursor-first")) continue;
    switch (entry.kind) {
      case wire::FeedKind::kRevision:
        EDCSYNC_TRY(ApplyRevision(entry));
        break;
      case wire::FeedKind::kConflict:
        EDCSYNC_TRY(ApplyConflict(entry.conflict, now));
        break;
      case wire::FeedKind::kLock: {
        const Lock lock = LockOf(entry.lock);
        EDCSYNC_TRY(entry.lock.locked ? tables.locks.Set(lock) : tables.locks.Clear(lock));
        EDCSYNC_TRY(Audit(store_, entry.lock.locked ? "lock.set" : "lock.cleared",
                          lock.study.str() + (lock.object.empty() ? "" : "/" + lock.object), ""));
        break;
      }
      case wire::FeedKind::kQuarantine: {
        const wire::QuarantineState& state = entry.quarantine;
        EDCSYNC_TRY(tables.quarantine.Put({state.revision, state.state, state.reason}));
        break;
      }
    }
  }
  checkpoint.feed_cursor = std::max(checkpoint.feed_cursor, feed.next);
  checkpoint.last_contact = now;
  return tables.checkpoint.Update(checkpoint);
}

Status FeedApplier::ApplyConflict(const wire::ConflictState& state, WallTime now) {
  EdgeTables& tables = store_.writer_tables();
  const std::string key = ToString(state.key);
  const std::string conflict = "conflict=" + std::to_string(state.conflict_id);
  EDCSYNC_TRY(state.open ? tables.conflicts.Put({key, state.conflict_id, state.severity, now})
                         : tables.conflicts.Remove(key));
  EDCSYNC_TRY(Audit(store_, state.open ? "conflict.open" : "conflict.closed", key, conflict));
  const wire::Proposal& proposal = state.proposal;
  EDCSYNC_TRY(tables.proposals.EndWaitingOf(key, proposal.proposal_id));
  if (proposal.proposal_id == 0) return Ok();
  const RevisionId id = IdOf(proposal.revision);
  const Result<Revision> revision = DecodeRevision(proposal.revision);
  if (!revision.ok() || revision->site != site_ || revision->key != state.key) {
    Log(LogLevel::kError, "feed.proposal_refused", {{"proposal", proposal.proposal_id}});
    return Audit(store_, "feed.refused", id.ToHex(), "a proposal that does not fit its record");
  }
  EDCSYNC_TRY(tables.proposals.Put({proposal.proposal_id, state.conflict_id, key,
                                    proposal.proposed_by, id, proposal.revision, now}));
  return Audit(store_, "proposal.received", key,
               conflict + " proposal=" + std::to_string(proposal.proposal_id) +
                   " revision=" + id.ToHex());
}

Status FeedApplier::ApplyRevision(const wire::FeedEntry& entry) {
  EdgeTables& tables = store_.writer_tables();
  const RevisionId id = IdOf(entry.revision);
  EDCSYNC_ASSIGN(const bool known, tables.revisions.Contains(id));
  if (known) return Ok();
  Result<Revision> revision = DecodeRevision(entry.revision);
  if (!revision.ok() || revision->site != site_) {
    // The gateway's signature is right, so its release is not: keep the rest flowing, say it.
    Log(LogLevel::kError, "feed.entry_refused", {{"cursor", entry.cursor.value()}});
    return Audit(store_, "feed.refused", id.ToHex(),
                 revision.ok() ? "another site's" : revision.error().message);
  }
  EDCSYNC_ASSIGN(const std::optional<RevisionId> missing, MissingFor(id, *revision));
  if (missing) return tables.held.Put({id, *missing, entry.mark, entry.revision});
  EDCSYNC_TRY(Insert({id, std::move(*revision)}, entry.revision, entry.mark));
  return ApplyHeldFor(id);
}

// What must be here, and readable, before it can be applied: its parents, and other heads of its
// record. What this database lost holds up its own record only, until a reconciliation brings it back.
Result<std::optional<RevisionId>> FeedApplier::MissingFor(const RevisionId& id,
                                                          const Revision& revision) {
  EdgeTables& tables = store_.writer_tables();
  for (const RevisionId& parent : revision.parents) {
    EDCSYNC_ASSIGN(const bool here, tables.revisions.Contains(parent));
    if (!here) return std::optional(parent);
  }
  EDCSYNC_ASSIGN(const std::optional<RecordRow> record, tables.records.Find(revision.key));
  if (!record) return std::optional<RevisionId>();
  for (const RevisionId& head : NextHeads(record->heads, revision.parents, id)) {
    if (head == id) continue;
    EDCSYNC_ASSIGN(const bool here, tables.revisions.Contains(head));
    if (!here) return std::optional(head);
    EDCSYNC_ASSIGN(const bool whole, tables.revisions.IsWhole(head));
    if (!whole) return std::optional(head);
  }
  return std::optional<RevisionId>();
}

Status FeedApplier::Insert(const KnownRevision& known, BytesView canonical, const Digest& mark) {
  EdgeTables& tables = store_.writer_tables();
  EDCSYNC_ASSIGN(const std::int64_t rowid,
                 AddRevision(tables, known, canonical, store_.clock().Wall()));
  EDCSYNC_TRY(tables.marks.Put(rowid, mark));
  if (telemetry_ != nullptr) {
    applied_.push_back({known.revision.key, known.id, known.revision.origin});
  }
  return Audit(store_, "revision.received", ToString(known.revision.key),
               "revision=" + known.id.ToHex() + " version=" +
                   std::to_string(known.revision.version) + " origin=" +
                   std::string(ToString(known.revision.origin)));
}

Status FeedApplier::ApplyHeldFor(RevisionId parent) {
  EdgeTables& tables = store_.writer_tables();
  std::vector<RevisionId> arrived{parent};
  while (!arrived.empty()) {
    const RevisionId next = arrived.back();
    arrived.pop_back();
    EDCSYNC_ASSIGN(const std::vector<HeldTable::Row> rows, tables.held.WaitingFor(next));
    for (const HeldTable::Row& row : rows) {
      EDCSYNC_ASSIGN(Revision revision, DecodeRevision(row.canonical));
      EDCSYNC_ASSIGN(const std::optional<RevisionId> missing, MissingFor(row.id, revision));
      EDCSYNC_TRY(tables.held.Remove(row.id));
      if (missing) {
        EDCSYNC_TRY(tables.held.Put({row.id, *missing, row.mark, row.canonical}));
        continue;
      }
      EDCSYNC_TRY(Insert({row.id, std::move(revision)}, row.canonical, row.mark));
      arrived.push_back(row.id);
    }
  }
  return Ok();
}

Result<wire::RevisionPresence> FeedApplier::TakeRedelivered(
    const wire::OfferedRevision& offered, const std::vector<RevisionGap>& gaps, bool as_new) {
  EdgeTables& tables = store_.writer_tables();
  const RevisionId id = IdOf(offered.revision);
  EDCSYNC_ASSIGN(const bool known, tables.revisions.Contains(id));
  if (known) {
    EDCSYNC_ASSIGN(const bool whole, tables.revisions.IsWhole(id));
    if (whole) return wire::RevisionPresence::kPresent;
  }
  Result<Revision> revision = DecodeRevision(offered.revision);
  if (!revision.ok() || revision->site != site_) {
    EDCSYNC_TRY(Audit(store_, "reconciliation.refused", id.ToHex(),
                      revision.ok() ? "another site's" : revision.error().message));
    return wire::RevisionPresence::kRefused;
  }
  const KnownRevision reinstated{id, *revision};
  if (known) {
    EDCSYNC_TRY(tables.revisions.Mend(reinstated, offered.revision));
    EDCSYNC_TRY(Audit(store_, "revision.mended", ToString(revision->key), "revision=" + id.ToHex()));
    EDCSYNC_TRY(ApplyHeldFor(id));
    return wire::RevisionPresence::kPresent;
  }
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> rowid,
                 ReinstateRevision(tables, reinstated, offered.revision, offered.mark, gaps,
                                   store_.clock().Wall()));
  if (!rowid && !as_new) return wire::RevisionPresence::kAbsent;
  if (!rowid) {
    wire::FeedEntry entry;
    entry.kind = wire::FeedKind::kRevision;
    entry.revision = offered.revision;
    entry.mark = offered.mark;
    EDCSYNC_TRY(ApplyRevision(entry));
    EDCSYNC_ASSIGN(const bool here, tables.revisions.Contains(id));
    return here ? wire::RevisionPresence::kPresent : wire::RevisionPresence::kHeld;
  }
  EDCSYNC_TRY(tables.held.Remove(id));
  EDCSYNC_TRY(tables.marks.Put(*rowid, offered.mark));
  EDCSYNC_TRY(Audit(store_, "revision.reinstated", ToString(revision->key),
                    "revision=" + id.ToHex() + " version=" + std::to_string(revision->version)));
  EDCSYNC_TRY(ApplyHeldFor(id));
  return wire::RevisionPresence::kPresent;
}

}  // namespace edcsync::edge
