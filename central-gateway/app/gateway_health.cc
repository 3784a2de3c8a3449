#include "central-gateway/app/gateway_health.h"

#include <map>

#include "shared/base/file.h"
#include "shared/crypto/revocation_list.h"
#include "shared/telemetry/process_metrics.h"

namespace edcsync::central {
namespace {

constexpr int kLoopAnswersMs = 5'000;
constexpr int kFiguresWaitMs = 1'000;
// A commit waits for the disk; one that takes longer than this will not come back.
constexpr std::int64_t kWriterStuckUs = 60'000'000;
constexpr std::int64_t kHealthHourMs = 3'600'000;

double Figure(std::uint64_t value) { return static_cast<double>(value); }
double SecondsSince1970(WallTime time) { return static_cast<double>(time.ms) / 1e3; }

}  // namespace

GatewayHealth::GatewayHealth(const Config& config, const Clock& clock, Random& random)
    : config_(config),
      clock_(clock),
      telemetry_(StartTelemetry(config.telemetry, {"central-gateway", config.gateway.str()}, clock,
                                random)),
      writer_(clock, metrics_.AddHistogram("edcsync_gateway_commit_seconds",
                                           "Transactions of the store's writer, commit included.",
                                           ShortTimes())),
      intake_(clock, metrics_, telemetry_.tracer.get()),
      desk_(clock, metrics_, telemetry_.tracer.get()) {}

void GatewayHealth::Start(const Parts& parts) {
  if (!config_.health.enabled) return;
  parts_ = parts;
  probe_ = std::make_unique<LoopProbe>(*parts_.loop);
  metrics_.OnCollect([this](MetricSamples& samples) { Collect(samples); });
  server_ = std::make_unique<HealthServer>(config_.health, clock_, metrics_, LiveChecks(),
                                           ReadyChecks());
  Status started = server_->Start();
  if (started.ok()) {
    started = WriteFile(config_.installation.dir + "/health.port",
                        std::to_string(server_->port()) + "\n", 0644, /*exclusive=*/false);
  }
  if (!started.ok()) {
    Log(LogLevel::kWarn, "health.not_started", {{"why", started.error().message}});
    return server_.reset();
  }
  Log(LogLevel::kInfo, "health.ready", {{"port", server_->port()}});
}

std::optional<GatewaySession::Figures> GatewayHealth::AskSession() {
  std::optional<GatewaySession::Figures> figures;
  // Only if it ran are the figures touched: a late answer is dropped.
  if (!probe_->Ask(kFiguresWaitMs, [&] { figures = parts_.session->figures(); })) {
    return std::nullopt;
  }
  return figures;
}

std::vector<HealthCheck> GatewayHealth::LiveChecks() {
  return {{"loop", [this] { return probe_->Answers(kLoopAnswersMs); }},
          {"writer", [this]() -> Status {
             if (writer_.RunningForUs() < kWriterStuckUs) return Ok();
             return Fail(ErrorCode::kTimeout, "a transaction does not end: look at the disk");
           }}};
}

std::vector<HealthCheck> GatewayHealth::ReadyChecks() {
  std::vector<HealthCheck> checks = DiskChecks(config_.installation.dir, *parts_.disk);
  checks.push_back({"store", [this] {
                      return parts_.store->Read([](CentralReader& reader) -> Status {
                        EDCSYNC_TRY(reader.History());
                        return Ok();
                      });
                    }});
  checks.push_back({"broker", [this]() -> Status {
                      const auto figures = AskSession();
                      if (figures && figures->connected) return Ok();
                      return Fail(ErrorCode::kBroker,
                                  "no connection to the broker at " + config_.broker_host + ":" +
                                      std::to_string(config_.broker_port));
                    }});
  // Sites' data are taken in all the same.
  checks.push_back({"desk",
                    [this]() -> Status {
                      if (parts_.desk != nullptr || !config_.desk.enabled) return Ok();
                      return Fail(ErrorCode::kUnavailable,
                                  "the desk did not start: see desk.not_started");
                    },
                    /*required=*/false});
  return checks;
}

void GatewayHealth::Collect(MetricSamples& samples) {
  CollectProcess(samples, "central-gateway");
  CollectDisk(samples, "edcsync_gateway", config_.installation.dir,
              config_.installation.DatabaseFile());
  CollectDiskGuard(samples, "edcsync_gateway", *parts_.disk);
  CollectCertificates(samples);
  CollectServers(samples);
  CollectSpans(samples, "edcsync_gateway", telemetry_.exporter.get());
  CollectSession(samples);
  samples.Gauge("edcsync_gateway_writer_queue", "Works that wait for the store's writer.",
                static_cast<double>(parts_.store->WorksWaiting()));
  const Status read = parts_.store->Read([&](CentralReader& reader) -> Status {
    EDCSYNC_TRY(CollectStore(samples, reader));
    EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, reader.ListEdges());
    EDCSYNC_TRY(CollectEdges(samples, edges));
    EDCSYNC_TRY(CollectReconciliation(samples, reader, edges));
    return CollectNotices(samples, reader);
  });
  samples.Gauge("edcsync_gateway_store_readable", "1 if the database could be read just now.",
                read.ok() ? 1 : 0);
}

