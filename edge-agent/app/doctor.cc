#include "edge-agent/app/doctor.h"

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "edge-agent/app/local_agent.h"
#include "edge-agent/site/site_queries.h"
#include "shared/base/json.h"
#include "shared/doctor/certificate_checks.h"
#include "shared/doctor/clock_checks.h"
#include "shared/doctor/database_checks.h"
#include "shared/doctor/disk_checks.h"
#include "shared/doctor/file_checks.h"
#include "shared/doctor/network_checks.h"

namespace edcsync::edge {
namespace {

using doctor::Finding;
using doctor::Diagnosis;

constexpr std::int64_t kWaitingWarningMs = 24 * 3'600'000;  // As the centre tells a silent edge.
constexpr char kAskRenewal[] =
    "have the certificate renewed (`edge-agent enroll` with a new invitation of the centre's "
    "operator); capture goes on meanwhile.";

bool IsThere(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

void AddFiles(Diagnosis& report, const Config& config, bool has_run) {
  if (!has_run) {
    report.AddNotChecked({"files.data", "key.database", "key.token"},
                         config.data_dir + " is made at the agent's first start.");
  } else {
    report.Add(doctor::CheckFolder("files.data", config.data_dir));
    if (config.keys.source == KeySource::kFile) {
      report.Add(doctor::CheckSecret("key.database", "The key that opens the database",
                                     config.keys.file, config.data_dir));
    }
    report.Add(doctor::CheckSecret("key.token", "The local API's token", config.TokenFile(),
                                   config.data_dir));
  }
  report.Add(doctor::CheckSecret("key.edge", "The edge's private key", config.key_file,
                                 has_run ? config.data_dir : config.key_file));
}

void AddCertificates(Diagnosis& report, const Config& config, WallTime now) {
  report.Add(doctor::CheckCertificate(
      {"certificate.ca", "The centre's authority", config.ca_file, "", "", "", "",
       "ask the operator of the centre for the authority that follows it."},
      now));
  report.Add(doctor::CheckCertificate(
      {"certificate.edge", "The edge's certificate", config.certificate_file, config.key_file,
       config.ca_file, config.edge.str(), config.site.str(), kAskRenewal},
      now));
  report.Add(doctor::CheckCertificate(
      {"certificate.gateway", "The centre's certificate", config.gateway_certificate_file, "",
       config.ca_file, "", "", "ask the operator of the centre for its new one."},
      now));
}

void AddDisk(Diagnosis& report, const Config& config, const Examination& examination, bool has_run,
             const Clock& clock) {
  const std::vector<std::string> checks = {"disk.room", "disk.commits"};
  if (!has_run) return report.AddNotChecked(checks, "There is no data folder yet.");
  report.Add(doctor::CheckDiskRoom("disk.room", config.data_dir,
                                   doctor::ReadRoom(config.data_dir), config.disk));
  if (examination.commit_budget_ms == 0) return;
  report.Add(doctor::CheckCommitRate(
      "disk.commits",
      doctor::MeasureCommitRate(config.data_dir, examination.commit_budget_ms, clock)));
}

Finding LinkFinding(const Json& status) {
  const std::string check = "link";
  const Json& sync = status["sync"];
  if (!status["stoppedFor"].is_null()) {
    return doctor::Problem(check, "Delivery stopped: " + Text(status["stoppedFor"]["message"]),
                           Text(status["stoppedFor"]["advice"]));
  }
  const std::string state = Text(sync["state"]);
  if (!sync["heldBack"].is_null()) {
    return doctor::Warning(check,
                           "Live, but the centre takes nothing since " +
                               Text(sync["heldBack"]["since"]) + ": " +
                               Text(sync["heldBack"]["why"]) + ".",
                           "Tell the centre's operator. Nothing is lost: what waits is kept here "
                           "and tried again by itself.");
  }
  if (state == "live") return doctor::Sound(check, "Live since " + Text(sync["since"]) + ".");
  if (state == "paused") {
    return doctor::Warning(check, "Delivery was paused.", "edge-agent sync resume");
  }
  if (state == "not running") {
    return doctor::NotChecked(check, "No agent runs; the last contact was at " +
                                         Text(status["lastContactAt"]) + ".");
  }
  return doctor::Warning(check, "The link is " + state + " since " + Text(sync["since"]) + ": " +
                                    Text(sync["lastError"]),
                         "See the findings on the broker; the agent tries by itself, `edge-agent "
                         "sync now` at once.");
}

Finding OutboxFinding(const Json& status, WallTime now) {
  const std::string check = "outbox";
  const std::string found = Text(status["waiting"]) + " of " + Text(status["captured"]) +
                            " revisions wait for the centre";
  const Json& oldest = status["oldestWaitingAt"];
  if (oldest.is_null()) return doctor::Sound(check, found + ".");
  const auto since = ParseTime(oldest.get<std::string>());
  const std::string whole = found + ", the oldest since " + Text(oldest) + ".";
  if (since && now.ms - since->ms > kWaitingWarningMs) {
    return doctor::Warning(check, whole, "Nothing is lost while this disk lives: back it up "
                                         "(`edge-agent backup`), and mend the link.");
  }
  return doctor::Sound(check, whole);
}

Finding WaitingForPeople(const Json& status) {
  const std::string check = "people";
  const std::string found = Text(status["quarantined"]) + " revisions in quarantine at the centre, " +
                            Text(status["proposalsWaiting"]) + " proposals to endorse.";
  if (status["quarantined"] != 0 || status["proposalsWaiting"] != 0) {
    return doctor::Warning(check, found, "Ask the data manager about the quarantine; answer "
                                         "proposals with `edge-agent endorse list`.");
  }
  return doctor::Sound(check, found);
}

Result<Json> StatusOf(LocalAgent& agent) {
  if (!agent.running()) {
    EDCSYNC_ASSIGN(const std::string text, StatusJson(agent.store(), SyncView()));
    return Json::parse(text);
  }
  EDCSYNC_ASSIGN(const HttpResponse response, agent.Get("/v1/status"));
  return Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
}

void AddDeepCheck(Diagnosis& report, LocalAgent& agent) {
  Result<std::string> found = Fail(ErrorCode::kInternal, "");
  if (agent.running()) {
    Result<HttpResponse> response = agent.Post("/v1/check", "{}", "application/json");
    if (response.ok()) found = std::move(response->body);
    else found = tl::unexpected<Error>(response.error());
  } else {
    found = CheckJson(agent.store(), [](std::string_view, int) {});
  }
  if (!found.ok()) return report.Add(doctor::Problem("database.content", found.error()));
  const Json json = Json::parse(*found, nullptr, /*allow_exceptions=*/false);
  if (json.value("sound", false)) {
    return report.Add(doctor::Sound("database.content",
                                    "Audit chain, outbox and every sealed revision are sound."));
  }
  for (const Json& finding : json["findings"]) {
    report.Add(doctor::Problem("database.content", Text(finding),
                               "Stop the agent, keep the database as it is, restore or report it."));
  }
}

void AddAgent(Diagnosis& report, const Config& config, const Examination& examination, WallTime now) {
  const std::vector<std::string> rest = {"clock.drift", "link", "outbox", "people"};
  Result<LocalAgent> agent = LocalAgent::Reach(config);
  if (!agent.ok()) {
    report.Add(doctor::NotChecked("agent", "No agent runs."));
    report.Add(doctor::Problem("database.open", agent.error()));
    return report.AddNotChecked(rest, "The database cannot be opened.");
  }
  report.Add(agent->running()
                 ? doctor::Sound("agent", "The agent runs and answers on its local API.")
                 : doctor::Warning("agent", "No agent runs: nothing is captured or delivered.",
                                   "Start it (`systemctl start edcsync-edge-agent`, or `edge-agent "
                                   "run`); its log says why it ended."));
  if (!agent->running()) {
    report.Add(doctor::Sound("database.open", "Its key opens the database of this edge."));
  }
  const Result<Json> status = StatusOf(*agent);
  if (!status.ok() || !status->is_object()) {
    report.Add(doctor::Problem("agent.status", status.ok() ? Error{ErrorCode::kInternal, "no status"}
                                                           : status.error()));
    return report.AddNotChecked(rest, "The agent gives no status.");
  }
  doctor::Drift drift;
  if (!(*status)["clockDriftMs"].is_null()) drift.ms = (*status)["clockDriftMs"].get<std::int64_t>();
  if (!(*status)["lastContactAt"].is_null()) {
    drift.measured_at = ParseTime((*status)["lastContactAt"].get<std::string>());
  }
  report.Add(doctor::CheckDrift(drift, now));
  report.Add(LinkFinding(*status));
  report.Add(OutboxFinding(*status, now));
  report.Add(WaitingForPeople(*status));
  if (examination.deep) AddDeepCheck(report, *agent);
}

}  // namespace

Diagnosis Examine(const std::string& dir, const Examination& examination, const Clock& clock) {
  Diagnosis report;
  const Result<Config> config = LoadConfig(dir);
  if (!config.ok()) {
    report.SetUnconfigured();
    report.Add(doctor::Problem("configuration", config.error()));
    report.AddNotChecked({"clock", "files", "certificates", "disk", "database", "agent", "broker"},
                         "The configuration does not load.");
    return report;
  }
  const WallTime now = clock.Wall();
  report.Add(doctor::Sound("configuration", "It loads: edge " + config->edge.str() + " of site " +
                                                config->site.str() + "."));
  report.Add(doctor::CheckKernelClock(doctor::ReadKernelClock()));
  const bool has_run = IsThere(config->data_dir);
  AddFiles(report, *config, has_run);
  AddCertificates(report, *config, now);
  AddDisk(report, *config, examination, has_run, clock);
  if (!IsThere(config->DatabaseFile())) {
    report.AddNotChecked({"database.pages", "agent", "link", "outbox"},
                         "The agent has not run yet: there is no database.");
  } else {
    report.Add(doctor::CheckDatabasePages("database.pages", config->DatabaseFile()));
    AddAgent(report, *config, examination, now);
  }
  report.Add(doctor::CheckBroker({config->broker_host, config->broker_port, config->ca_file,
                                  config->certificate_file, config->key_file, "at the centre"},
                                 now));
  return report;
}

}  // namespace edcsync::edge
