// /conflicts: the queue, one conflict, claims, decisions.
#include "central-gateway/desk/bulk_decision.h"
#include "central-gateway/desk/claims.h"
#include "central-gateway/desk/conflict_view.h"
#include "central-gateway/web/desk_context.h"
#include "central-gateway/web/paging.h"
#include "central-gateway/web/queue_query.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kExportRowsMax = 200'000;
constexpr std::size_t kReasonCodeBytesMax = 64;

Result<SnowflakeId> IdOf(const std::string& text) {
  EDCSYNC_ASSIGN(const std::uint64_t id, ParseNumber("conflictId", text));
  return SnowflakeId(id);
}

struct Reason {
  std::string code;  // Empty: none was chosen.
  std::string text;
};

Result<Reason> ReasonOf(const Json& body) {
  if (!body.contains("reason") || !body["reason"].is_object()) {
    return Fail(ErrorCode::kFieldMissing, "A decision needs its reason");
  }
  EDCSYNC_ASSIGN(std::string text, TextOf(body["reason"], "text", kReasonBytesMax));
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return Fail(ErrorCode::kFieldMissing, "A decision needs its reason");
  }
  const Json& reason = body["reason"];
  if (!reason.contains("code") || reason["code"].is_null()) return Reason{"", std::move(text)};
  EDCSYNC_ASSIGN(std::string code, TextOf(reason, "code", kReasonCodeBytesMax));
  return Reason{std::move(code), std::move(text)};
}

// "transcription: as on the source", as it stands in the revision. kFieldInvalid for a code that
// is none of the study's.
Result<std::string> ReasonFor(DeskContext& context, SnowflakeId conflict, const Reason& reason) {
  if (reason.code.empty()) return reason.text;
  EDCSYNC_TRY(CheckReasonCode(context.store, context.catalogue, conflict, reason.code));
  return reason.code + ": " + reason.text;
}

Result<std::vector<RevisionId>> HeadsOf(const Json& body) {
  EDCSYNC_ASSIGN(const std::vector<std::string> texts, TextsOf(body, "seenHeads", 10'000));
  std::vector<RevisionId> heads;
  for (const std::string& text : texts) {
    const std::optional<RevisionId> id = RevisionIdFromHex(text);
    if (!id) return Fail(ErrorCode::kFieldInvalid, "seenHeads holds revision ids");
    heads.push_back(*id);
  }
  std::sort(heads.begin(), heads.end());
  if (heads.empty()) return Fail(ErrorCode::kFieldMissing, "seenHeads is empty");
  return heads;
}

Result<HttpResponse> List(DeskContext& context, const ApiCall& call) {
  const WallTime now = context.now();
  EDCSYNC_ASSIGN(const QueueRequest queue,
                 ParseQueueRequest(call.request, call.viewer, context.due_times, now));
  std::optional<QueuePlace> next;
  EDCSYNC_ASSIGN(Json json, QueueJson(context.store, context.catalogue, call.viewer, queue, now,
                                      next));
  json["next"] = next ? Json(MakeCursor({next->value, std::to_string(next->conflict.value())}))
                      : Json(nullptr);
  return JsonResponse(json);
}

Result<HttpResponse> Count(DeskContext& context, const ApiCall& call) {
  const WallTime now = context.now();
  EDCSYNC_ASSIGN(QueueRequest queue,
                 ParseQueueRequest(call.request, call.viewer, context.due_times, now));
  EDCSYNC_ASSIGN(const Json json,
                 QueueCountsJson(context.store, call.viewer, std::move(queue.filter), now));
  return JsonResponse(json);
}

Result<HttpResponse> Export(DeskContext& context, const ApiCall& call) {
  const WallTime now = context.now();
  EDCSYNC_ASSIGN(QueueRequest queue,
                 ParseQueueRequest(call.request, call.viewer, context.due_times, now));
  queue.count_max = kPageRowsMax;
  queue.after.reset();
  queue.with_total = false;
  const auto next_page = [&](bool& more) -> Result<Json> {
    std::optional<QueuePlace> next;
    EDCSYNC_ASSIGN(Json page, QueueJson(context.store, context.catalogue, call.viewer, queue, now,
                                        next));
    queue.after = next;
    more = next.has_value();
    return page;
  };
  return ExportList(call.request, {"conflicts", "conflicts", kExportRowsMax, QueueCsvHead(),
                                   QueueCsv, next_page});
}

Result<HttpResponse> Show(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(const SnowflakeId id, IdOf(call.Path()));
  EDCSYNC_ASSIGN(const Json json,
                 ConflictDetailJson(context.store, context.catalogue, call.viewer, id,
                                    context.due_times, context.now()));
  return JsonResponse(json);
}

// The record a conflict is about: what it is traced by.
Result<RecordKey> RecordOf(DeskContext& context, SnowflakeId conflict) {
  RecordKey key;
  EDCSYNC_TRY(context.store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<ConflictRow> row, reader.FindConflict(conflict));
    if (!row) return Fail(ErrorCode::kNotFound, "There is no such conflict");
    key = row->key;
    return Ok();
  }));
  return key;
}

