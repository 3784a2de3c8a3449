#include "edge-agent/site/site_api.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "edge-agent/site/endorsement.h"
#include "edge-agent/site/reconciliation_queries.h"
#include "shared/base/json.h"
#include "shared/model/outcome_json.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kPageMax = 1000;

HttpResponse Answer(Result<std::string> json) {
  if (!json.ok()) return Problem(json.error());
  HttpResponse response;
  response.body = std::move(*json);
  return response;
}

Result<std::uint64_t> ParseNumber(const std::string& name, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // No sequence is beyond what SQLite counts to; taken for one, it would be a negative number.
  if (error != std::errc() || end != text.data() + text.size() ||
      value > std::numeric_limits<std::int64_t>::max()) {
    return Fail(ErrorCode::kFieldInvalid, name + " is not a number from 0 to 2^63 - 1");
  }
  return value;
}

// The number in the query, `fallback` if absent, kFieldInvalid if it is none.
Result<std::uint64_t> NumberOf(const HttpRequest& request, const std::string& name,
                               std::uint64_t fallback) {
  const std::string text = request.Query(name);
  return text.empty() ? Result<std::uint64_t>(fallback) : ParseNumber(name, text);
}

std::string TextAt(const Json& body, const char* name) {
  return body.contains(name) && body[name].is_string() ? body[name].get<std::string>() : "";
}

Result<std::optional<RecordKey>> AfterOf(const HttpRequest& request) {
  const std::string text = request.Query("after");
  if (text.empty()) return std::optional<RecordKey>();
  EDCSYNC_ASSIGN(RecordKey key, ParseRecordKey(text));
  return std::optional(std::move(key));
}

bool IsSet(const HttpRequest& request, const std::string& name) {
  const std::string value = request.Query(name);
  return value == "1" || value == "true";
}

}  // namespace

void SiteApi::AddRoutes(HttpServer& server) {
  using Access = HttpServer::Access;
  server.Route("POST", "/v1/submissions", Access::kToken,
               [this](const HttpRequest& request) { return Submit(request); });
  server.Route("GET", "/v1/records", Access::kToken,
               [this](const HttpRequest& request) { return ListRecords(request); });
  server.Route("GET", "/v1/records/(.+)", Access::kToken,
               [this](const HttpRequest& request) { return ShowRecord(request); });
  server.Route("GET", "/v1/export", Access::kToken,
               [this](const HttpRequest& request) { return Export(request); });
  server.Route("GET", "/v1/outbox", Access::kToken,
               [this](const HttpRequest& request) { return Outbox(request); });
  server.Route("GET", "/v1/status", Access::kToken,
               [this](const HttpRequest&) { return Answer(StatusJson(store_, sync_.view())); });
  server.Route("GET", "/v1/health", Access::kOpen, [this](const HttpRequest&) { return Health(); });
  server.Route("GET", "/v1/proposals", Access::kToken, [this](const HttpRequest& request) {
    return Answer(ProposalListJson(store_, IsSet(request, "all")));
  });
  server.Route("GET", "/v1/proposals/([0-9]+)", Access::kToken, [this](const HttpRequest& request) {
    const Result<std::uint64_t> id = ParseNumber("proposalId", request.captures.at(0));
    return id.ok() ? Answer(ProposalJson(store_, *id)) : Problem(id.error());
  });
  server.Route("POST", "/v1/proposals/([0-9]+)/answer", Access::kToken,
               [this](const HttpRequest& request) { return AnswerToProposal(request); });
  server.Route("GET", "/v1/reconciliations", Access::kToken, [this](const HttpRequest&) {
    return Answer(ReconciliationListJson(store_));
  });
  server.Route("GET", "/v1/reconciliations/([0-9]+)", Access::kToken,
               [this](const HttpRequest& request) {
                 const Result<std::uint64_t> id =
                     ParseNumber("reconciliationId", request.captures.at(0));
                 return id.ok() ? Answer(ReconciliationJson(store_, *id)) : Problem(id.error());
               });
  server.Route("POST", "/v1/sync", Access::kToken,
               [this](const HttpRequest& request) { return Sync(request); });
  server.Route("POST", "/v1/backup", Access::kToken,
               [this](const HttpRequest& request) { return Backup(request); });
  server.Route("POST", "/v1/check", Access::kToken, [this](const HttpRequest&) {
    return Answer(CheckJson(store_, [](std::string_view, int) {}));
  });
}

