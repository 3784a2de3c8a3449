// What a running gateway tells those who watch it: metrics, health, spans. Made before the store,
// for the stages measure into it; it serves once all runs.
//
//   read as   README.md, "Watching it"; packaging/monitoring
//
// Threads: Start, StopServing and the destructor from one; it has its own. Samples are read on
// snapshots and by a question to the loop, never by the writer.
#pragma once

#include <memory>

#include "central-gateway/admin/broker_supervisor.h"
#include "central-gateway/app/config.h"
#include "central-gateway/enrolment/est_server.h"
#include "central-gateway/intake/gateway_session.h"
#include "central-gateway/web/desk_server.h"
#include "central-gateway/web/desk_telemetry.h"
#include "shared/base/disk_guard.h"
#include "shared/storage/writer_watch.h"
#include "shared/telemetry/health_server.h"

namespace edcsync::central {

class GatewayHealth {
 public:
  // `config`, `clock` and `random` outlive it.
  GatewayHealth(const Config& config, const Clock& clock, Random& random);

  struct Parts {
    CentralStore* store = nullptr;
    GatewaySession* session = nullptr;
    Scheduler* loop = nullptr;
    DiskGuard* disk = nullptr;
    const BrokerSupervisor* broker = nullptr;  // nullptr: an outside one.
    const DeskServer* desk = nullptr;          // nullptr: it does not run.
    const EstServer* enrolment = nullptr;      // Likewise.
  };
  // Serves what [health] says. A port that is taken is logged and fails nothing.
  void Start(const Parts& parts);
  // Before what `parts` names goes.
  void StopServing() { server_.reset(); }

  WriterWatch& writer() { return writer_; }
  IntakeTelemetry& intake() { return intake_; }
  DeskTelemetry& desk() { return desk_; }

 private:
  std::vector<HealthCheck> LiveChecks();
  std::vector<HealthCheck> ReadyChecks();
  std::optional<GatewaySession::Figures> AskSession();
  void Collect(MetricSamples& samples);
  void CollectSession(MetricSamples& samples);
  void CollectLoad(MetricSamples& samples, const GatewaySession::Figures& figures) const;
  void CollectServers(MetricSamples& samples) const;
  void CollectCertificates(MetricSamples& samples) const;
  Status CollectStore(MetricSamples& samples, CentralReader& reader) const;
  Status CollectEdges(MetricSamples& samples, const std::vector<EdgeRow>& edges);
  std::optional<WallTime> CertificateEnd(const EdgeRow& edge);
  Status CollectReconciliation(MetricSamples& samples, CentralReader& reader,
                               const std::vector<EdgeRow>& edges) const;
  Status CollectNotices(MetricSamples& samples, CentralReader& reader) const;

  const Config& config_;
  const Clock& clock_;
  Telemetry telemetry_;
  Metrics metrics_;
  WriterWatch writer_;
  IntakeTelemetry intake_;
  DeskTelemetry desk_;
  Parts parts_;
  // Edges' newest certificates as last read: parsing hundreds would be most of a scrape's work.
  std::map<EdgeId, std::pair<std::string, WallTime>> certificate_ends_;  // Collectors' only.
  std::unique_ptr<LoopProbe> probe_;
  std::unique_ptr<HealthServer> server_;
};

}  // namespace edcsync::central