// `decision` made `revision`. Nothing to be told of is a failure of what was done.
void TellDecided(DeskContext& context, const char* name, const DeskTelemetry::Act& act,
                 const Decision& decision, const RevisionId& revision) {
  if (context.telemetry == nullptr) return;
  const Result<RecordKey> key = RecordOf(context, decision.conflict);
  if (!key.ok()) return;
  context.telemetry->Decided(name, act, *key, decision.conflict.value(), revision,
                             decision.seen_heads);
}

std::int64_t NowUs(const DeskContext& context) {
  return context.telemetry == nullptr ? 0 : context.telemetry->NowUs();
}

// `name` was done to the conflict. Likewise.
void TellActed(DeskContext& context, const char* name, std::int64_t begun_us, SnowflakeId conflict) {
  if (context.telemetry == nullptr || !context.telemetry->traces()) return;
  const Result<RecordKey> key = RecordOf(context, conflict);
  if (!key.ok()) return;
  context.telemetry->Acted(name, begun_us, *key,
                           {"edcsync.conflict_id", std::to_string(conflict.value())});
}

Result<HttpResponse> Claim(DeskContext& context, const ApiCall& call) {
  const std::int64_t begun_us = NowUs(context);
  EDCSYNC_ASSIGN(const SnowflakeId id, IdOf(call.Path()));
  EDCSYNC_TRY(RequireDecides(context.store, call.viewer, id));
  EDCSYNC_ASSIGN(const ConflictWork work, ClaimConflict(context.store, id, call.session.user));
  TellActed(context, "claim", begun_us, id);
  return JsonResponse({{"user", work.claimed_by},
                       {"expiresAt", FormatUtc(work.claim_expires_at)},
                       {"fencingToken", std::to_string(work.fencing_token)}});
}

Result<HttpResponse> Release(DeskContext& context, const ApiCall& call) {
  const std::int64_t begun_us = NowUs(context);
  EDCSYNC_ASSIGN(const SnowflakeId id, IdOf(call.Path()));
  EDCSYNC_TRY(RequireDecides(context.store, call.viewer, id));
  EDCSYNC_TRY(ReleaseClaim(context.store, id, call.session.user));
  TellActed(context, "unclaim", begun_us, id);
  return NoContent();
}

Result<HttpResponse> Preview(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(const SnowflakeId id, IdOf(call.Path()));
  EDCSYNC_ASSIGN(const DecisionChoices choices, ParseChoices(call.body));
  EDCSYNC_ASSIGN(const Json json, PreviewJson(context.store, context.catalogue, call.viewer, id,
                                              choices));
  return JsonResponse(json);
}

// The decision that the call's body makes of the conflict, signed.
Result<Decision> DecisionOf(DeskContext& context, const ApiCall& call, DeskTelemetry::Act& act) {
  const auto now_us = [&] { return context.telemetry == nullptr ? 0 : context.telemetry->NowUs(); };
  act.begun_us = now_us();
  EDCSYNC_ASSIGN(const SnowflakeId id, IdOf(call.Path()));
  EDCSYNC_TRY(RequireDecides(context.store, call.viewer, id));
  EDCSYNC_ASSIGN(const DecisionChoices choices, ParseChoices(call.body));
  Decision decision;
  decision.conflict = id;
  decision.user = call.session.user;
  EDCSYNC_ASSIGN(const Reason reason, ReasonOf(call.body));
  EDCSYNC_ASSIGN(decision.reason, ReasonFor(context, id, reason));
  EDCSYNC_ASSIGN(decision.seen_heads, HeadsOf(call.body));
  EDCSYNC_ASSIGN(const std::string token, TextOf(call.body, "fencingToken", 20));
  EDCSYNC_ASSIGN(decision.fencing_token, ParseNumber("fencingToken", token));
  EDCSYNC_ASSIGN(const ComposedForm composed,
                 ComposeDecision(context.store, context.catalogue, call.viewer, id, choices,
                                 decision.seen_heads));
  // A revision taken whole is taken with its metadata version, and may be a removal.
  if (choices.take) {
    decision.take = choices.take;
  } else {
    decision.items = composed.items;
  }
  act.signing_us = now_us();
  EDCSYNC_ASSIGN(decision.signing, Authorise(context, call, {"decided", "approved", "reviewed"}));
  act.signed_us = now_us();
  return decision;
}