void GatewayHealth::CollectSession(MetricSamples& samples) {
  if (parts_.broker != nullptr) {
    samples.Total("edcsync_gateway_broker_restarts_total",
                  "Times the managed broker ended and was started again.",
                  static_cast<double>(parts_.broker->RestartCount()));
  }
  const std::optional<GatewaySession::Figures> figures = AskSession();
  samples.Gauge("edcsync_gateway_broker_connected", "1 if the broker is reached.",
                figures && figures->connected ? 1 : 0);
  if (!figures) return;
  const auto number = [](auto value) { return static_cast<double>(value); };
  samples.Gauge("edcsync_gateway_sessions", "Edges in session with this gateway.",
                number(figures->sessions));
  samples.Gauge("edcsync_gateway_intake_queue_frames", "Frames opened that wait for their commit.",
                number(figures->queued_frames));
  samples.Gauge("edcsync_gateway_intake_queue_bytes", "Memory they take, by estimate.",
                number(figures->queued_bytes));
  const std::string help = "Frames by what became of them; those of strangers are dropped.";
  samples.Total("edcsync_gateway_frames_received_total", "Frames that came.",
                number(figures->frames_in));
  samples.Total("edcsync_gateway_frames_turned_away_total", help,
                number(figures->frames_refused), {{"how", "refused"}});
  samples.Total("edcsync_gateway_frames_turned_away_total", help,
                number(figures->frames_dropped), {{"how", "dropped"}});
  samples.Total("edcsync_gateway_received_bytes_total", "Bytes of frames that came.",
                number(figures->bytes_in));
  CollectLoad(samples, *figures);
}

void GatewayHealth::CollectLoad(MetricSamples& samples,
                                const GatewaySession::Figures& figures) const {
  samples.Gauge("edcsync_gateway_commit_lag_seconds",
                "From a frame's arrival to its commit, as load shedding goes by it; of late.",
                static_cast<double>(figures.commit_lag_us) / 1e6);
  samples.Gauge("edcsync_gateway_credit_frames", "Frames in flight that an edge is granted now.",
                figures.credit.frames);
  samples.Gauge("edcsync_gateway_credit_bytes", "Bytes in flight that an edge is granted now.",
                figures.credit.bytes);
  samples.Total("edcsync_gateway_receipts_reduced_total",
                "Receipts that granted less than the full credit, for the commit is behind.",
                Figure(figures.receipts_reduced));
  const std::string name = "edcsync_gateway_frames_put_off_total";
  const std::string help = "Frames refused for now, which edges send again; nothing is lost.";
  samples.Total(name, help, Figure(figures.put_off_behind), {{"why", "commit_behind"}});
  samples.Total(name, help, Figure(figures.put_off_rate), {{"why", "rate"}});
  samples.Total(name, help, Figure(figures.put_off_disk), {{"why", "disk"}});
}

void GatewayHealth::CollectServers(MetricSamples& samples) const {
  constexpr char kPrefix[] = "edcsync_gateway";
  if (parts_.desk != nullptr) CollectPutOff(samples, kPrefix, "desk", parts_.desk->http_figures());
  if (parts_.enrolment == nullptr) return;
  CollectPutOff(samples, kPrefix, "enrolment", parts_.enrolment->http_figures());
  const EstServer::Figures figures = parts_.enrolment->figures();
  const std::string name = "edcsync_gateway_certificate_requests_total";
  const std::string help = "Edges' requests for a certificate, first and renewed, by outcome.";
  const auto total = [&](const char* kind, const char* outcome, std::uint64_t count) {
    samples.Total(name, help, Figure(count), {{"kind", kind}, {"outcome", outcome}});
  };
  total("enrolment", "issued", figures.enrolled);
  total("enrolment", "refused", figures.enrolments_refused);
  total("renewal", "issued", figures.renewed);
  total("renewal", "refused", figures.renewals_refused);
}

