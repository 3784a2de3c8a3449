#include "central-gateway/desk/central_queries.h"

#include <set>

#include "central-gateway/desk/form_view.h"
#include "shared/crypto/trace_id.h"
#include "shared/model/submission.h"

namespace edcsync::central {
namespace {

Json RevisionJson(const RevisionRow& row, bool current) {
  Json json = Json::parse(
      FormatSubmission(row.known.revision, HistoryFields{row.known.id, current}));
  json["receivedAt"] = FormatUtc(row.received_at);
  if (!row.nonconformance.empty()) json["nonconformance"] = row.nonconformance;
  if (row.clock_suspect) json["clockSuspect"] = true;
  return json;
}

Json IdList(const std::vector<RevisionId>& ids) {
  Json list = Json::array();
  for (const RevisionId& id : ids) list.push_back(id.ToHex());
  return list;
}

std::string_view NameOf(LockScope scope) {
  switch (scope) {
    case LockScope::kStudy: return "study";
    case LockScope::kSite: return "site";
    case LockScope::kSubject: return "subject";
    case LockScope::kForm: return "form";
  }
  return "study";
}

std::string_view NameOf(FeedKind kind) {
  switch (kind) {
    case FeedKind::kRevision: return "revision";
    case FeedKind::kConflict: return "conflict";
    case FeedKind::kLock: return "lock";
    case FeedKind::kQuarantine: return "quarantine";
  }
  return "revision";
}

Json SummaryOf(const ConflictRow& conflict) {
  Json json;
  json["conflictId"] = std::to_string(conflict.id.value());
  json["key"] = ToString(conflict.key);
  json["siteOID"] = conflict.site.str();
  json["severity"] = ToString(conflict.severity);
  json["state"] = ToString(conflict.end);
  json["items"] = conflict.items;
  json["heads"] = IdList(conflict.heads);
  json["ancestor"] = conflict.ancestor ? Json(conflict.ancestor->ToHex()) : Json(nullptr);
  json["openedAt"] = FormatUtc(conflict.opened_at);
  if (conflict.end != ConflictEnd::kOpen) {
    json["endedBy"] = conflict.ended_by ? Json(conflict.ended_by->ToHex()) : Json(nullptr);
    json["endedAt"] = conflict.ended_at ? Json(FormatUtc(*conflict.ended_at)) : Json(nullptr);
    json["endedUser"] = conflict.ended_user;
  }
  return json;
}

Json QuarantineSummary(const QuarantineRow& row) {
  const ErrorInfo* reason = FindError(row.reason);
  Json json;
  json["revisionId"] = row.revision.ToHex();
  json["key"] = row.key ? Json(ToString(*row.key)) : Json(nullptr);
  json["edgeId"] = row.edge.str();
  json["siteOID"] = row.site.str();
  json["sequence"] = row.sequence.value();
  json["reason"] = reason == nullptr ? "" : reason->name;
  json["detail"] = row.detail;
  json["held"] = row.missing_parent.has_value();
  json["receivedAt"] = FormatUtc(row.received_at);
  json["state"] = ToString(row.state);
  if (row.state != QuarantineEnd::kWaiting) {
    json["decidedBy"] = row.decided_by;
    json["decisionReason"] = row.decision_reason;
    json["decidedAt"] = row.decided_at ? Json(FormatUtc(*row.decided_at)) : Json(nullptr);
  }
  return json;
}

Json ValueJson(const ItemState& state) {
  if (!state.present) return "(absent)";
  return state.value ? Json(*state.value) : Json(nullptr);
}

}  // namespace

Result<std::string> RecordJson(CentralStore& store, const RecordKey& key, bool history) {
  Json json;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<RecordState> record, reader.FindRecord(key));
    if (!record) return Fail(ErrorCode::kNotFound, "There is no record " + ToString(key));
    json["key"] = ToString(key);
    EDCSYNC_ASSIGN(const RevisionRow current, GetRevision(reader, record->current));
    json["current"] = RevisionJson(current, true);
    json["traceId"] = TraceIdText(key);
    json["heads"] = IdList(record->heads);
    EDCSYNC_ASSIGN(const auto conflict, reader.OpenConflictOf(record->record_id));
    json["conflict"] = conflict ? SummaryOf(*conflict) : Json(nullptr);
    EDCSYNC_ASSIGN(json["locked"], reader.IsLocked(key, record->site));
    if (!history) return Ok();
    json["history"] = Json::array();
    EDCSYNC_ASSIGN(const auto rows, reader.RevisionsOf(record->record_id));
    for (const RevisionRow& row : rows) {
      json["history"].push_back(RevisionJson(row, row.known.id == record->current));
    }
    return Ok();
  }));
  return json.dump();
}

