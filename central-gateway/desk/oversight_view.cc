#include "central-gateway/desk/oversight_view.h"

#include <set>

#include "central-gateway/desk/queue_view.h"

namespace edcsync::central {
namespace {

constexpr std::array<std::string_view, 8> kAuditColumns = {"number", "id",     "at",     "actor",
                                                           "action", "object", "detail", "hash"};

bool SeesQuarantined(const std::vector<Scope>& scopes, const QuarantineRow& row) {
  return row.key ? Covers(scopes, row.key->study, row.site) : CoversAll(scopes);
}

Json QuarantineSummaryJson(const QuarantineRow& row) {
  const ErrorInfo* reason = FindError(row.reason);
  const bool decided = row.state != QuarantineEnd::kWaiting && row.decided_at.has_value();
  return {{"revisionId", row.revision.ToHex()},
          {"state", ToString(row.state)},
          {"reason", reason == nullptr ? "" : reason->name},
          {"detail", row.detail},
          {"key", row.key ? Json(ToString(*row.key)) : Json(nullptr)},
          {"siteOID", row.site.str()},
          {"edgeId", row.edge.str()},
          {"receivedAt", FormatUtc(row.received_at)},
          {"held", row.missing_parent.has_value()},
          {"decidedBy", decided ? Json(row.decided_by) : Json(nullptr)},
          {"decidedAt", decided ? Json(FormatUtc(*row.decided_at)) : Json(nullptr)},
          {"decisionReason", decided ? Json(row.decision_reason) : Json(nullptr)}};
}

Json EdgeJson(const EdgeRow& edge, std::uint64_t behind, std::uint64_t conflicts) {
  return {{"edgeId", edge.edge.str()},
          {"siteOID", edge.site.str()},
          {"standing", ToString(edge.standing)},
          {"standingReason", edge.standing_reason},
          {"lastContactAt", edge.last_contact ? Json(FormatUtc(*edge.last_contact)) : Json(nullptr)},
          {"acknowledgedThrough", edge.acknowledged_through.value()},
          {"feedBehind", behind},
          {"clockDriftMs", edge.clock_drift_ms ? Json(*edge.clock_drift_ms) : Json(nullptr)},
          {"conflictsOpen", conflicts},
          {"release", edge.release}};
}

// An edge belongs to a site, not to a study: a scope of one study shows the edges of its sites.
bool SeesEdge(const std::vector<Scope>& scopes, const SiteOID& site) {
  return std::any_of(scopes.begin(), scopes.end(), [&](const Scope& scope) {
    return scope.site.empty() || scope.site == site;
  });
}

}  // namespace

Result<Json> OverviewJson(CentralStore& store, const Viewer& viewer,
                          const std::vector<Scope>& edges_of, const DueTimes& due_times,
                          WallTime now) {
  Json json;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    QueueFilter filter;
    filter.scopes = viewer.reads;
    filter.due_times = due_times;
    EDCSYNC_ASSIGN(const QueueCounts counts, reader.CountQueue(filter, viewer.user, now));
    EDCSYNC_ASSIGN(const CentralReader::Figures figures, reader.CountAll());
    const bool all = CoversAll(viewer.reads);
    json["records"] = all ? figures.records : 0;
    json["revisions"] = all ? figures.revisions : 0;
    json["conflictsOpen"] = counts.total;
    json["conflictsHard"] = counts.hard;
    json["conflictsOverdue"] = counts.overdue;
    json["quarantineWaiting"] = all ? figures.quarantine_waiting : 0;
    std::map<SiteOID, std::uint64_t> by_site;
    for (const QueueCounts::Site& site : counts.by_site) by_site[site.site] = site.count;
    EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, reader.ListEdges());
    json["edges"] = Json::array();
    for (const EdgeRow& edge : edges) {
      if (!SeesEdge(edges_of, edge.site)) continue;
      EDCSYNC_ASSIGN(const std::uint64_t behind, reader.FeedBehind(edge));
      json["edges"].push_back(EdgeJson(edge, behind, by_site[edge.site]));
    }
    return Ok();
  }));
  return json;
}

