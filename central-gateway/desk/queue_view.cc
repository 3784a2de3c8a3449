#include "central-gateway/desk/queue_view.h"

#include "central-gateway/desk/claims.h"

namespace edcsync::central {
namespace {

constexpr std::array<std::string_view, 14> kColumns = {
    "conflictId", "severity", "state", "studyOID", "siteOID", "subjectKey", "event", "form",
    "items",      "openedAt", "dueAt", "endedAt",  "endedBy", "assignee"};

Json ClaimJson(const ConflictWork& work, const std::string& viewer, WallTime now) {
  if (!IsClaimed(work, now)) return nullptr;
  Json claim{{"user", work.claimed_by}, {"expiresAt", FormatUtc(work.claim_expires_at)}};
  if (work.claimed_by == viewer) claim["fencingToken"] = std::to_string(work.fencing_token);
  return claim;
}

std::string CsvText(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object()) return value.value("oid", "");
  std::string text;
  for (const Json& part : value) text += (text.empty() ? "" : " ") + part.get<std::string>();
  return text;
}

}  // namespace

Json ConflictSummaryJson(const FormContext& form, const QueueRow& row, const DueTimes& due_times,
                         WallTime now) {
  const ConflictRow& conflict = row.conflict;
  Json json;
  json["conflictId"] = std::to_string(conflict.id.value());
  json["key"] = ToString(conflict.key);
  json["studyOID"] = conflict.key.study.str();
  json["siteOID"] = conflict.site.str();
  json["subjectKey"] = conflict.key.subject.str();
  json["event"] = EventJson(form);
  json["form"] = FormJson(form);
  json["severity"] = ToString(conflict.severity);
  json["state"] = ToString(conflict.end);
  json["items"] = conflict.items;
  json["heads"] = Json::array();
  for (const RevisionId& head : conflict.heads) json["heads"].push_back(head.ToHex());
  json["openedAt"] = FormatUtc(conflict.opened_at);
  json["dueAt"] = FormatUtc(due_times.DueAt(conflict));
  json["endedAt"] = conflict.ended_at ? Json(FormatUtc(*conflict.ended_at)) : Json(nullptr);
  json["endedBy"] = conflict.ended_at ? Json(conflict.ended_user) : Json(nullptr);
  json["assignee"] = row.work.assignee.empty() ? Json(nullptr) : Json(row.work.assignee);
  json["atSite"] = row.at_site;
  json["reopens"] = conflict.reopens ? Json(std::to_string(conflict.reopens->value()))
                                     : Json(nullptr);
  json["claim"] = conflict.end == ConflictEnd::kOpen ? ClaimJson(row.work, form.viewer.user, now)
                                                     : Json(nullptr);
  return json;
}

Result<Json> QueueJson(CentralStore& store, StudyCatalogue& catalogue, const Viewer& viewer,
                       const QueueRequest& request, WallTime now,
                       std::optional<QueuePlace>& next) {
  QueueFilter filter = request.filter;
  filter.scopes = viewer.reads;
  Json json;
  json["conflicts"] = Json::array();
  next.reset();
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto studies, catalogue.Get(reader));
    EDCSYNC_ASSIGN(const std::vector<QueueRow> rows,
                   reader.ListQueue(filter, request.order,
                                    request.after ? &*request.after : nullptr,
                                    request.count_max));
    for (const QueueRow& row : rows) {
      const FormContext form =
          MakeFormContext(viewer, *studies, row.conflict.key, row.conflict.site, {});
      json["conflicts"].push_back(ConflictSummaryJson(form, row, filter.due_times, now));
    }
    if (rows.size() == request.count_max) {
      next = QueuePlace{rows.back().sort_value, rows.back().conflict.id};
    }
    if (request.with_total) {
      EDCSYNC_ASSIGN(json["total"], reader.CountQueueRows(filter));
    }
    return Ok();
  }));
  return json;
}

Result<Json> QueueCountsJson(CentralStore& store, const Viewer& viewer, QueueFilter filter,
                             WallTime now) {
  filter.scopes = viewer.reads;
  QueueCounts counts;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(counts, reader.CountQueue(filter, viewer.user, now));
    return Ok();
  }));
  Json json{{"total", counts.total},     {"hard", counts.hard},
            {"soft", counts.soft},       {"overdue", counts.overdue},
            {"mine", counts.mine},       {"unassigned", counts.unassigned},
            {"atSite", counts.at_site},
            {"byAge", Json::array()},    {"bySite", Json::array()}};
  for (std::size_t i = 0; i < counts.by_age.size(); ++i) {
    const bool last = i + 1 == counts.by_age.size();
    json["byAge"].push_back(
        {{"fromHours", QueueCounts::kFromHours[i]},
         {"toHours", last ? Json(nullptr) : Json(QueueCounts::kFromHours[i + 1])},
         {"hard", counts.by_age[i].hard},
         {"soft", counts.by_age[i].soft}});
  }
  for (const QueueCounts::Site& site : counts.by_site) {
    json["bySite"].push_back({{"siteOID", site.site.str()}, {"count", site.count}});
  }
  return json;
}

std::string QueueCsvHead() {
  std::string line;
  for (const std::string_view column : kColumns) line.append(line.empty() ? "" : ",").append(column);
  return line + "\r\n";
}

std::string QueueCsv(const Json& page) {
  std::string lines;
  for (const Json& row : page["conflicts"]) {
    std::string line;
    for (const std::string_view column : kColumns) {
      if (column != kColumns.front()) line += ',';
      line += CsvField(CsvText(row[std::string(column)]));
    }
    lines += line + "\r\n";
  }
  return lines;
}

std::string CsvField(std::string_view text) {
  std::string field(text);
  if (!field.empty() && std::string_view("=+-@\t\r").find(field.front()) != std::string::npos) {
    field.insert(field.begin(), '\'');
  }
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

}  // namespace edcsync::central
