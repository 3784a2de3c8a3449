// What a running edge agent tells those who watch it: metrics, health, spans. Made before the
// store, for the stages measure into it; it serves once all runs.
//
//   read as   README.md, "Watching it"; packaging/monitoring
//
// Threads: Start, Stop and the destructor from one; it has its own. Samples are read on snapshots.
#pragma once

#include <memory>

#include "edge-agent/app/config.h"
#include "edge-agent/capture/capture_telemetry.h"
#include "edge-agent/downlink/feed_telemetry.h"
#include "edge-agent/enrolment/renewal.h"
#include "edge-agent/site/site_telemetry.h"
#include "edge-agent/store/edge_store.h"
#include "edge-agent/uplink/sync_session.h"
#include "shared/base/disk_guard.h"
#include "shared/http/http_server.h"
#include "shared/storage/writer_watch.h"
#include "shared/telemetry/health_server.h"
#include "shared/telemetry/telemetry_settings.h"

namespace edcsync::edge {

class AgentHealth {
 public:
  // `config`, `clock` and `random` outlive it.
  AgentHealth(const Config& config, const Clock& clock, Random& random);

  struct Parts {
    EdgeStore* store = nullptr;
    const SyncSession* session = nullptr;
    Scheduler* loop = nullptr;
    DiskGuard* disk = nullptr;
    const Renewal* renewal = nullptr;
    const HttpServer* api = nullptr;
  };
  // Serves what [health] says. A port that is taken is logged and fails nothing: capture goes on.
  void Start(const Parts& parts);
  // Before what `parts` names goes.
  void StopServing() { server_.reset(); }

  WriterWatch& writer() { return writer_; }
  CaptureTelemetry& capture() { return capture_; }
  UplinkTelemetry& uplink() { return uplink_; }
  FeedTelemetry& feed() { return feed_; }
  SiteTelemetry& site() { return site_; }

 private:
  void Collect(MetricSamples& samples) const;
  Status CollectStore(MetricSamples& samples, EdgeTables& tables) const;
  void CollectSync(MetricSamples& samples) const;
  void CollectRenewal(MetricSamples& samples) const;
  std::vector<HealthCheck> LiveChecks();
  std::vector<HealthCheck> ReadyChecks();

  const Config& config_;
  const Clock& clock_;
  Telemetry telemetry_;
  Metrics metrics_;
  WriterWatch writer_;
  CaptureTelemetry capture_;
  UplinkTelemetry uplink_;
  FeedTelemetry feed_;
  SiteTelemetry site_;
  Parts parts_;
  std::unique_ptr<LoopProbe> probe_;
  std::unique_ptr<HealthServer> server_;
};

}  // namespace edcsync::edge
