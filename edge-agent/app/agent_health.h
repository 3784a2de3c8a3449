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
#include "edge-agent/store/edge_store.h"
#include "edge-agent/uplink/sync_session.h"
#include "shared/storage/writer_watch.h"
#include "shared/telemetry/health_server.h"
#include "shared/telemetry/telemetry_settings.h"

namespace edcsync::edge {

class AgentHealth {
 public:
  // `config`, `clock` and `random` outlive it.
  AgentHealth(const Config& config, const Clock& clock, Random& random);

  // Serves what [health] says. A port that is taken is logged and fails nothing: capture goes on.
  void Start(EdgeStore& store, const SyncSession& session, Scheduler& loop);
  // Before the store and the loop go.
  void StopServing() { server_.reset(); }

  WriterWatch& writer() { return writer_; }
  CaptureTelemetry& capture() { return capture_; }
  UplinkTelemetry& uplink() { return uplink_; }
  FeedTelemetry& feed() { return feed_; }

 private:
  void Collect(MetricSamples& samples, EdgeStore& store, const SyncSession& session) const;
  Status CollectStore(MetricSamples& samples, EdgeTables& tables) const;
  void CollectSync(MetricSamples& samples, const SyncSession& session) const;
  std::vector<HealthCheck> LiveChecks();
  std::vector<HealthCheck> ReadyChecks(EdgeStore& store, const SyncSession& session);

  const Config& config_;
  const Clock& clock_;
  Telemetry telemetry_;
  Metrics metrics_;
  WriterWatch writer_;
  CaptureTelemetry capture_;
  UplinkTelemetry uplink_;
  FeedTelemetry feed_;
  std::unique_ptr<LoopProbe> probe_;
  std::unique_ptr<HealthServer> server_;
};

}  // namespace edcsync::edge