void GatewayHealth::CollectCertificates(MetricSamples& samples) const {
  constexpr char kPrefix[] = "edcsync_gateway";
  const Installation& installation = config_.installation;
  for (const char* name : {"ca", "gateway", "broker"}) {
    CollectCertificate(samples, kPrefix, name, installation.Pki(std::string(name) + ".crt"));
  }
  if (config_.enrolment.enabled) {
    CollectCertificate(samples, kPrefix, "enrolment", installation.Pki("enrolment.crt"));
  }
  if (config_.desk.enabled && config_.desk.https) {
    const std::string& own = config_.desk.certificate_file;
    CollectCertificate(samples, kPrefix, "desk", own.empty() ? installation.Pki("desk.crt") : own);
  }
  const auto revoked = RevocationList::Load(installation.Pki("crl.pem"));
  if (revoked.ok()) CollectExpiry(samples, kPrefix, "crl", revoked->next_update);
}

Status GatewayHealth::CollectStore(MetricSamples& samples, CentralReader& reader) const {
  EDCSYNC_ASSIGN(const CentralReader::Figures figures, reader.CountAll());
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  const auto age = [this](const std::optional<WallTime>& since) {
    return since ? std::max(0.0, static_cast<double>(clock_.Wall().ms - since->ms) / 1e3) : 0.0;
  };
  samples.Gauge("edcsync_gateway_records", "Records in the central store.",
                number(figures.records));
  samples.Total("edcsync_gateway_revisions_stored_total", "Revisions in the central store.",
                number(figures.revisions));
  samples.Total("edcsync_gateway_audit_entries_total", "Entries of the audit trail.",
                number(figures.audit_entries));
  samples.Total("edcsync_gateway_duplicates_total", "Repeats recognised and dropped.",
                number(figures.duplicates));
  const std::string conflicts = "Conflicts by state; those open by severity.";
  samples.Gauge("edcsync_gateway_conflicts", conflicts, number(figures.conflicts_open_hard),
                {{"state", "open"}, {"severity", "hard"}});
  samples.Gauge("edcsync_gateway_conflicts", conflicts,
                number(figures.conflicts_open - figures.conflicts_open_hard),
                {{"state", "open"}, {"severity", "soft"}});
  samples.Gauge("edcsync_gateway_conflicts", conflicts, number(figures.conflicts_ended),
                {{"state", "ended"}, {"severity", "any"}});
  samples.Gauge("edcsync_gateway_conflict_oldest_seconds",
                "Age of the oldest open conflict; 0 if none is.", age(figures.oldest_conflict));
  samples.Gauge("edcsync_gateway_quarantine_oldest_seconds",
                "Age of what waits longest in quarantine; 0 if nothing does.",
                age(figures.oldest_quarantine));
  samples.Gauge("edcsync_gateway_quarantine_waiting", "Revisions in quarantine.",
                number(figures.quarantine_waiting));
  for (const auto& [reason, count] : figures.quarantine_by_reason) {
    const ErrorInfo* info = FindError(reason);
    samples.Gauge("edcsync_gateway_quarantined", "Revisions in quarantine, by reason.",
                  number(count),
                  {{"reason", info == nullptr ? "unknown" : std::string(info->name)}});
  }
  return Ok();
}

// nullopt if it has none that can be read.
std::optional<WallTime> GatewayHealth::CertificateEnd(const EdgeRow& edge) {
  if (edge.certificates_pem.empty()) return std::nullopt;
  const std::string& pem = edge.certificates_pem.front();
  auto& [known, end] = certificate_ends_[edge.edge];
  if (known == pem) return end;
  const Result<Certificate> newest = Certificate::FromPem(pem);
  if (!newest.ok()) return std::nullopt;
  known = pem;
  end = newest->NotAfter();
  return end;
}