SiteApi::SiteApi(EdgeStore& store, Capture& capture, SyncControl sync,
                 std::function<void()> answered, double submissions_per_second_max,
                 SiteTelemetry* telemetry)
    : store_(store),
      capture_(capture),
      sync_(std::move(sync)),
      answered_(std::move(answered)),
      telemetry_(telemetry),
      burst_(2 * submissions_per_second_max) {
  if (burst_ > 0) rate_.emplace(submissions_per_second_max, burst_, store_.clock().Mono());
}

std::int64_t SiteApi::SecondsToWait(std::size_t count) {
  constexpr std::int64_t kSecondUs = 1'000'000;
  const std::lock_guard lock(rate_mutex_);
  if (!rate_) return 0;
  const double tokens = std::min(static_cast<double>(count), burst_);
  const MonoTime now = store_.clock().Mono();
  if (rate_->Take(tokens, now)) return 0;
  return (rate_->WaitUs(tokens, now) + kSecondUs - 1) / kSecondUs;
}

HttpResponse SiteApi::Submit(const HttpRequest& request) {
  Result<std::vector<std::string>> texts = SplitSubmissions(request.body);
  if (!texts.ok()) return Problem(texts.error());
  const std::int64_t wait_s = SecondsToWait(texts->size());
  if (wait_s > 0) {
    HttpResponse busy = Problem({ErrorCode::kBusy, "more submissions than [guards] "
                                                   "submissions_per_second_max allows"});
    busy.headers.emplace("Retry-After", std::to_string(wait_s));
    return busy;
  }
  std::vector<Result<Submission>> submissions;
  submissions.reserve(texts->size());
  for (const std::string& text : *texts) submissions.push_back(ParseSubmission(text));
  const std::vector<CaptureOutcome> outcomes = capture_.SubmitAll(
      std::move(submissions), ParseTraceParent(request.Header("traceparent")));
  std::string body = "{\"outcomes\":[";
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (i > 0) body += ',';
    body += FormatOutcome(outcomes[i]);
  }
  body += "]}";
  HttpResponse response;
  response.body = std::move(body);
  // One submission's trouble is also the response's, so that a simple client cannot overlook it.
  if (outcomes.size() == 1) {
    const CaptureOutcome& only = outcomes.front();
    if (only.kind == CaptureOutcome::Kind::kStale) response.status = 409;
    if (only.kind == CaptureOutcome::Kind::kRefused) {
      response.status = Describe(only.reasons.front().code).http_status;
      if (response.status == 503) response.headers.emplace("Retry-After", "1");
    }
  }
  // A full disk is everyone's: the whole request is told.
  const bool disk_full =
      std::any_of(outcomes.begin(), outcomes.end(), [](const CaptureOutcome& outcome) {
        return outcome.kind == CaptureOutcome::Kind::kRefused &&
               Describe(outcome.reasons.front().code).http_status == 507;
      });
  if (disk_full) response.status = 507;
  return response;
}

HttpResponse SiteApi::ShowRecord(const HttpRequest& request) {
  const Result<RecordKey> key = ParseRecordKey(request.captures.at(0));
  if (!key.ok()) return Problem(key.error());
  return Answer(RecordJson(store_, *key, IsSet(request, "history")));
}

HttpResponse SiteApi::ListRecords(const HttpRequest& request) {
  RecordListQuery query;
  query.filter = {request.Query("study"), request.Query("site"), request.Query("subject"),
                  request.Query("form")};
  Result<std::optional<RecordKey>> after = AfterOf(request);
  if (!after.ok()) return Problem(after.error());
  query.after = std::move(*after);
  const Result<std::uint64_t> limit = NumberOf(request, "limit", 100);
  if (!limit.ok()) return Problem(limit.error());
  query.count_max = std::clamp<std::size_t>(*limit, 1, kPageMax);
  return Answer(RecordListJson(store_, query));
}

