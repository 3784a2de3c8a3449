#include "edge-agent/site/site_queries.h"

#include <nlohmann/json.hpp>

#include "shared/base/json.h"
#include "shared/crypto/trace_id.h"
#include "shared/model/submission.h"

namespace edcsync::edge {
namespace {

std::string StateOf(const OutboxTable::Row& row, Sequence acknowledged) {
  if (row.sequence > acknowledged) return "waiting";
  return row.outcome ? std::string(ToString(*row.outcome)) : "applied";
}

Result<Json> RevisionJson(EdgeTables& tables, const RevisionId& id, bool current) {
  EDCSYNC_ASSIGN(const std::optional<StoredRevision> row, tables.revisions.Find(id));
  if (!row) return Fail(ErrorCode::kInvariant, "Revision " + id.ToHex() + " is not stored");
  return Json::parse(FormatSubmission(row->known.revision, HistoryFields{id, current}));
}

Json FillStatus(const Checkpoint& checkpoint, const SyncView& sync) {
  Json json;
  json["edgeId"] = checkpoint.edge.str();
  json["siteOID"] = checkpoint.site.str();
  json["incarnation"] = checkpoint.incarnation.ToHex();
  json["acknowledgedThrough"] = checkpoint.acknowledged_through.value();
  json["feedCursor"] = checkpoint.feed_cursor.value();
  json["clockDriftMs"] =
      checkpoint.clock_drift_ms ? Json(*checkpoint.clock_drift_ms) : Json(nullptr);
  json["lastContactAt"] =
      checkpoint.last_contact ? Json(FormatUtc(*checkpoint.last_contact)) : Json(nullptr);
  if (checkpoint.stopped_for != 0) {
    const ErrorInfo* info = FindError(checkpoint.stopped_for);
    json["stoppedFor"] = {{"code", checkpoint.stopped_for},
                          {"name", info == nullptr ? "" : info->name},
                          {"message", checkpoint.stopped_message},
                          {"advice", info == nullptr ? "" : info->advice}};
  } else {
    json["stoppedFor"] = nullptr;
  }
  json["sync"] = {{"state", sync.state},
                  {"since", sync.since},
                  {"lastError", sync.last_error},
                  {"heldBack", sync.held_back.empty()
                                   ? Json(nullptr)
                                   : Json{{"why", sync.held_back}, {"since", sync.held_back_since}}},
                  {"breaker", sync.breaker},
                  {"epoch", sync.epoch},
                  {"gateway", sync.gateway},
                  {"framesInFlight", sync.frames_in_flight},
                  {"framesSent", sync.frames_sent},
                  {"bytesSent", sync.bytes_sent},
                  {"revisionsSent", sync.revisions_sent}};
  const CertificateView& certificate = sync.certificate;
  const auto time = [](const std::optional<WallTime>& at) {
    return at ? Json(FormatUtc(*at)) : Json(nullptr);
  };
  json["certificate"] = nullptr;
  if (!certificate.serial.empty()) {
    json["certificate"] = {{"serial", certificate.serial},
                           {"notAfter", time(certificate.not_after)},
                           {"renewsAt", time(certificate.renews_at)},
                           {"lastContactAt", time(certificate.last_contact)},
                           {"lastError", certificate.last_error}};
  }
  return json;
}

}  // namespace

Result<std::string> StatusJson(EdgeStore& store, const SyncView& sync) {
  Json json;
  EDCSYNC_TRY(store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const Checkpoint checkpoint, tables.checkpoint.Get());
    EDCSYNC_ASSIGN(const OutboxTable::Tail tail, tables.outbox.ReadTail());
    json = FillStatus(checkpoint, sync);
    EDCSYNC_ASSIGN(json["records"], tables.records.Count());
    EDCSYNC_ASSIGN(json["revisions"], tables.revisions.Count());
    json["captured"] = tail.last.value();
    json["waiting"] = tail.last.value() - checkpoint.acknowledged_through.value();
    EDCSYNC_ASSIGN(const std::optional<WallTime> oldest,
                   tables.outbox.OldestWaiting(checkpoint.acknowledged_through));
    json["oldestWaitingAt"] = oldest ? Json(FormatUtc(*oldest)) : Json(nullptr);
    EDCSYNC_ASSIGN(json["conflictsOpen"], tables.conflicts.Count());
    EDCSYNC_ASSIGN(json["proposalsWaiting"], tables.proposals.CountWaiting());
    EDCSYNC_ASSIGN(json["quarantined"], tables.quarantine.CountWaiting());
    EDCSYNC_ASSIGN(json["heldFromFeed"], tables.held.Count());
    EDCSYNC_ASSIGN(const std::vector<Lock> locks, tables.locks.List());
    json["locks"] = locks.size();
    return Ok();
  }));
  return json.dump();
}

