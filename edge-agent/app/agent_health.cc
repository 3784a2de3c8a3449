#include "edge-agent/app/agent_health.h"

#include "shared/base/file.h"
#include "shared/telemetry/process_metrics.h"

namespace edcsync::edge {
namespace {

constexpr char kPrefix[] = "edcsync_edge";
constexpr int kLoopAnswersMs = 5'000;
// A commit waits for the disk; one that takes longer than this will not come back.
constexpr std::int64_t kWriterStuckUs = 60'000'000;

double Seconds(WallTime time) { return static_cast<double>(time.ms) / 1e3; }

bool LogsRecords(const Config& config) { return config.log_level == LogLevel::kDebug; }

}  // namespace

AgentHealth::AgentHealth(const Config& config, const Clock& clock, Random& random)
    : config_(config),
      clock_(clock),
      telemetry_(StartTelemetry(config.telemetry, {"edge-agent", config.edge.str()}, clock,
                                random)),
      writer_(clock, metrics_.AddHistogram("edcsync_edge_commit_seconds",
                                           "Transactions of the store's writer, commit included.",
                                           ShortTimes())),
      capture_(clock, metrics_, telemetry_.tracer.get(), LogsRecords(config)),
      uplink_(clock, metrics_, telemetry_.tracer.get(), LogsRecords(config)),
      feed_(clock, metrics_, telemetry_.tracer.get(), LogsRecords(config)),
      site_(telemetry_.tracer.get()) {}

void AgentHealth::Start(const Parts& parts) {
  if (!config_.health.enabled) return;
  parts_ = parts;
  probe_ = std::make_unique<LoopProbe>(*parts_.loop);
  metrics_.OnCollect([this](MetricSamples& samples) { Collect(samples); });
  server_ = std::make_unique<HealthServer>(config_.health, clock_, metrics_, LiveChecks(),
                                           ReadyChecks());
  Status started = server_->Start();
  if (started.ok()) {
    started = WriteFile(config_.HealthPortFile(), std::to_string(server_->port()) + "\n", 0644,
                        /*exclusive=*/false);
  }
  if (!started.ok()) {
    Log(LogLevel::kWarn, "health.not_started", {{"why", started.error().message}});
    return server_.reset();
  }
  Log(LogLevel::kInfo, "health.ready", {{"port", server_->port()}});
}

std::vector<HealthCheck> AgentHealth::LiveChecks() {
  return {{"loop", [this] { return probe_->Answers(kLoopAnswersMs); }},
          {"writer", [this]() -> Status {
             if (writer_.RunningForUs() < kWriterStuckUs) return Ok();
             return Fail(ErrorCode::kTimeout, "a transaction does not end: look at the disk");
           }}};
}

std::vector<HealthCheck> AgentHealth::ReadyChecks() {
  std::vector<HealthCheck> checks = DiskChecks(config_.data_dir, *parts_.disk);
  checks.push_back({"store", [this] {
                      return parts_.store->Read([](EdgeTables& tables) -> Status {
                        EDCSYNC_TRY(tables.checkpoint.Get());
                        return Ok();
                      });
                    }});
  // Capture needs no link: told, but no reason not to be ready.
  checks.push_back({"link",
                    [this]() -> Status {
                      const SyncStatus status = parts_.session->status();
                      if (!status.held_back.empty()) {
                        return Fail(ErrorCode::kUnavailable,
                                    "live, but held back: " + status.held_back);
                      }
                      if (status.state == SyncState::kLive) return Ok();
                      return Fail(ErrorCode::kNotConnected,
                                  std::string(ToString(status.state)) + ": " + status.last_error);
                    },
                    /*required=*/false});
  return checks;
}

void AgentHealth::Collect(MetricSamples& samples) const {
  CollectProcess(samples, "edge-agent");
  CollectDisk(samples, kPrefix, config_.data_dir, config_.DatabaseFile());
  CollectDiskGuard(samples, kPrefix, *parts_.disk);
  CollectPutOff(samples, kPrefix, "api", parts_.api->figures());
  CollectCertificate(samples, kPrefix, "edge", config_.certificate_file);
  CollectCertificate(samples, kPrefix, "gateway", config_.gateway_certificate_file);
  CollectCertificate(samples, kPrefix, "ca", config_.ca_file);
  CollectSpans(samples, kPrefix, telemetry_.exporter.get());
  CollectSync(samples);
  CollectRenewal(samples);
  samples.Gauge("edcsync_edge_writer_queue", "Works that wait for the store's writer.",
                static_cast<double>(parts_.store->writer().waiting()));
  const Status read =
      parts_.store->Read([&](EdgeTables& tables) { return CollectStore(samples, tables); });
  samples.Gauge("edcsync_edge_store_readable", "1 if the database could be read just now.",
                read.ok() ? 1 : 0);
}

Status AgentHealth::CollectStore(MetricSamples& samples, EdgeTables& tables) const {
  EDCSYNC_ASSIGN(const Checkpoint checkpoint, tables.checkpoint.Get());
  EDCSYNC_ASSIGN(const OutboxTable::Tail tail, tables.outbox.ReadTail());
  EDCSYNC_ASSIGN(const std::optional<WallTime> oldest,
                 tables.outbox.OldestWaiting(checkpoint.acknowledged_through));
  EDCSYNC_ASSIGN(const std::uint64_t conflicts, tables.conflicts.Count());
  EDCSYNC_ASSIGN(const std::uint64_t quarantined, tables.quarantine.CountWaiting());
  EDCSYNC_ASSIGN(const std::uint64_t held, tables.held.Count());
  EDCSYNC_ASSIGN(const std::optional<WallTime> reconciled, tables.reconciliations.LastSettled());
  const std::uint64_t acknowledged = checkpoint.acknowledged_through.value();
  samples.Total("edcsync_edge_outbox_captured_total", "Revisions ever put into the outbox.",
                static_cast<double>(tail.last.value()));
  samples.Gauge("edcsync_edge_outbox_waiting", "Revisions not receipted by the centre.",
                static_cast<double>(tail.last.value() - std::min(tail.last.value(), acknowledged)));
  samples.Gauge("edcsync_edge_outbox_oldest_waiting_seconds",
                "Age of the oldest revision not receipted; 0 if none waits.",
                oldest ? std::max(0.0, Seconds(clock_.Wall()) - Seconds(*oldest)) : 0);
  samples.Gauge("edcsync_edge_conflicts_open", "Records of this site in conflict.",
                static_cast<double>(conflicts));
  samples.Gauge("edcsync_edge_quarantined", "Revisions of this site in the centre's quarantine.",
                static_cast<double>(quarantined));
  samples.Gauge("edcsync_edge_feed_held", "Revisions of the feed that wait for a parent.",
                static_cast<double>(held));
  if (reconciled) {
    samples.Gauge("edcsync_edge_reconciliation_last_timestamp_seconds",
                  "When a comparison with the centre was last signed here, since 1970.",
                  Seconds(*reconciled));
  }
  if (checkpoint.clock_drift_ms) {
    samples.Gauge("edcsync_edge_clock_drift_seconds",
                  "This clock minus the centre's, at the last session.",
                  static_cast<double>(*checkpoint.clock_drift_ms) / 1e3);
  }
  if (checkpoint.last_contact) {
    samples.Gauge("edcsync_edge_last_contact_timestamp_seconds",
                  "When the centre last answered, since 1970.", Seconds(*checkpoint.last_contact));
  }
  return Ok();
}

void AgentHealth::CollectRenewal(MetricSamples& samples) const {
  const RenewalView view = parts_.renewal->view();
  const auto totals = [&](const char* name, const char* help, std::uint64_t all,
                          std::uint64_t failed) {
    samples.Total(name, help, static_cast<double>(all - failed), {{"outcome", "ok"}});
    samples.Total(name, help, static_cast<double>(failed), {{"outcome", "failed"}});
  };
  totals("edcsync_edge_renewal_contacts_total",
         "Times the enrolment service was asked for what is new.", view.contacts,
         view.contacts_failed);
  totals("edcsync_edge_certificate_renewals_total",
         "Times a new certificate of this edge was asked for.", view.renewals,
         view.renewals_failed);
  if (view.last_contact) {
    samples.Gauge("edcsync_edge_renewal_last_success_timestamp_seconds",
                  "When the enrolment service last answered, since 1970.",
                  Seconds(*view.last_contact));
  }
  if (view.last_renewed) {
    samples.Gauge("edcsync_edge_certificate_renewed_timestamp_seconds",
                  "When this edge's certificate was last renewed, since 1970; since the start.",
                  Seconds(*view.last_renewed));
  }
  if (view.renews_at) {
    samples.Gauge("edcsync_edge_certificate_renewal_due_timestamp_seconds",
                  "When this edge's certificate is to be renewed, since 1970.",
                  Seconds(*view.renews_at));
  }
}

void AgentHealth::CollectSync(MetricSamples& samples) const {
  const SyncStatus status = parts_.session->status();
  CollectState(samples, "edcsync_edge_sync_state",
               "1 for the state of the link; stopped waits for a person.", ToString(status.state),
               {"paused", "offline", "greeting", "live", "stopped"});
  CollectState(samples, "edcsync_edge_breaker_state",
               "1 for the state of the circuit breaker over the link.", status.breaker,
               {"closed", "open", "half_open"}, {{"breaker", "link"}});
  samples.Gauge("edcsync_edge_frames_in_flight", "Pushes sent and not receipted.",
                static_cast<double>(status.frames_in_flight));
  samples.Total("edcsync_edge_frames_sent_total", "Frames sent.",
                static_cast<double>(status.frames_sent));
  samples.Total("edcsync_edge_sent_bytes_total", "Bytes of frames sent.",
                static_cast<double>(status.bytes_sent));
  samples.Total("edcsync_edge_revisions_sent_total", "Revisions sent, repeats included.",
                static_cast<double>(status.revisions_sent));
}

}  // namespace edcsync::edge
