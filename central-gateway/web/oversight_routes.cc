// /overview, /studies, /changes, /records, /quarantine, /audit.
#include "central-gateway/desk/audit_checkpoint.h"
#include "central-gateway/desk/oversight_view.h"
#include "central-gateway/desk/queue_view.h"
#include "central-gateway/desk/record_view.h"
#include "central-gateway/web/desk_context.h"
#include "central-gateway/web/paging.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kValueBytesMax = 800;
constexpr std::size_t kExportEntriesMax = 1'000'000;

// The store's version, once; or, for who takes text/event-stream, each time that it changes.
Result<HttpResponse> Changes(DeskContext& context, const ApiCall& call) {
  const bool streams = call.request.Header("accept").find("text/event-stream") != std::string::npos;
  if (!streams) {
    EDCSYNC_ASSIGN(const std::string version, StoreVersion(context.store));
    return JsonResponse({{"version", version}});
  }
  if (!context.events.HasRoom()) {
    return Fail(ErrorCode::kBusy, "Too many pages wait for changes; ask from time to time");
  }
  HttpResponse response;
  response.content_type = "text/event-stream";
  response.body = "retry: 3000\n\n";
  response.events = &context.events;
  response.may_go_on = [&context, token = call.token] {
    return context.sessions.Find(token, Sessions::Use::kNoUse).ok();
  };
  return response;
}

Result<HttpResponse> Overview(DeskContext& context, const ApiCall& call) {
  std::vector<Scope> edges_of = call.viewer.reads;
  for (const Role role : {Role::kOperator, Role::kAdministrator}) {
    const std::vector<Scope> more = call.session.rights.Scopes(role);
    edges_of.insert(edges_of.end(), more.begin(), more.end());
  }
  EDCSYNC_ASSIGN(const Json json, OverviewJson(context.store, call.viewer, edges_of,
                                               context.due_times, context.now()));
  return JsonResponse(json);
}

Result<HttpResponse> SearchRecords(DeskContext& context, const ApiCall& call) {
  const HttpRequest& request = call.request;
  RecordSearch search;
  search.filter = {request.Query("study"), request.Query("site"), request.Query("subject"),
                   request.Query("form"), request.Query("event")};
  search.item = request.Query("item");
  search.value = request.Query("value");
  if (search.value.size() > kValueBytesMax) {
    return Fail(ErrorCode::kFieldInvalid, "value is at most 200 characters long");
  }
  EDCSYNC_ASSIGN(search.count_max, ParseLimit(request));
  EDCSYNC_ASSIGN(const auto place, ParseCursor(request, 1));
  if (place) {
    EDCSYNC_ASSIGN(search.after, ParseRecordKey(place->front()));
  }
  std::optional<RecordKey> next;
  EDCSYNC_ASSIGN(Json json, SearchRecordsJson(context.store, context.catalogue, call.viewer,
                                              search, next));
  json["next"] = next ? Json(MakeCursor({ToString(*next)})) : Json(nullptr);
  return JsonResponse(json);
}

Result<HttpResponse> ShowRecord(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(const RecordKey key, ParseRecordKey(call.Path()));
  EDCSYNC_ASSIGN(const Json json,
                 RecordDetailJson(context.store, context.catalogue, call.viewer, key));
  return JsonResponse(json);
}

Result<HttpResponse> ListQuarantine(DeskContext& context, const ApiCall& call) {
  QuarantineRequest request;
  const std::string state = call.request.Query("state");
  if (state == "applied") request.state = QuarantineEnd::kApplied;
  if (state == "rejected") request.state = QuarantineEnd::kRejected;
  if (state == "all") request.state = std::nullopt;
  if (!state.empty() && state != "all" && state != "applied" && state != "rejected" &&
      state != "waiting") {
    return Fail(ErrorCode::kFieldInvalid, "state is waiting, applied, rejected or all");
  }
  EDCSYNC_ASSIGN(request.count_max, ParseLimit(call.request));
  EDCSYNC_ASSIGN(const auto place, ParseCursor(call.request, 1));
  if (place) {
    EDCSYNC_ASSIGN(const std::uint64_t row, ParseNumber("cursor", place->front()));
    request.after_row = static_cast<std::int64_t>(row);
  }
  std::optional<std::int64_t> next;
  EDCSYNC_ASSIGN(Json json, QuarantinePageJson(context.store, call.viewer, request, next));
  json["next"] = next ? Json(MakeCursor({std::to_string(*next)})) : Json(nullptr);
  return JsonResponse(json);
}