Result<std::string> RecordListJson(CentralStore& store, const CentralReader::RecordFilter& filter,
                                   const std::optional<RecordKey>& after, std::size_t count_max) {
  Json json;
  json["records"] = Json::array();
  json["next"] = nullptr;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto rows,
                   reader.ListRecords(filter, after ? &*after : nullptr, count_max));
    for (const RecordState& row : rows) {
      json["records"].push_back({{"key", ToString(row.key)},
                                 {"siteOID", row.site.str()},
                                 {"version", row.current_version},
                                 {"revisionId", row.current.ToHex()},
                                 {"removed", row.removed},
                                 {"conflict", row.heads.size() > 1}});
    }
    if (rows.size() == count_max) json["next"] = ToString(rows.back().key);
    return Ok();
  }));
  return json.dump();
}

Result<std::string> ExportPage(CentralStore& store, const CentralReader::RecordFilter& filter,
                               const std::optional<RecordKey>& after,
                               std::size_t record_count_max, bool history, std::string& next) {
  std::string lines;
  next.clear();
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto records,
                   reader.ListRecords(filter, after ? &*after : nullptr, record_count_max));
    for (const RecordState& record : records) {
      if (!history) {
        EDCSYNC_ASSIGN(const RevisionRow row, GetRevision(reader, record.current));
        lines += FormatSubmission(row.known.revision, std::nullopt) + "\n";
        continue;
      }
      EDCSYNC_ASSIGN(const auto rows, reader.RevisionsOf(record.record_id));
      for (const RevisionRow& row : rows) {
        lines += FormatSubmission(row.known.revision,
                                  HistoryFields{row.known.id, row.known.id == record.current}) +
                 "\n";
      }
    }
    if (records.size() == record_count_max) next = ToString(records.back().key);
    return Ok();
  }));
  return lines;
}

Result<std::string> ConflictListJson(CentralStore& store,
                                     const CentralReader::ConflictFilter& filter) {
  Json json;
  json["conflicts"] = Json::array();
  json["next"] = nullptr;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto rows, reader.ListConflicts(filter));
    for (const ConflictRow& row : rows) json["conflicts"].push_back(SummaryOf(row));
    if (rows.size() == filter.count_max) json["next"] = std::to_string(rows.back().id.value());
    return Ok();
  }));
  return json.dump();
}