Result<Json> SignatureOf(DeskContext& context, const RevisionId& revision) {
  Json signature;
  EDCSYNC_TRY(context.store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::vector<SignatureRow> rows, reader.SignaturesOf(revision));
    if (!rows.empty()) signature = SignatureJson(rows.back());
    return Ok();
  }));
  return signature;
}

Result<HttpResponse> ResolveOne(DeskContext& context, const ApiCall& call) {
  DeskTelemetry::Act act;
  EDCSYNC_ASSIGN(const Decision decision, DecisionOf(context, call, act));
  EDCSYNC_ASSIGN(const RevisionId revision, Resolve(context.store, context.centre(), decision));
  TellDecided(context, "decide", act, decision, revision);
  EDCSYNC_ASSIGN(Json signature, SignatureOf(context, revision));
  return JsonResponse({{"revisionId", revision.ToHex()}, {"signature", std::move(signature)}});
}

Result<HttpResponse> ProposeOne(DeskContext& context, const ApiCall& call) {
  DeskTelemetry::Act act;
  EDCSYNC_ASSIGN(const Decision decision, DecisionOf(context, call, act));
  EDCSYNC_ASSIGN(const Proposed proposed, Propose(context.store, context.centre(), decision));
  TellDecided(context, "propose", act, decision, proposed.revision);
  EDCSYNC_ASSIGN(Json signature, SignatureOf(context, proposed.revision));
  return JsonResponse({{"proposalId", std::to_string(proposed.proposal.value())},
                       {"revisionId", proposed.revision.ToHex()},
                       {"signature", std::move(signature)}});
}

Result<HttpResponse> Withdraw(DeskContext& context, const ApiCall& call) {
  const std::int64_t begun_us = NowUs(context);
  EDCSYNC_ASSIGN(const SnowflakeId id, IdOf(call.Path()));
  EDCSYNC_TRY(RequireDecides(context.store, call.viewer, id));
  EDCSYNC_TRY(WithdrawProposal(context.store, id, call.session.user));
  TellActed(context, "withdraw", begun_us, id);
  return NoContent();
}

Result<HttpResponse> ReopenOne(DeskContext& context, const ApiCall& call) {
  const std::int64_t begun_us = NowUs(context);
  EDCSYNC_ASSIGN(const SnowflakeId id, IdOf(call.Path()));
  EDCSYNC_TRY(RequireDecides(context.store, call.viewer, id));
  EDCSYNC_ASSIGN(const Reason reason, ReasonOf(call.body));
  EDCSYNC_ASSIGN(const std::string text, ReasonFor(context, id, reason));
  EDCSYNC_ASSIGN(const SnowflakeId opened, Reopen(context.store, id, call.session.user, text));
  TellActed(context, "reopen", begun_us, opened);
  return JsonResponse({{"conflictId", std::to_string(opened.value())}});
}

Result<HttpResponse> Assign(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(const std::vector<std::string> ids,
                 TextsOf(call.body, "conflictIds", kBulkMax));
  Viewer assignee;  // Of what they may decide; nobody's name is empty.
  if (!call.body.contains("assignee")) {
    return Fail(ErrorCode::kFieldMissing, "assignee is missing; null gives it to nobody");
  }
  if (!call.body["assignee"].is_null()) {
    EDCSYNC_ASSIGN(const std::string name, TextOf(call.body, "assignee", 64));
    EDCSYNC_ASSIGN(const AccountRow account, FindAccount(context.store, name));
    if (!account.active) return Fail(ErrorCode::kFieldInvalid, "The assignee is not active");
    assignee.user = account.user;
    assignee.decides = Rights(account.rights).Scopes(Role::kDataManager);
    assignee.reads = assignee.decides;
  }
  Json outcomes = Json::array();
  for (const std::string& text : ids) {
    const auto assign = [&]() -> Status {
      EDCSYNC_ASSIGN(const SnowflakeId id, IdOf(text));
      EDCSYNC_TRY(RequireDecides(context.store, call.viewer, id));
      if (!assignee.user.empty() && !RequireDecides(context.store, assignee, id).ok()) {
        return Fail(ErrorCode::kFieldInvalid, "The assignee has no right to decide at this site");
      }
      return AssignConflict(context.store, id, assignee.user, call.session.user);
    };
    outcomes.push_back(OutcomeJson(text, assign()));
  }
  return JsonResponse({{"outcomes", std::move(outcomes)}});
}

