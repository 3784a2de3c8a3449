#include "central-gateway/app/doctor.h"

#include <sys/stat.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "central-gateway/admin/broker_supervisor.h"
#include "central-gateway/admin/restore.h"
#include "central-gateway/app/config.h"
#include "central-gateway/desk/central_queries.h"
#include "schema/migrations.h"
#include "shared/doctor/certificate_checks.h"
#include "shared/doctor/clock_checks.h"
#include "shared/doctor/database_checks.h"
#include "shared/doctor/disk_checks.h"
#include "shared/doctor/file_checks.h"
#include "shared/doctor/network_checks.h"
#include "shared/storage/file_lock.h"

namespace edcsync::central {
namespace {

using doctor::Finding;
using doctor::Diagnosis;

constexpr std::int64_t kMsPerHour = 3'600'000;
constexpr char kIssueAnew[] =
    "`central-gateway certificate rotate` (the broker's, too); edges fetch what they need.";
constexpr char kNewAuthority[] =
    "`central-gateway ca rotate`, and `ca retire` once `ca status` says that nothing needs the "
    "former.";
constexpr char kRenewsItself[] =
    "the running gateway renews it by itself within an hour: start it; if it runs and pki/ca.key "
    "is there, its log says why it did not (certificate.not_renewed).";

bool IsThere(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

std::string FolderOf(const std::string& file) { return file.substr(0, file.rfind('/')); }

void AddFiles(Diagnosis& report, const Config& config) {
  const Installation& installation = config.installation;
  const std::string data = FolderOf(installation.DatabaseFile());
  report.Add(doctor::CheckFolder("files.data", data));
  report.Add(doctor::CheckFolder("files.pki", FolderOf(installation.Pki("ca.crt"))));
  const auto secret = [&](const char* check, const char* what, const std::string& file) {
    report.Add(doctor::CheckSecret(check, what, file, data));
  };
  if (config.keys.source == KeySource::kFile) {
    secret("key.database", "The key that opens the database", config.keys.file);
  }
  secret("key.gateway", "The centre's private key", installation.Pki("gateway.key"));
  secret("key.broker", "The broker's private key", installation.Pki("broker.key"));
  if (IsThere(installation.Pki("ca.key"))) {
    secret("key.ca", "The authority's private key", installation.Pki("ca.key"));
  } else {
    report.Add(doctor::Warning("key.ca", "The authority's private key is not on this machine.",
                               "The gateway runs without it, but no edge is added, renewed or "
                               "taken off the broker's list, and no certificate of the centre is "
                               "renewed: put it back for that, and before one of them ends."));
  }
}

// All that this centre trusts: two authorities while a rotation is under way, when its servers still
// show certificates of the former one.
std::string TrustFile(const Installation& installation) {
  const std::string both = installation.Pki("trust.pem");  // Made at the first start.
  return IsThere(both) ? both : installation.Pki("ca.crt");
}

void AddCertificates(Diagnosis& report, const Config& config, WallTime now) {
  const Installation& installation = config.installation;
  const std::string ca = installation.Pki("ca.crt"), trust = TrustFile(installation);
  const auto ours = [&](const std::string& name, const char* what, const char* renewal) {
    report.Add(doctor::CheckCertificate(
        {"certificate." + name, what, installation.Pki(name + ".crt"),
         installation.Pki(name + ".key"), trust, "", "", renewal},
        now));
  };
  report.Add(doctor::CheckCertificate({"certificate.ca", "The authority", ca, "", "", "", "",
                                       kNewAuthority}, now));
  ours("gateway", "The centre's certificate", kIssueAnew);
  ours("broker", "The broker's certificate", config.broker_managed ? kRenewsItself : kIssueAnew);
  if (!config.enrolment.enabled) {
    report.AddNotChecked({"certificate.enrolment"}, "Enrolment is switched off.");
  } else if (!IsThere(installation.Pki("enrolment.crt"))) {
    report.Add(doctor::NotChecked("certificate.enrolment",
                                  "It is made at the gateway's first start."));
  } else {
    ours("enrolment", "The enrolment service's certificate", kRenewsItself);
  }
  report.Add(doctor::CheckRevocationList("certificate.revoked", installation.Pki("crl.pem"), trust,
                                         installation.Pki("gateway.crt"), now));
}

void AddDesk(Diagnosis& report, const Config& config, bool running, WallTime now) {
  const DeskConfig& desk = config.desk;
  if (!desk.enabled) return report.AddNotChecked({"desk"}, "The desk is switched off.");
  if (desk.https) {
    const bool own = desk.certificate_file.empty();
    const std::string file = own ? config.installation.Pki("desk.crt") : desk.certificate_file;
    if (own && !IsThere(file)) {
      report.Add(doctor::NotChecked("certificate.desk", "It is made at the gateway's first start."));
    } else {
      report.Add(doctor::CheckCertificate(
          {"certificate.desk", "The desk's certificate", file,
           own ? config.installation.Pki("desk.key") : desk.key_file,
           own ? TrustFile(config.installation) : "", "", "",
           own ? kRenewsItself
               : "have your authority renew it; the gateway reads the files anew each hour."},
          now));
    }
  }
  const std::string place = desk.bind_address + " port " + std::to_string(desk.port);
  if (!running || desk.port == 0) {
    return report.AddNotChecked({"desk"}, running ? "It listens on a port of its own choice."
                                                  : "No gateway runs.");
  }
  report.Add(doctor::IsListening(desk.bind_address, desk.port)
                 ? doctor::Sound("desk", "Somebody listens on " + place + ".")
                 : doctor::Problem("desk", "Nobody listens on " + place + ".",
                                   "Look into the gateway's log for desk.not_started."));
}

// The broker that the gateway starts itself; an outside one is seen by CheckBroker alone.
void AddBrokerProgram(Diagnosis& report, const Config& config, bool running) {
  if (!config.broker_managed) {
    return report.AddNotChecked({"broker.program"}, "The broker is an outside one.");
  }
  const char* path = std::getenv("PATH");
  const Result<std::string> program = FindBrokerProgram("mosquitto", path == nullptr ? "" : path);
  if (!program.ok()) {
    return report.Add(doctor::Problem("broker.program", program.error().message + ".",
                                      "Install the package mosquitto."));
  }
  report.Add(doctor::Sound("broker.program", "It is " + *program + "."));
  const bool listening = doctor::IsListening(config.broker_bind_address, config.broker_port);
  const std::string place =
      config.broker_bind_address + " port " + std::to_string(config.broker_port);
  if (running) return;
  if (listening) {
    report.Add(doctor::Problem("broker.port", "No gateway runs, yet somebody listens on " + place +
                                                  ": the broker could not start.",
                               "Find out who (`ss -ltnp`), and end it or change [broker] port."));
  } else {
    report.Add(doctor::Sound("broker.port", place + " is free for the broker."));
  }
}

Finding StudiesFinding(const Json& status) {
  if (status["studies"].empty()) {
    return doctor::Warning("studies", "No study is imported: nothing can be checked against one.",
                           "central-gateway study import FILE");
  }
  return doctor::Sound("studies", std::to_string(status["studies"].size()) + " are imported.");
}

Finding SilentFinding(const Json& status, std::int64_t silent_ms, WallTime now) {
  std::string silent, suspended;
  for (const Json& edge : status["edges"]) {
    if (edge["standing"] == "suspended") suspended += " " + Text(edge["edgeId"]);
    if (edge["standing"] != "active" || edge["lastContactAt"].is_null()) continue;
    const auto heard = ParseTime(edge["lastContactAt"].get<std::string>());
    if (heard && now.ms - heard->ms > silent_ms) silent += " " + Text(edge["edgeId"]);
  }
  if (!suspended.empty()) {
    return doctor::Problem("edges", "Suspended:" + suspended + ".",
                           "`central-gateway edge list` says why; see the runbook (\"An edge was "
                           "refused\").");
  }
  if (!silent.empty()) {
    return doctor::Warning("edges", "Not heard of for " + std::to_string(silent_ms / kMsPerHour) +
                                        " h:" + silent + ".",
                           "Call the site; `edge-agent doctor` there tells more.");
  }
  return doctor::Sound("edges", std::to_string(status["edges"].size()) + " are registered; none is "
                                                                         "suspended or silent.");
}

Finding DriftFinding(const Json& status, std::int64_t drift_ms) {
  std::string off;
  for (const Json& edge : status["edges"]) {
    if (!edge.contains("clockDriftMs") || !edge["clockDriftMs"].is_number()) continue;
    const std::int64_t ms = edge["clockDriftMs"].get<std::int64_t>();
    if ((ms < 0 ? -ms : ms) <= drift_ms) continue;
    off += " " + Text(edge["edgeId"]) + " (" + std::to_string(ms / 1000) + " s)";
  }
  if (off.empty()) return doctor::Sound("clock.edges", "No edge's clock is far from this one.");
  return doctor::Warning("clock.edges", "Clocks far from this one:" + off + ".",
                         "If it is all of them, set this machine's clock; else ask those sites to.");
}

Finding SignaturesFinding(const Config& config) {
  const std::string check = "signatures";
  const Result<RestoreGaps> gaps = ReadRestoreGaps(config.installation);
  if (!gaps.ok()) return doctor::NotChecked(check, gaps.error().message + ".");
  if (!gaps->restored_at) return doctor::Sound(check, "The database was never restored.");
  const std::string found = std::to_string(gaps->decisions_unsigned) +
                            " decisions came back from sites without a signature after the restore "
                            "of " + FormatUtc(*gaps->restored_at) + ".";
  if (gaps->decisions_unsigned == 0) return doctor::Sound(check, found);
  return doctor::Warning(check, found,
                         "They stand. Where signatures are required, have them reviewed and signed "
                         "again at the desk, and keep the former database as evidence.");
}

void AddStore(Diagnosis& report, const Config& config, const Examination& examination, WallTime now,
              const Clock& clock) {
  SystemRandom random;
  SqliteCentralStoreOptions options;
  options.path = config.installation.DatabaseFile();
  options.key_file = config.keys.file;
  options.keys = KeySourcesOf(config);
  options.cache_kib = 16 * 1024;
  options.start_writer = false;
  options.holder = "doctor-" + std::to_string(::getpid());
  const std::vector<std::string> rest = {"studies", "edges", "clock.edges", "signatures"};
  const auto store = OpenSqliteCentralStore(options, clock, random);
  if (!store.ok()) {
    report.Add(doctor::Problem("database.open", store.error()));
    return report.AddNotChecked(rest, "The database cannot be opened.");
  }
  report.Add(doctor::Sound("database.open", "Its key opens the database."));
  const Result<std::string> text =
      StatusJson(**store, {config.reconcile_every_hours * kMsPerHour, now});
  if (!text.ok()) {
    report.Add(doctor::Problem("database.content", text.error()));
    return report.AddNotChecked(rest, "The database gives no status.");
  }
  const Json status = Json::parse(*text);
  report.Add(StudiesFinding(status));
  report.Add(SilentFinding(status, config.notices.edge_silent_ms, now));
  report.Add(DriftFinding(status, config.notices.clock_drift_ms));
  report.Add(SignaturesFinding(config));
  if (!examination.deep) return;
  const auto findings = (*store)->Check([](std::string_view, int) {});
  if (!findings.ok()) return report.Add(doctor::Problem("database.content", findings.error()));
  if (findings->empty()) {
    report.Add(doctor::Sound("database.content", "All that `check` looks at is sound."));
  }
  for (const std::string& finding : *findings) {
    report.Add(doctor::Problem("database.content", finding,
                               "Stop the gateway, keep the database as it is, restore or report "
                               "it."));
  }
}

// A gateway holds the lock of its database for as long as it lives, commands for a moment, so the
// broker that it starts is asked, too. An outside broker runs on without it.
bool IsGatewayRunning(const Config& config) {
  const bool broker = !config.broker_managed ||
                      doctor::IsListening(config.broker_bind_address, config.broker_port);
  return broker &&
         !FileLock::Take(config.installation.DatabaseFile() + ".lock", FileLock::Mode::kExclusive)
              .ok();
}

}  // namespace

Diagnosis Examine(const std::string& dir, const Examination& examination, const Clock& clock) {
  Diagnosis report;
  const Result<Config> config = LoadConfig(dir);
  if (!config.ok()) {
    report.SetUnconfigured();
    report.Add(doctor::Problem("configuration", config.error()));
    report.AddNotChecked({"clock", "files", "certificates", "disk", "database", "broker", "desk"},
                         "The configuration does not load.");
    return report;
  }
  const WallTime now = clock.Wall();
  const std::string database = config->installation.DatabaseFile();
  const std::string data = FolderOf(database);
  report.Add(doctor::Sound("configuration", "It loads: gateway " + config->gateway.str() + "."));
  report.Add(doctor::CheckKernelClock(doctor::ReadKernelClock()));
  const bool running = IsThere(database) && IsGatewayRunning(*config);
  report.Add(running ? doctor::Sound("gateway", "A gateway runs.")
                     : doctor::Warning("gateway", "No gateway runs: nothing is received.",
                                       "Start it (`systemctl start edcsync-central-gateway`, or "
                                       "`central-gateway run`); its log says why it ended."));
  AddFiles(report, *config);
  AddCertificates(report, *config, now);
  report.Add(doctor::CheckDiskRoom("disk.room", data, doctor::ReadRoom(data), config->disk));
  if (examination.commit_budget_ms > 0) {
    report.Add(doctor::CheckCommitRate(
        "disk.commits", doctor::MeasureCommitRate(data, examination.commit_budget_ms, clock)));
  }
  if (IsThere(database)) {
    report.Add(doctor::CheckDatabasePages("database.pages", database));
    const Finding schema = doctor::CheckSchemaVersion("database.schema", database,
                                                      schema::CentralMigrations().size());
    report.Add(schema);
    // Opened with another schema it would be altered.
    if (schema.verdict == doctor::Verdict::kOk) AddStore(report, *config, examination, now, clock);
  } else {
    report.Add(doctor::Problem("database.pages", "There is no database " + database + ".",
                               "Restore a backup (`central-gateway restore FILE`), or make a gateway "
                               "with `central-gateway init`."));
  }
  AddBrokerProgram(report, *config, running);
  if (running || !config->broker_managed) {
    report.Add(doctor::CheckBroker(
        {config->broker_host, config->broker_port, TrustFile(config->installation),
         config->installation.Pki("gateway.crt"), config->installation.Pki("gateway.key"), "here"},
        now));
  } else {
    report.AddNotChecked({"broker.dns", "broker.tcp", "broker.tls", "broker.answer"},
                         "The gateway runs the broker, and does not run.");
  }
  AddDesk(report, *config, running, now);
  return report;
}

}  // namespace edcsync::central