Result<std::string> ConflictJson(CentralStore& store, SnowflakeId id) {
  Json json;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto conflict, reader.FindConflict(id));
    if (!conflict) {
      return Fail(ErrorCode::kNotFound, "There is no conflict " + std::to_string(id.value()));
    }
    json = SummaryOf(*conflict);
    EDCSYNC_ASSIGN(const auto record, reader.FindRecord(conflict->key));
    std::optional<RevisionRow> ancestor;
    if (conflict->ancestor) {
      EDCSYNC_ASSIGN(ancestor, GetRevision(reader, *conflict->ancestor));
    }
    json["ancestorRevision"] = ancestor ? RevisionJson(*ancestor, false) : Json(nullptr);
    json["headRevisions"] = Json::array();
    std::vector<RevisionRow> heads;
    for (const RevisionId& head : conflict->heads) {
      EDCSYNC_ASSIGN(RevisionRow row, GetRevision(reader, head));
      json["headRevisions"].push_back(RevisionJson(row, record && record->current == head));
      heads.push_back(std::move(row));
    }
    StudyCatalogue catalogue;
    EDCSYNC_ASSIGN(const auto studies, catalogue.Get(reader));
    const Viewer viewer = Everything("");
    const FormContext form =
        MakeFormContext(viewer, *studies, conflict->key, conflict->site,
                        heads.front().known.revision.metadata_version);
    json["dispute"] = Json::array();
    std::set<ItemPath> paths;
    for (const RevisionRow& head : heads) {
      for (const auto& [path, state] :
           Diff(heads.front().known.revision.items, head.known.revision.items)) {
        paths.insert(path);
      }
    }
    for (const ItemPath& path : paths) {
      Json item;
      item["path"] = ToString(path);
      item["question"] = QuestionOf(form, path.item);
      item["ancestor"] =
          ancestor ? ValueJson(StateAt(ancestor->known.revision.items, path)) : "(absent)";
      for (const RevisionRow& head : heads) {
        item["values"][head.known.id.ToHex()] =
            ValueJson(StateAt(head.known.revision.items, path));
      }
      json["dispute"].push_back(std::move(item));
    }
    return Ok();
  }));
  return json.dump();
}

Result<std::string> QuarantineListJson(CentralStore& store, bool all, std::size_t count_max) {
  Json json = Json::array();
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto rows, reader.ListQuarantine(all, count_max));
    for (const QuarantineRow& row : rows) json.push_back(QuarantineSummary(row));
    return Ok();
  }));
  return json.dump();
}

Result<std::string> QuarantineJson(CentralStore& store, const RevisionId& revision) {
  Json json;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto row, reader.FindQuarantine(revision));
    if (!row) {
      return Fail(ErrorCode::kNotFound,
                  "Revision " + revision.ToHex() + " is not in quarantine");
    }
    json = QuarantineSummary(*row);
    const Result<Revision> decoded = DecodeRevision(row->bytes);
    json["revision"] =
        decoded.ok() ? Json::parse(FormatSubmission(*decoded, HistoryFields{revision, false}))
                     : Json(nullptr);
    if (!decoded.ok()) json["bytes"] = ToHex(row->bytes);
    return Ok();
  }));
  return json.dump();
}

Result<std::string> EdgeListJson(CentralStore& store, const ComparisonSchedule& schedule) {
  Json json = Json::array();
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto rows, reader.ListEdges());
    for (const EdgeRow& row : rows) {
      Json edge;
      EDCSYNC_ASSIGN(const LastComparison last, reader.LastComparisonOf(row.edge));
      edge["edgeId"] = row.edge.str();
      edge["siteOID"] = row.site.str();
      edge["standing"] = ToString(row.standing);
      edge["standingReason"] = row.standing_reason;
      edge["acknowledgedThrough"] = row.acknowledged_through.value();
      edge["feedCursor"] = row.feed_cursor.value();
      edge["epoch"] = row.epoch.value();
      edge["gateway"] = row.gateway.str();
      edge["incarnation"] = row.incarnation.ToHex();
      edge["lastContactAt"] =
          row.last_contact ? Json(FormatUtc(*row.last_contact)) : Json(nullptr);
      edge["clockDriftMs"] = row.clock_drift_ms ? Json(*row.clock_drift_ms) : Json(nullptr);
      edge["release"] = row.release;
      edge["addedAt"] = FormatUtc(row.added_at);
      edge["comparedAt"] = last.compared_at ? Json(FormatUtc(*last.compared_at)) : Json(nullptr);
      edge["comparison"] = last.ended ? Json(ToString(last.ended->state)) : Json(nullptr);
      edge["comparisonDifferences"] = last.differences;
      edge["comparisonNotBroughtBack"] = last.not_brought_back;
      edge["comparisonOverdue"] =
          row.standing == EdgeStanding::kActive &&
          IsComparisonOverdue(last, row.added_at, schedule.every_ms, schedule.now);
      json.push_back(std::move(edge));
    }
    return Ok();
  }));
  return json.dump();
}