Result<RevisionId> RevisionOf(const std::string& text) {
  const std::optional<RevisionId> id = RevisionIdFromHex(text);
  if (id) return *id;
  return Fail(ErrorCode::kFieldInvalid, "A revision id is 64 hexadecimal digits");
}

Result<HttpResponse> ShowQuarantined(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(const RevisionId id, RevisionOf(call.Path()));
  EDCSYNC_ASSIGN(const Json json,
                 QuarantinedJson(context.store, context.catalogue, call.viewer, id));
  return JsonResponse(json);
}

// Nothing to be told of is a failure of what was done.
void TellDecidedQuarantined(DeskContext& context, bool release, std::int64_t begun_us,
                            const RevisionId& revision) {
  if (context.telemetry == nullptr || !context.telemetry->traces()) return;
  std::optional<QuarantineRow> row;
  const Status read = context.store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(row, reader.FindQuarantine(revision));
    return Ok();
  });
  if (!read.ok() || !row || !row->key) return;
  context.telemetry->Acted(release ? "release" : "reject", begun_us, *row->key,
                           {"edcsync.revision_id", revision.ToHex()});
}

Result<HttpResponse> DecideQuarantined(DeskContext& context, const ApiCall& call, bool release) {
  EDCSYNC_ASSIGN(const std::vector<std::string> ids, TextsOf(call.body, "revisionIds", kBulkMax));
  EDCSYNC_ASSIGN(const std::string reason, TextOf(call.body, "reason", kReasonBytesMax));
  if (reason.find_first_not_of(" \t\r\n") == std::string::npos) {
    return Fail(ErrorCode::kFieldMissing, "A decision needs its reason");
  }
  EDCSYNC_ASSIGN(Signing signing,
                 Authorise(context, call, {"decided", "approved", "reviewed"}));
  signing.meaning = release ? "released" : "rejected";
  Json outcomes = Json::array();
  for (const std::string& text : ids) {
    const auto decide = [&]() -> Status {
      EDCSYNC_ASSIGN(const RevisionId id, RevisionOf(text));
      const std::int64_t begun_us = context.telemetry == nullptr ? 0 : context.telemetry->NowUs();
      EDCSYNC_ASSIGN(const bool may, MayDecideQuarantined(context.store, call.viewer, id));
      if (!may) return Fail(ErrorCode::kNotFound, "No such revision waits in quarantine");
      if (!release) {
        EDCSYNC_TRY(RejectQuarantine(context.store, id, call.session.user, reason, signing));
      } else {
        EDCSYNC_TRY(ReleaseQuarantine(context.store, id, call.session.user, reason, signing));
      }
      TellDecidedQuarantined(context, release, begun_us, id);
      return Ok();
    };
    outcomes.push_back(OutcomeJson(text, decide()));
  }
  return JsonResponse({{"outcomes", std::move(outcomes)}});
}

// Entries name records of every site, so who may not see everything sees one record's story at a
// time, of a record that they may see.
Status RequireAudit(DeskContext& context, const ApiCall& call, const AuditFilter& filter) {
  const Rights& rights = call.session.rights;
  if (rights.IsAdministrator() || CoversAll(call.viewer.reads) ||
      CoversAll(rights.Scopes(Role::kOperator))) {
    return Ok();
  }
  const Result<RecordKey> key = ParseRecordKey(filter.object);
  if (!key.ok()) {
    return Fail(ErrorCode::kForbidden,
                "With rights for some sites the trail is read record by record: give its key");
  }
  return context.store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<RecordState> record, reader.FindRecord(*key));
    if (record && Covers(call.viewer.reads, key->study, record->site)) return Ok();
    return Fail(ErrorCode::kNotFound, "There is no record " + ToString(*key));
  });
}