Status GatewayHealth::CollectEdges(MetricSamples& samples, const std::vector<EdgeRow>& edges) {
  std::map<EdgeStanding, double> standings;
  double silent = 0;
  const std::int64_t now_ms = clock_.Wall().ms;
  for (const EdgeRow& edge : edges) {
    ++standings[edge.standing];
    if (edge.standing != EdgeStanding::kActive) continue;
    const MetricLabels labels{{"edge", edge.edge.str()}};
    // Never heard of: silent since it was added.
    const std::int64_t heard_ms = edge.last_contact.value_or(edge.added_at).ms;
    if (now_ms - heard_ms > config_.notices.edge_silent_ms) ++silent;
    samples.Gauge("edcsync_gateway_edge_last_contact_timestamp_seconds",
                  "When an edge was last heard of, since 1970; before its first session, when it "
                  "was added.",
                  static_cast<double>(heard_ms) / 1e3, labels);
    if (edge.clock_drift_ms) {
      samples.Gauge("edcsync_gateway_edge_clock_drift_seconds",
                    "An edge's clock minus the centre's, at its last session.",
                    static_cast<double>(*edge.clock_drift_ms) / 1e3, labels);
    }
    if (const std::optional<WallTime> end = CertificateEnd(edge)) {
      samples.Gauge("edcsync_gateway_edge_certificate_expiry_timestamp_seconds",
                    "When an edge's newest certificate ends, since 1970.", SecondsSince1970(*end),
                    labels);
    }
  }
  for (const EdgeStanding standing :
       {EdgeStanding::kActive, EdgeStanding::kSuspended, EdgeStanding::kRevoked}) {
    samples.Gauge("edcsync_gateway_edges", "Edges by standing; suspended ones wait for a person.",
                  standings[standing], {{"standing", std::string(ToString(standing))}});
  }
  samples.Gauge("edcsync_gateway_edges_silent",
                "Active edges not heard of for [notices] edge_silent_hours.", silent);
  return Ok();
}

Status GatewayHealth::CollectReconciliation(MetricSamples& samples, CentralReader& reader,
                                            const std::vector<EdgeRow>& edges) const {
  const std::int64_t every_ms = config_.reconcile_every_hours * kHealthHourMs;
  double overdue = 0;
  for (const EdgeRow& edge : edges) {
    EDCSYNC_ASSIGN(const LastComparison last, reader.LastComparisonOf(edge.edge));
    if (edge.standing == EdgeStanding::kActive &&
        IsComparisonOverdue(last, edge.added_at, every_ms, clock_.Wall())) {
      ++overdue;
    }
    if (!last.compared_at) continue;
    const MetricLabels labels{{"edge", edge.edge.str()}};
    samples.Gauge("edcsync_gateway_reconciliation_last_timestamp_seconds",
                  "When an edge was last compared with the centre to the end, since 1970.",
                  SecondsSince1970(*last.compared_at), labels);
    samples.Gauge("edcsync_gateway_reconciliation_differences",
                  "Revisions that differed then; counted up to 10000.", Figure(last.differences),
                  labels);
    samples.Gauge("edcsync_gateway_reconciliation_differences_open",
                  "Those of them that were not brought back.", Figure(last.not_brought_back),
                  labels);
  }
  samples.Gauge("edcsync_gateway_reconciliations_overdue",
                "Active edges whose comparison by the schedule ([reconcile] every_hours) is overdue.",
                overdue);
  return Ok();
}

Status GatewayHealth::CollectNotices(MetricSamples& samples, CentralReader& reader) const {
  EDCSYNC_ASSIGN(const std::vector<std::string> channels, reader.ListNoticeChannels());
  for (const std::string& channel : channels) {
    EDCSYNC_ASSIGN(const std::optional<NoticeChannelRow> row, reader.FindNoticeChannel(channel));
    EDCSYNC_ASSIGN(const NoticeBacklog backlog, reader.BacklogOf(channel));
    const bool open = row && row->open_until && *row->open_until > clock_.Wall();
    CollectState(samples, "edcsync_gateway_breaker_state",
                 "1 for the state of the circuit breaker over a notices channel.",
                 open ? "open" : "closed", {"closed", "open"}, {{"breaker", channel}});
    samples.Gauge("edcsync_gateway_notices_waiting", "Notices that gather for a channel.",
                  static_cast<double>(backlog.count), {{"channel", channel}});
  }
  return Ok();
}

}  // namespace edcsync::central