HttpResponse SiteApi::Export(const HttpRequest& request) {
  const Result<std::optional<RecordKey>> after = AfterOf(request);
  if (!after.ok()) return Problem(after.error());
  const Result<std::uint64_t> limit = NumberOf(request, "limit", kPageMax);
  if (!limit.ok()) return Problem(limit.error());
  std::string next;
  HttpResponse response =
      Answer(ExportPage(store_, *after, std::clamp<std::size_t>(*limit, 1, kPageMax),
                        IsSet(request, "history"), next));
  if (response.status == 200) {
    response.content_type = "application/x-ndjson";
    if (!next.empty()) response.headers.emplace("Edcsync-Next", next);
  }
  return response;
}

HttpResponse SiteApi::Outbox(const HttpRequest& request) {
  const Result<std::uint64_t> after = NumberOf(request, "after", 0);
  if (!after.ok()) return Problem(after.error());
  const Result<std::uint64_t> limit = NumberOf(request, "limit", 100);
  if (!limit.ok()) return Problem(limit.error());
  return Answer(OutboxJson(store_, Sequence(*after), std::clamp<std::size_t>(*limit, 1, kPageMax),
                           IsSet(request, "waiting")));
}

// Healthy: a capture could be stored. The link's state is status, not health.
HttpResponse SiteApi::Health() {
  const Status readable = store_.Read([](EdgeTables& tables) -> Status {
    EDCSYNC_TRY(tables.checkpoint.Get());
    return Ok();
  });
  if (!readable.ok()) return Problem(readable.error());
  HttpResponse response;
  response.body = "{\"status\":\"ok\"}";
  return response;
}

HttpResponse SiteApi::AnswerToProposal(const HttpRequest& request) {
  const Result<std::uint64_t> id = ParseNumber("proposalId", request.captures.at(0));
  if (!id.ok()) return Problem(id.error());
  const Json body = Json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object() || !body.contains("accept") || !body["accept"].is_boolean()) {
    return Problem({ErrorCode::kFieldMissing, "accept is true or false"});
  }
  const bool accepted = body["accept"].get<bool>();
  const std::int64_t begun_us = telemetry_ == nullptr ? 0 : telemetry_->NowUs();
  const Status done =
      AnswerProposal(store_, {*id, accepted, TextAt(body, "user"), TextAt(body, "reason")});
  if (!done.ok()) return Problem(done.error());
  if (telemetry_ != nullptr) telemetry_->Answered(begun_us, store_, *id, accepted);
  if (answered_) answered_();
  return Answer(ProposalJson(store_, *id));
}

HttpResponse SiteApi::Sync(const HttpRequest& request) {
  const Json body = Json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  const std::string action = body.is_object() ? TextAt(body, "action") : "";
  Status done = Ok();
  if (action == "pause") {
    done = sync_.set_paused(true);
  } else if (action == "resume") {
    done = sync_.set_paused(false);
  } else if (action == "now") {
    sync_.sync_now();
  } else if (action == "new-incarnation") {
    done = sync_.new_incarnation();
  } else {
    return Problem(
        {ErrorCode::kFieldInvalid, "action is one of pause, resume, now, new-incarnation"});
  }
  if (!done.ok()) return Problem(done.error());
  return Answer(StatusJson(store_, sync_.view()));
}

HttpResponse SiteApi::Backup(const HttpRequest& request) {
  const Json body = Json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object() || !body.contains("file") || !body["file"].is_string()) {
    return Problem({ErrorCode::kFieldMissing, "file is the path to write the backup to"});
  }
  const std::string file = body["file"].get<std::string>();
  const Status done = store_.Backup(file, [](int) {});
  if (!done.ok()) return Problem(done.error());
  HttpResponse response;
  response.body = Json{{"file", file}}.dump();
  return response;
}

}  // namespace edcsync::edge
