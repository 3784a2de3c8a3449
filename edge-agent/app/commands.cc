#include "edge-agent/app/commands.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "edge-agent/app/agent.h"
#include "edge-agent/app/asking.h"
#include "edge-agent/app/backup_commands.h"
#include "edge-agent/app/doctor.h"
#include "edge-agent/app/endorse_commands.h"
#include "edge-agent/app/key_commands.h"
#include "edge-agent/app/reconcile_commands.h"
#include "edge-agent/app/enroll_command.h"
#include "edge-agent/app/submit_command.h"
#include "edge-agent/site/site_queries.h"
#include "shared/base/config_check.h"
#include "shared/base/exit_code.h"
#include "shared/base/folders.h"
#include "shared/base/json.h"
#include "shared/base/release.h"
#include "shared/base/stop_signal.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kPage = 500;

struct Options {
  std::string dir;
  bool json = false;
  bool history = false;
  bool all = false;
  bool check_config = false;
  std::string key;
  RecordTable::Filter filter;
  SubmitOptions submit;
};

// "123456789" as it is, percent-encoded for a query.
std::string Encoded(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) {
    char escaped[4];
    std::snprintf(escaped, sizeof escaped, "%%%02X", c);
    out += escaped;
  }
  return out;
}

int Run(const Options& options) {
  BlockStopSignals();
  const Result<Config> config = LoadConfig(options.dir);
  if (!config.ok()) return Report(config.error());
  StartLog({"edge-agent", config->log_level});
  Result<std::unique_ptr<Agent>> agent = Agent::Start(*config);
  if (!agent.ok()) return Report(agent.error());
  WaitForStopSignal();
  Log(LogLevel::kInfo, "agent.stopping");
  agent->reset();
  return kExitOk;
}

int StatusCommand(const Options& options) {
  const Result<Json> status = Ask(options.dir, "/v1/status",
                                  [](EdgeStore& store) { return StatusJson(store, SyncView()); });
  if (!status.ok()) return Report(status.error());
  if (options.json) {
    std::printf("%s\n", status->dump(2).c_str());
    return kExitOk;
  }
  const Json& json = *status;
  const Json& sync = json["sync"];
  std::printf("edge            %s, site %s\n", Text(json["edgeId"]).c_str(),
              Text(json["siteOID"]).c_str());
  std::printf("records         %s (%s revisions)\n", Text(json["records"]).c_str(),
              Text(json["revisions"]).c_str());
  std::printf("waiting         %s of %s captured%s\n", Text(json["waiting"]).c_str(),
              Text(json["captured"]).c_str(),
              json["oldestWaitingAt"].is_null()
                  ? ""
                  : (", the oldest since " + Text(json["oldestWaitingAt"])).c_str());
  std::printf("link            %s since %s%s\n", Text(sync["state"]).c_str(),
              Text(sync["since"]).c_str(),
              Text(sync["lastError"]).empty() ? "" : (": " + Text(sync["lastError"])).c_str());
  if (!sync["heldBack"].is_null()) {
    std::printf("HELD BACK       %s, since %s. What waits here is kept and tried again by itself.\n",
                Text(sync["heldBack"]["why"]).c_str(), Text(sync["heldBack"]["since"]).c_str());
  }
  std::printf("last contact    %s, clock %s ms from the centre's\n",
              Text(json["lastContactAt"]).c_str(), Text(json["clockDriftMs"]).c_str());
  const Json& certificate = json["certificate"];
  if (!certificate.is_null()) {
    std::printf("certificate     until %s, %s%s\n", Text(certificate["notAfter"]).c_str(),
                certificate["renewsAt"].is_null()
                    ? "not renewed by itself (no [enrolment] address)"
                    : ("renewed about " + Text(certificate["renewsAt"])).c_str(),
                Text(certificate["lastError"]).empty()
                    ? ""
                    : ("; last attempt: " + Text(certificate["lastError"])).c_str());
  }
  std::printf("open conflicts  %s\n", Text(json["conflictsOpen"]).c_str());
  std::printf("to endorse      %s\n", Text(json["proposalsWaiting"]).c_str());
  std::printf("in quarantine   %s\n", Text(json["quarantined"]).c_str());
  if (!json["stoppedFor"].is_null()) {
    std::printf("STOPPED         %s %s\n", Text(json["stoppedFor"]["message"]).c_str(),
                Text(json["stoppedFor"]["advice"]).c_str());
  }
  return kExitOk;
}

