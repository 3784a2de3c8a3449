// The site's local HTTP API (schema/api/edge-agent.openapi.yaml): the EDC front end submits and
// reads here, the agent's own commands too. Bound to loopback with a bearer token, or to another
// address with TLS.
//
// Threads: handlers run on the server's pool.
#pragma once

#include "edge-agent/capture/capture.h"
#include "edge-agent/site/site_queries.h"
#include "edge-agent/site/site_telemetry.h"
#include "shared/base/token_bucket.h"
#include "shared/http/http_server.h"

namespace edcsync::edge {

// What the API asks of the synchronisation, which another stage does.
struct SyncControl {
  std::function<SyncView()> view;
  std::function<Status(bool paused)> set_paused;
  std::function<void()> sync_now;
  std::function<Status()> new_incarnation;
};

class SiteApi {
 public:
  // `answered` is called, from any thread, when somebody answered a proposal.
  // `submissions_per_second_max`: of all callers, with bursts of twice that; 0: any number.
  // `telemetry` outlives it; nullptr: none.
  SiteApi(EdgeStore& store, Capture& capture, SyncControl sync, std::function<void()> answered,
          double submissions_per_second_max = 0, SiteTelemetry* telemetry = nullptr);

  // Registers every route. REQUIRES: before server.Start(); this outlives the server.
  void AddRoutes(HttpServer& server);

 private:
  HttpResponse Submit(const HttpRequest& request);
  // How long a caller with `count` submissions has to wait, in seconds; 0: not at all, they are taken.
  std::int64_t SecondsToWait(std::size_t count);
  HttpResponse ShowRecord(const HttpRequest& request);
  HttpResponse ListRecords(const HttpRequest& request);
  HttpResponse Export(const HttpRequest& request);
  HttpResponse Outbox(const HttpRequest& request);
  HttpResponse Health();
  HttpResponse AnswerToProposal(const HttpRequest& request);
  HttpResponse Sync(const HttpRequest& request);
  HttpResponse Backup(const HttpRequest& request);

  EdgeStore& store_;
  Capture& capture_;
  SyncControl sync_;
  std::function<void()> answered_;
  SiteTelemetry* const telemetry_;
  const double burst_;
  std::mutex rate_mutex_;
  std::optional<TokenBucket> rate_;
};

}  // namespace edcsync::edge