std::string ComparisonText(const Json& edge) {
  std::string text = edge["comparedAt"].is_null()
                         ? std::string("never compared with the centre")
                         : "compared " + edge["comparedAt"].get<std::string>();
  const std::uint64_t count = edge["comparisonDifferences"];
  const std::uint64_t stand = edge["comparisonNotBroughtBack"];
  if (edge["comparison"] == "failed") {
    text += ", the last comparison failed";
  } else if (count == 1) {
    text += stand == 0 ? ", 1 difference was mended" : ", 1 difference stands";
  } else if (count > 1) {
    text += ", " + std::to_string(count) + " differences, ";
    text += stand == 0 ? "all mended" : std::to_string(stand) + " stand";
  } else if (!edge["comparison"].is_null()) {
    text += ", equal";
  }
  if (edge["comparisonOverdue"] == true) text += ", overdue";
  return text;
}

Result<std::string> LockListJson(CentralStore& store) {
  Json json = Json::array();
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto rows, reader.ListLocks());
    for (const LockRow& row : rows) {
      json.push_back({{"scope", NameOf(row.scope)},
                      {"studyOID", row.study.str()},
                      {"object", row.object},
                      {"setBy", row.set_by},
                      {"reason", row.reason},
                      {"setAt", FormatUtc(row.set_at)}});
    }
    return Ok();
  }));
  return json.dump();
}

Result<std::string> FeedJson(CentralStore& store, FeedCursor after, std::size_t count_max) {
  Json json;
  json["rows"] = Json::array();
  json["next"] = after.value();
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto rows, reader.FeedAll(after, count_max));
    for (const FeedRow& row : rows) {
      Json entry;
      entry["cursor"] = row.cursor.value();
      entry["kind"] = NameOf(row.kind);
      entry["siteOID"] = row.site.str();
      if (!row.origin_edge.empty()) entry["originEdge"] = row.origin_edge.str();
      if (row.revision) entry["revisionId"] = row.revision->ToHex();
      if (!row.detail.empty()) {
        entry["detail"] = Json::parse(row.detail.begin(), row.detail.end(), nullptr, false);
      }
      json["rows"].push_back(std::move(entry));
      json["next"] = row.cursor.value();
    }
    return Ok();
  }));
  return json.dump();
}

Result<std::string> StatusJson(CentralStore& store, const ComparisonSchedule& schedule) {
  EDCSYNC_ASSIGN(const std::string edges, EdgeListJson(store, schedule));
  Json json;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const CentralReader::Figures figures, reader.CountAll());
    EDCSYNC_ASSIGN(const HistoryId history, reader.History());
    EDCSYNC_ASSIGN(const FeedCursor head, reader.FeedHead());
    EDCSYNC_ASSIGN(const auto studies, reader.ListStudies(/*with_xml=*/false));
    json["records"] = figures.records;
    json["revisions"] = figures.revisions;
    json["duplicatesDropped"] = figures.duplicates;
    json["conflictsOpen"] = figures.conflicts_open;
    json["conflictsEnded"] = figures.conflicts_ended;
    json["quarantineWaiting"] = figures.quarantine_waiting;
    json["auditEntries"] = figures.audit_entries;
    json["feedHead"] = head.value();
    json["historyId"] = history.ToHex();
    json["studies"] = Json::array();
    for (const StudyRow& study : studies) {
      json["studies"].push_back({{"studyOID", study.study.str()},
                                 {"metaDataVersionOID", study.metadata_version.str()},
                                 {"importedAt", FormatUtc(study.imported_at)}});
    }
    return Ok();
  }));
  json["edges"] = Json::parse(edges);
  return json.dump();
}

}  // namespace edcsync::central