void PrintRevision(const Json& revision) {
  std::printf("version %s  %s  %s  %s%s%s\n", Text(revision["version"]).c_str(),
              Text(revision["editedAt"]).c_str(), Text(revision["origin"]).c_str(),
              revision.contains("user") ? Text(revision["user"]).c_str() : "-",
              revision.value("current", false) ? "  (current)" : "",
              revision.contains("remove") ? "  (removed)" : "");
  std::printf("  revision %s\n", Text(revision["revisionId"]).c_str());
  if (revision.contains("reasonForChange")) {
    std::printf("  reason   %s\n", Text(revision["reasonForChange"]).c_str());
  }
  for (const Json& group : revision["itemGroups"]) {
    std::printf("  %s[%s]\n", Text(group["itemGroupOID"]).c_str(),
                Text(group["itemGroupRepeatKey"]).c_str());
    for (const auto& [item, value] : group["items"].items()) {
      std::printf("    %-28s %s\n", item.c_str(),
                  value.is_null() ? "(not done)" : Text(value).c_str());
    }
  }
}

int RecordShow(const Options& options) {
  const Result<RecordKey> key = ParseRecordKey(options.key);
  if (!key.ok()) return Report(key.error());
  const Result<Json> record =
      Ask(options.dir, "/v1/records/" + ToString(*key) + (options.history ? "?history=1" : ""),
          [&](EdgeStore& store) { return RecordJson(store, *key, options.history); });
  if (!record.ok()) return Report(record.error());
  if (options.json) {
    std::printf("%s\n", record->dump(2).c_str());
    return kExitOk;
  }
  std::printf("%s%s%s\n", Text((*record)["key"]).c_str(),
              (*record)["conflict"].is_null() ? "" : "  (in conflict)",
              (*record)["locked"].get<bool>() ? "  (locked)" : "");
  std::printf("trace %s\n", Text((*record)["traceId"]).c_str());
  if (!options.history) {
    PrintRevision((*record)["current"]);
    return kExitOk;
  }
  for (const Json& revision : (*record)["history"]) PrintRevision(revision);
  return kExitOk;
}

int RecordList(const Options& options) {
  std::string after;
  Json all = Json::array();
  do {
    RecordListQuery query;
    query.filter = options.filter;
    query.count_max = kPage;
    if (!after.empty()) query.after = *ParseRecordKey(after);
    const Result<Json> page = Ask(
        options.dir,
        "/v1/records?limit=" + std::to_string(kPage) + "&after=" + Encoded(after) +
            "&study=" + Encoded(options.filter.study) +
            "&subject=" + Encoded(options.filter.subject) + "&form=" + Encoded(options.filter.form),
        [&](EdgeStore& store) { return RecordListJson(store, query); });
    if (!page.ok()) return Report(page.error());
    for (const Json& row : (*page)["records"]) {
      if (options.json) {
        all.push_back(row);
      } else {
        std::printf("%s  version %s%s%s\n", Text(row["key"]).c_str(), Text(row["version"]).c_str(),
                    row["removed"].get<bool>() ? "  removed" : "",
                    row["conflict"].get<bool>() ? "  in conflict" : "");
      }
    }
    after = (*page)["next"].is_null() ? "" : (*page)["next"].get<std::string>();
  } while (!after.empty());
  if (options.json) std::printf("%s\n", all.dump(2).c_str());
  return kExitOk;
}

Result<std::string> NextExportPage(LocalAgent& agent, const Options& options,
                                   const std::string& after, std::string& next) {
  if (!agent.running()) {
    std::optional<RecordKey> key;
    if (!after.empty()) key = *ParseRecordKey(after);
    return ExportPage(agent.store(), key, kPage, options.history, next);
  }
  EDCSYNC_ASSIGN(HttpResponse response,
                 agent.Get("/v1/export?limit=" + std::to_string(kPage) +
                           "&after=" + Encoded(after) + (options.history ? "&history=1" : "")));
  const auto header =
      std::find_if(response.headers.begin(), response.headers.end(), [](const auto& entry) {
        return entry.first == "edcsync-next" || entry.first == "Edcsync-Next";
      });
  next = header == response.headers.end() ? "" : header->second;
  return std::move(response.body);
}