Result<std::string> RecordJson(EdgeStore& store, const RecordKey& key, bool history) {
  Json json;
  EDCSYNC_TRY(store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const std::optional<RecordRow> record, tables.records.Find(key));
    if (!record) return Fail(ErrorCode::kNotFound, "There is no record " + ToString(key));
    json["key"] = ToString(key);
    json["traceId"] = TraceIdText(key);
    EDCSYNC_ASSIGN(json["current"], RevisionJson(tables, record->current, true));
    json["heads"] = Json::array();
    for (const RevisionId& head : record->heads) json["heads"].push_back(head.ToHex());
    EDCSYNC_ASSIGN(const std::optional<OpenConflict> conflict,
                   tables.conflicts.Find(ToString(key)));
    json["conflict"] = conflict ? Json{{"conflictId", std::to_string(conflict->conflict_id)},
                                       {"severity", ToString(conflict->severity)}}
                                : Json(nullptr);
    EDCSYNC_ASSIGN(const bool locked, tables.locks.Covers(key, record->site));
    json["locked"] = locked;
    if (!history) return Ok();
    json["history"] = Json::array();
    EDCSYNC_ASSIGN(const std::vector<StoredRevision> rows,
                   tables.revisions.ListOf(record->record_id));
    for (const StoredRevision& row : rows) {
      json["history"].push_back(Json::parse(FormatSubmission(
          row.known.revision, HistoryFields{row.known.id, row.known.id == record->current})));
    }
    return Ok();
  }));
  return json.dump();
}

Result<std::string> RecordListJson(EdgeStore& store, const RecordListQuery& query) {
  Json json;
  json["records"] = Json::array();
  json["next"] = nullptr;
  EDCSYNC_TRY(store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(
        const std::vector<RecordRow> rows,
        tables.records.List(query.filter, query.after ? &*query.after : nullptr, query.count_max));
    for (const RecordRow& row : rows) {
      json["records"].push_back({{"key", ToString(row.key)},
                                 {"version", row.current_version},
                                 {"revisionId", row.current.ToHex()},
                                 {"removed", row.removed},
                                 {"conflict", row.heads.size() > 1}});
    }
    if (rows.size() == query.count_max) json["next"] = ToString(rows.back().key);
    return Ok();
  }));
  return json.dump();
}

Result<std::string> ExportPage(EdgeStore& store, const std::optional<RecordKey>& after,
                               std::size_t record_count_max, bool history, std::string& next) {
  std::string lines;
  next.clear();
  EDCSYNC_TRY(store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const std::vector<RecordRow> rows,
                   tables.records.List({}, after ? &*after : nullptr, record_count_max));
    for (const RecordRow& row : rows) {
      if (history) {
        EDCSYNC_ASSIGN(const std::vector<StoredRevision> revisions,
                       tables.revisions.ListOf(row.record_id));
        for (const StoredRevision& revision : revisions) {
          lines +=
              FormatSubmission(revision.known.revision,
                               HistoryFields{revision.known.id, revision.known.id == row.current});
          lines += '\n';
        }
        continue;
      }
      EDCSYNC_ASSIGN(const std::optional<StoredRevision> current,
                     tables.revisions.Find(row.current));
      if (!current) return Fail(ErrorCode::kInvariant, "The current revision is not stored");
      lines += FormatSubmission(current->known.revision, std::nullopt);
      lines += '\n';
    }
    if (rows.size() == record_count_max) next = ToString(rows.back().key);
    return Ok();
  }));
  return lines;
}

Result<std::string> OutboxJson(EdgeStore& store, Sequence after, std::size_t count_max,
                               bool waiting_only) {
  Json json;
  json["rows"] = Json::array();
  json["next"] = nullptr;
  EDCSYNC_TRY(store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const Checkpoint checkpoint, tables.checkpoint.Get());
    const Sequence from = waiting_only ? std::max(after, checkpoint.acknowledged_through) : after;
    EDCSYNC_ASSIGN(const std::vector<OutboxTable::Row> rows, tables.outbox.List(from, count_max));
    for (const OutboxTable::Row& row : rows) {
      const ErrorInfo* reason = FindError(row.reason);
      json["rows"].push_back({{"sequence", row.sequence.value()},
                              {"key", ToString(row.key)},
                              {"version", row.version},
                              {"revisionId", row.id.ToHex()},
                              {"queuedAt", FormatUtc(row.queued_at)},
                              {"state", StateOf(row, checkpoint.acknowledged_through)},
                              {"reason", reason == nullptr ? "" : reason->name}});
    }
    if (rows.size() == count_max) json["next"] = rows.back().sequence.value();
    return Ok();
  }));
  return json.dump();
}

Result<std::string> CheckJson(EdgeStore& store,
                              const std::function<void(std::string_view, int)>& progress) {
  EDCSYNC_ASSIGN(const std::vector<std::string> findings, store.Check(progress));
  return Json{{"sound", findings.empty()}, {"findings", findings}}.dump();
}

}  // namespace edcsync::edge