// {"revisionId"}, or {"proposalId"} where the sites endorse decisions.
Result<Json> DecideOne(DeskContext& context, const ApiCall& call, const Json& one, BulkRule rule,
                       const Reason& reason, const Signing& signing) {
  EDCSYNC_ASSIGN(const std::string text, TextOf(one, "conflictId", 20));
  EDCSYNC_ASSIGN(const SnowflakeId id, IdOf(text));
  EDCSYNC_TRY(RequireDecides(context.store, call.viewer, id));
  Decision decision;
  decision.conflict = id;
  decision.user = call.session.user;
  EDCSYNC_ASSIGN(decision.reason, ReasonFor(context, id, reason));
  decision.signing = signing;
  EDCSYNC_ASSIGN(decision.seen_heads, HeadsOf(one));
  EDCSYNC_ASSIGN(decision.take, HeadByRule(context.store, id, rule));
  const std::int64_t now_us = context.telemetry == nullptr ? 0 : context.telemetry->NowUs();
  const DeskTelemetry::Act act{now_us, now_us, now_us};  // One signature for all, before.
  const Result<RevisionId> resolved = Resolve(context.store, context.centre(), decision);
  if (resolved.ok()) {
    TellDecided(context, "decide", act, decision, *resolved);
    return Json{{"revisionId", resolved->ToHex()}};
  }
  if (resolved.error().code != ErrorCode::kNeedsConsent) {
    return tl::unexpected<Error>(resolved.error());
  }
  EDCSYNC_ASSIGN(const Proposed proposed, Propose(context.store, context.centre(), decision));
  TellDecided(context, "propose", act, decision, proposed.revision);
  return Json{{"proposalId", std::to_string(proposed.proposal.value())}};
}

Result<HttpResponse> Decide(DeskContext& context, const ApiCall& call) {
  const Json& body = call.body;
  EDCSYNC_ASSIGN(const std::string rule_text, TextOf(body, "rule", 20));
  const std::optional<BulkRule> rule = ParseBulkRule(rule_text);
  if (!rule) return Fail(ErrorCode::kFieldInvalid, "rule is current, newest, site or online");
  EDCSYNC_ASSIGN(const Reason reason, ReasonOf(body));
  if (!body.contains("conflicts") || !body["conflicts"].is_array() ||
      body["conflicts"].size() > kBulkMax) {
    return Fail(ErrorCode::kFieldInvalid, "conflicts is a list of at most 500");
  }
  EDCSYNC_ASSIGN(const Signing signing, Authorise(context, call, {"decided", "approved",
                                                                  "reviewed"}));
  Json outcomes = Json::array();
  for (const Json& one : body["conflicts"]) {
    const bool named = one.is_object() && one.contains("conflictId") &&
                       one["conflictId"].is_string();
    const std::string id = named ? one["conflictId"].get<std::string>() : "";
    const Result<Json> decided =
        one.is_object() ? DecideOne(context, call, one, *rule, reason, signing)
                        : Fail(ErrorCode::kFieldInvalid, "Each conflict is an object");
    outcomes.push_back(
        OutcomeJson(id, decided.ok() ? Ok() : Status(tl::unexpected<Error>(decided.error()))));
    if (decided.ok()) outcomes.back().update(*decided);
  }
  return JsonResponse({{"outcomes", std::move(outcomes)}});
}

}  // namespace

void AddConflictRoutes(ApiRouter& router, DeskContext& context) {
  const auto add = [&](const std::string& method, const std::string& path, Need need,
                       Result<HttpResponse> (*handler)(DeskContext&, const ApiCall&)) {
    router.Add(method, path, need,
               [&context, handler](const ApiCall& call) { return handler(context, call); });
  };
  add("GET", "/conflicts", Need::kRead, List);
  add("GET", "/conflicts/counts", Need::kRead, Count);
  add("GET", "/conflicts/export", Need::kRead, Export);
  add("POST", "/conflicts/assign", Need::kDecide, Assign);
  add("POST", "/conflicts/decide", Need::kDecide, Decide);
  add("GET", "/conflicts/([0-9]+)", Need::kRead, Show);
  add("POST", "/conflicts/([0-9]+)/claim", Need::kDecide, Claim);
  add("DELETE", "/conflicts/([0-9]+)/claim", Need::kDecide, Release);
  add("POST", "/conflicts/([0-9]+)/preview", Need::kRead, Preview);
  add("POST", "/conflicts/([0-9]+)/resolve", Need::kDecide, ResolveOne);
  add("POST", "/conflicts/([0-9]+)/propose", Need::kDecide, ProposeOne);
  add("DELETE", "/conflicts/([0-9]+)/proposal", Need::kDecide, Withdraw);
  add("POST", "/conflicts/([0-9]+)/reopen", Need::kDecide, ReopenOne);
}

}  // namespace edcsync::central