int Export(const Options& options) {
  const Result<Config> config = LoadConfig(options.dir);
  if (!config.ok()) return Report(config.error());
  Result<LocalAgent> agent = LocalAgent::Reach(*config);
  if (!agent.ok()) return Report(agent.error());
  std::string after;
  do {
    std::string next;
    const Result<std::string> lines = NextExportPage(*agent, options, after, next);
    if (!lines.ok()) return Report(lines.error());
    if (std::fwrite(lines->data(), 1, lines->size(), stdout) != lines->size()) {
      return Report({ErrorCode::kIo, "The export could not be written"});
    }
    after = next;
  } while (!after.empty());
  return kExitOk;
}

int OutboxList(const Options& options) {
  std::uint64_t after = 0;
  Json all = Json::array();
  while (true) {
    const Result<Json> page = Ask(
        options.dir,
        "/v1/outbox?limit=" + std::to_string(kPage) + "&after=" + std::to_string(after) +
            (options.all ? "" : "&waiting=1"),
        [&](EdgeStore& store) { return OutboxJson(store, Sequence(after), kPage, !options.all); });
    if (!page.ok()) return Report(page.error());
    for (const Json& row : (*page)["rows"]) {
      if (options.json) {
        all.push_back(row);
      } else {
        std::printf("%s  %s  %s version %s  %s %s\n", Text(row["sequence"]).c_str(),
                    Text(row["queuedAt"]).c_str(), Text(row["key"]).c_str(),
                    Text(row["version"]).c_str(), Text(row["state"]).c_str(),
                    Text(row["reason"]).c_str());
      }
    }
    if ((*page)["next"].is_null()) break;
    after = (*page)["next"].get<std::uint64_t>();
  }
  if (options.json) std::printf("%s\n", all.dump(2).c_str());
  return kExitOk;
}

int CheckCommand(const Options& options) {
  const Result<Config> config = LoadConfig(options.dir);
  if (!config.ok()) return Report(config.error());
  Result<LocalAgent> agent = LocalAgent::Reach(*config);
  if (!agent.ok()) return Report(agent.error());
  std::string body;
  if (agent->running()) {
    Result<HttpResponse> response = agent->Post("/v1/check", "{}", "application/json");
    if (!response.ok()) return Report(response.error());
    body = std::move(response->body);
  } else {
    const bool terminal = isatty(STDERR_FILENO) == 1;
    const Result<std::string> found =
        CheckJson(agent->store(), [&](std::string_view what, int percent) {
          if (!options.json && terminal) {
            std::fprintf(stderr, "\r\033[K%.*s %d %%", static_cast<int>(what.size()), what.data(),
                         percent);
          }
        });
    if (!options.json && terminal) std::fprintf(stderr, "\r\033[K");
    if (!found.ok()) return Report(found.error());
    body = *found;
  }
  const Json json = Json::parse(body);
  const bool sound = json["sound"].get<bool>();
  if (options.json) {
    std::printf("%s\n", json.dump(2).c_str());
  } else if (sound) {
    std::printf("Sound: database, audit chain, outbox, records and every sealed revision.\n");
  } else {
    for (const Json& finding : json["findings"]) std::printf("%s\n", Text(finding).c_str());
    std::printf("Stop the agent, keep the database as it is, and restore or report it.\n");
  }
  return sound ? kExitOk : kExitRefused;
}

int WithConfig(const Options& options, const std::function<int(const Config&)>& run) {
  const Result<Config> config = LoadConfig(options.dir);
  return config.ok() ? run(*config) : Report(config.error());
}

void AddSync(CLI::App& app, Options& options, int& code) {
  CLI::App* sync = app.add_subcommand("sync", "Control the link to the centre");
  sync->require_subcommand(1)->fallthrough();
  const auto add = [&](const char* name, const char* help, const char* done) {
    sync->add_subcommand(name, help)->fallthrough()->callback([&, name, done] {
      code = Post(options.dir, "/v1/sync", {{"action", name}}, done);
    });
  };
  add("pause", "Capture goes on; nothing is sent until resume", "Paused.");
  add("resume", "Send again", "Resumed.");
  add("now", "Try at once instead of waiting for the next attempt", "Trying now.");
  add("new-incarnation",
      "After the gateway refused this database and the operator readmitted the edge: begin anew; "
      "everything this edge wrote is offered again and recognised",
      "A new incarnation has begun.");
}