Result<Json> StudiesJson(CentralStore& store, StudyCatalogue& catalogue, const Viewer& viewer) {
  Json json{{"studies", Json::array()}};
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto studies, catalogue.Get(reader));
    EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, reader.ListEdges());
    for (const auto& known : *studies) {
      const StudyOID& oid = known.first;
      const CatalogueStudy& study = known.second;
      std::set<std::string> sites;
      for (const EdgeRow& edge : edges) {
        if (Covers(viewer.reads, oid, edge.site)) sites.insert(edge.site.str());
      }
      const bool sees = std::any_of(
          viewer.reads.begin(), viewer.reads.end(),
          [&](const Scope& scope) { return scope.study.empty() || scope.study == oid; });
      if (!sees) continue;
      const auto named = [](const auto& table) {
        Json list = Json::array();
        for (const auto& entry : table) list.push_back({{"oid", entry.oid}, {"name", entry.name}});
        return list;
      };
      json["studies"].push_back({{"studyOID", oid.str()},
                                 {"name", study.name},
                                 {"metaDataVersionOID", study.newest().metadata_version_oid},
                                 {"reasons", Json::parse(study.reasons)},
                                 {"sites", sites},
                                 {"events", named(study.newest().study_events)},
                                 {"forms", named(study.newest().forms)}});
    }
    return Ok();
  }));
  return json;
}

Result<Json> QuarantinePageJson(CentralStore& store, const Viewer& viewer,
                                const QuarantineRequest& request,
                                std::optional<std::int64_t>& next) {
  Json json{{"quarantine", Json::array()}};
  next.reset();
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    std::int64_t after = request.after_row;
    while (json["quarantine"].size() < request.count_max) {
      EDCSYNC_ASSIGN(const std::vector<QuarantineRow> rows,
                     reader.QuarantinePage(request.state, after, request.count_max));
      for (const QuarantineRow& row : rows) {
        after = row.rowid;
        if (!SeesQuarantined(viewer.reads, row)) continue;
        json["quarantine"].push_back(QuarantineSummaryJson(row));
        if (json["quarantine"].size() == request.count_max) next = after;
        if (next) return Ok();
      }
      if (rows.size() < request.count_max) return Ok();
    }
    return Ok();
  }));
  return json;
}

Result<Json> QuarantinedJson(CentralStore& store, StudyCatalogue& catalogue, const Viewer& viewer,
                             const RevisionId& revision) {
  Json json;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<QuarantineRow> row, reader.FindQuarantine(revision));
    if (!row || !SeesQuarantined(viewer.reads, *row)) {
      return Fail(ErrorCode::kNotFound, "Revision " + revision.ToHex() + " is not in quarantine");
    }
    json = QuarantineSummaryJson(*row);
    json["revision"] = nullptr;
    json["groups"] = Json::array();
    RevisionRow decoded;
    Result<Revision> content = DecodeRevision(row->bytes);
    if (!content.ok()) return Ok();
    decoded.known = {row->revision, std::move(*content)};
    decoded.received_at = row->received_at;
    EDCSYNC_ASSIGN(const auto studies, catalogue.Get(reader));
    const FormContext form =
        MakeFormContext(viewer, *studies, decoded.known.revision.key, row->site,
                        decoded.known.revision.metadata_version);
    EDCSYNC_ASSIGN(json["revision"], RevisionMetaJson(reader, decoded));
    json["groups"] =
        GroupsJson(form, nullptr, {{decoded.known.id, &decoded.known.revision.items}});
    return Ok();
  }));
  return json;
}

Result<bool> MayDecideQuarantined(CentralStore& store, const Viewer& viewer,
                                  const RevisionId& revision) {
  bool may = false;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<QuarantineRow> row, reader.FindQuarantine(revision));
    may = row && SeesQuarantined(viewer.decides, *row);
    return Ok();
  }));
  return may;
}

Result<Json> AuditJson(CentralStore& store, const AuditFilter& filter,
                       std::optional<std::uint64_t>& next) {
  Json json{{"entries", Json::array()}};
  next.reset();
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::vector<AuditEntry> entries, reader.ListAuditNewestFirst(filter));
    for (const AuditEntry& entry : entries) {
      json["entries"].push_back({{"number", entry.number},
                                 {"id", std::to_string(entry.id)},
                                 {"at", FormatUtc(entry.at)},
                                 {"actor", entry.actor},
                                 {"action", entry.action},
                                 {"object", entry.object},
                                 {"detail", entry.detail},
                                 {"hash", ToHex(entry.hash)}});
    }
    if (entries.size() == filter.count_max) next = entries.back().number;
    return Ok();
  }));
  return json;
}

std::string AuditCsvHead() {
  std::string line;
  for (const std::string_view column : kAuditColumns) {
    line.append(line.empty() ? "" : ",").append(column);
  }
  return line + "\r\n";
}

std::string AuditCsv(const Json& page) {
  std::string lines;
  for (const Json& entry : page["entries"]) {
    std::string line;
    for (const std::string_view column : kAuditColumns) {
      if (column != kAuditColumns.front()) line += ',';
      const Json& value = entry[std::string(column)];
      line += value.is_string() ? CsvField(value.get<std::string>()) : value.dump();
    }
    lines += line + "\r\n";
  }
  return lines;
}

}  // namespace edcsync::central