Result<AuditFilter> ParseAuditFilter(DeskContext& context, const ApiCall& call) {
  const HttpRequest& request = call.request;
  AuditFilter filter;
  filter.object = request.Query("object");
  filter.action = request.Query("action");
  filter.actor = request.Query("actor");
  const auto time = [&](const char* name) -> Result<std::optional<WallTime>> {
    const std::string text = request.Query(name);
    if (text.empty()) return std::optional<WallTime>();
    const std::optional<WallTime> parsed = ParseTime(text);
    if (parsed) return parsed;
    return Fail(ErrorCode::kFieldInvalid,
                std::string(name) + " is a time such as 2026-11-21T09:00:00.000Z");
  };
  EDCSYNC_ASSIGN(filter.from, time("from"));
  EDCSYNC_ASSIGN(filter.to, time("to"));
  EDCSYNC_ASSIGN(filter.count_max, ParseLimit(request));
  EDCSYNC_ASSIGN(const auto place, ParseCursor(request, 1));
  if (place) {
    EDCSYNC_ASSIGN(filter.before_number, ParseNumber("cursor", place->front()));
  }
  EDCSYNC_TRY(RequireAudit(context, call, filter));
  return filter;
}

Result<HttpResponse> ListAudit(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(const AuditFilter filter, ParseAuditFilter(context, call));
  std::optional<std::uint64_t> next;
  EDCSYNC_ASSIGN(Json json, AuditJson(context.store, filter, next));
  json["next"] = next ? Json(MakeCursor({std::to_string(*next)})) : Json(nullptr);
  return JsonResponse(json);
}

Result<HttpResponse> ExportAudit(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(AuditFilter filter, ParseAuditFilter(context, call));
  filter.count_max = kPageRowsMax;
  const auto next_page = [&](bool& more) -> Result<Json> {
    std::optional<std::uint64_t> next;
    EDCSYNC_ASSIGN(Json page, AuditJson(context.store, filter, next));
    if (next) filter.before_number = *next;
    more = next.has_value();
    return page;
  };
  return ExportList(call.request, {"audit", "entries", kExportEntriesMax, AuditCsvHead(),
                                   AuditCsv, next_page});
}

Result<HttpResponse> VerifyAudit(DeskContext& context, const ApiCall&) {
  std::uint64_t entries = 0;
  EDCSYNC_ASSIGN(const std::vector<std::string> findings,
                 context.store.VerifyAudit(entries, [](std::uint64_t) {}));
  return JsonResponse({{"entries", entries}, {"findings", findings}});
}

Result<HttpResponse> Checkpoint(DeskContext& context, const ApiCall&) {
  EDCSYNC_ASSIGN(const SigningIdentity centre, context.signing_identity());
  EDCSYNC_ASSIGN(const std::string text,
                 MakeCheckpoint(context.store, context.gateway, centre.key, centre.certificate,
                                context.now()));
  HttpResponse response;
  response.body = text;
  response.headers.emplace("Content-Disposition",
                           "attachment; filename=\"edcsync-audit-checkpoint.json\"");
  return response;
}

}  // namespace

void AddOversightRoutes(ApiRouter& router, DeskContext& context) {
  const auto add = [&](const std::string& method, const std::string& path, Need need,
                       Result<HttpResponse> (*handler)(DeskContext&, const ApiCall&)) {
    router.Add(method, path, need,
               [&context, handler](const ApiCall& call) { return handler(context, call); });
  };
  add("GET", "/changes", Need::kMember, Changes);
  add("GET", "/overview", Need::kOversee, Overview);
  router.Add("GET", "/studies", Need::kMember,
             [&context](const ApiCall& call) -> Result<HttpResponse> {
               EDCSYNC_ASSIGN(const Json json,
                              StudiesJson(context.store, context.catalogue, call.viewer));
               return JsonResponse(json);
             });
  add("GET", "/records", Need::kRead, SearchRecords);
  add("GET", "/records/([^/]+)", Need::kRead, ShowRecord);
  add("GET", "/quarantine", Need::kRead, ListQuarantine);
  add("GET", "/quarantine/([0-9a-fA-F]+)", Need::kRead, ShowQuarantined);
  for (const bool release : {true, false}) {
    router.Add("POST", release ? "/quarantine/release" : "/quarantine/reject", Need::kDecide,
               [&context, release](const ApiCall& call) {
                 return DecideQuarantined(context, call, release);
               });
  }
  add("GET", "/audit", Need::kOversee, ListAudit);
  add("GET", "/audit/export", Need::kOversee, ExportAudit);
  add("POST", "/audit/verify", Need::kOversee, VerifyAudit);
  add("GET", "/audit/checkpoint", Need::kOversee, Checkpoint);
}

}  // namespace edcsync::central