void AddRecords(CLI::App& app, Options& options, int& code) {
  CLI::App* record = app.add_subcommand("record", "Look at records");
  record->require_subcommand(1)->fallthrough();
  CLI::App* show = record->add_subcommand("show", "One record")->fallthrough();
  show->add_option("KEY", options.key, "STUDY/SUBJECT/EVENT[:REPEAT]/FORM[:REPEAT]")->required();
  show->add_flag("--history", options.history, "Every revision, oldest first");
  show->callback([&] { code = RecordShow(options); });
  CLI::App* list = record->add_subcommand("list", "All records in key order")->fallthrough();
  list->add_option("--study", options.filter.study, "Only of this StudyOID");
  list->add_option("--subject", options.filter.subject, "Only of this SubjectKey");
  list->add_option("--form", options.filter.form, "Only of this FormOID");
  list->callback([&] { code = RecordList(options); });
  CLI::App* exporting =
      app.add_subcommand("export", "NDJSON in submission format, in key order")->fallthrough();
  exporting->add_flag("--history", options.history, "Every revision with its identity");
  exporting->callback([&] { code = Export(options); });
  CLI::App* outbox = app.add_subcommand("outbox", "Look at the outbox");
  outbox->require_subcommand(1)->fallthrough();
  CLI::App* waiting = outbox->add_subcommand("list", "What waits")->fallthrough();
  waiting->add_flag("--all", options.all, "Delivered ones too");
  waiting->callback([&] { code = OutboxList(options); });
}

void AddSubmit(CLI::App& app, Options& options, int& code) {
  CLI::App* submit = app.add_subcommand("submit", "Submit NDJSON through the running agent");
  submit->fallthrough();
  submit->add_option("FILE", options.submit.file, "A file, or - for standard input");
  submit->add_option("--rejects", options.submit.rejects_file,
                     "Write lines that were refused or stale to this file");
  submit->add_option("--batch", options.submit.batch, "Lines a request")
      ->check(CLI::Range(1, 1000));
  submit
      ->add_option("--wait", options.submit.wait_s, "Seconds to try again while the agent is away")
      ->check(CLI::Range(0, 86400));
  submit->callback([&] {
    options.submit.json = options.json;
    code = WithConfig(options,
                      [&](const Config& config) { return RunSubmit(config, options.submit); });
  });
}

}  // namespace

int RunCommandLine(int argc, char** argv) {
  Options options;
  options.dir = FindConfigFolder(std::getenv("EDCSYNC_EDGE_DIR"), "edge-agent.toml");
  int code = kExitOk;
  CLI::App app(
      "edcsync edge agent: keeps CRF records safe at the site and brings them to the centre.\n"
      "Exit codes: 0 done, 1 refused or findings, 2 wrong use or configuration, 3 not available "
      "now.",
      "edge-agent");
  app.set_version_flag("--version", std::string("edge-agent ") + kRelease);
  app.require_subcommand(0, 1)->fallthrough();
  app.add_option("--dir,--config", options.dir,
                 "The folder of edge-agent.toml, or that file (default: $EDCSYNC_EDGE_DIR, or the "
                 "current folder if it is there, or /etc/edcsync)");
  app.add_flag("--json", options.json, "Print JSON for scripts");
  app.add_flag("--check-config", options.check_config,
               "Only read edge-agent.toml, name everything that is wrong with it, and end");
  app.add_subcommand("run", "Run the service until SIGTERM")->fallthrough()->callback([&] {
    if (!options.check_config) code = Run(options);
  });
  AddSubmit(app, options, code);
  app.add_subcommand("status", "What waits, and how the link is")->fallthrough()->callback([&] {
    code = StatusCommand(options);
  });
  AddRecords(app, options, code);
  AddEndorseCommands(app, options.dir, options.json, code);
  AddKeyCommands(app, options.dir, options.json, code);
  AddReconcileCommands(app, options.dir, options.json, code);
  AddEnrollCommand(app, options.dir, options.json, code);
  AddSync(app, options, code);
  AddBackupCommands(app, options.dir, code);
  AddDoctorCommands(app, options.dir, options.json, code);
  app.add_subcommand("check", "Verify database, audit chain, outbox and every revision")
      ->fallthrough()
      ->callback([&] { code = CheckCommand(options); });
  try {
    app.parse(argc, argv);
    if (options.check_config) return PrintConfigCheck(LoadConfig(options.dir), options.json);
    if (app.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return code;
}

}  // namespace edcsync::edge
