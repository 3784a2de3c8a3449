// init, run, status, check.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "central-gateway/admin/restore.h"
#include "central-gateway/app/commands.h"
#include "central-gateway/app/gateway.h"
#include "central-gateway/desk/central_queries.h"
#include "shared/base/folders.h"
#include "shared/base/json.h"
#include "shared/base/stop_signal.h"

namespace edcsync::central {
namespace {

// `named`: whether the command line says --dir. Else an installed gateway is made.
int Init(CommandContext& context, const InitOptions& options, const std::string& data,
         bool named) {
  if (!named) context.dir = FolderForNewConfig(std::getenv("EDCSYNC_GATEWAY_DIR"));
  const Installation installation(
      context.dir + "/central-gateway.toml",
      data.empty() ? DefaultDataFolder(context.dir, "central-gateway", context.dir) : data);
  const Status made = Initialize(installation, options, context.clock, context.random);
  if (!made.ok()) return Report(made.error());
  const bool installed = context.dir == kConfigFolder;
  const std::string option = installed ? "" : " --dir " + context.dir;
  std::printf(
      "A gateway was made in %s.\n\n"
      "Next:\n"
      "%s"
      "  central-gateway%s edge invite EDGE --site SITEOID\n\n"
      "Keep pki/ca.key and central.key safe: without them no edge can be added and no "
      "value read.\n",
      installation.dir.c_str(),
      installed ? "" : ("  central-gateway" + option + " run\n").c_str(), option.c_str());
  if (installed) {
    std::printf("The service edcsync-central-gateway starts by itself now that %s is there.\n",
                installation.Config().c_str());
  }
  return kExitOk;
}

int Run(CommandContext& context, const std::string& gateway_id, bool outside_broker) {
  BlockStopSignals();
  Result<Config> config = LoadConfig(context.dir);
  if (!config.ok()) return Report(config.error());
  if (!gateway_id.empty()) config->gateway = GatewayId(gateway_id);
  if (outside_broker) config->broker_managed = false;
  if (!IsDeviceName(config->gateway.str())) {
    return Report({ErrorCode::kUsage, "--gateway-id must be 1 to 64 of A-Z a-z 0-9 . _ -"});
  }
  StartLog({"central-gateway", config->log_level});
  Result<std::unique_ptr<Gateway>> gateway = Gateway::Start(*config);
  if (!gateway.ok()) return Report(gateway.error());
  WaitForStopSignal();
  Log(LogLevel::kInfo, "gateway.stopping");
  gateway->reset();
  return kExitOk;
}

Status PrintCentreStatus(CommandContext& context, CentralStore& store) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  EDCSYNC_ASSIGN(const std::string body, StatusJson(store, ScheduleOf(config, context.clock)));
  Json json = Json::parse(body);
  EDCSYNC_ASSIGN(const RestoreGaps gaps, ReadRestoreGaps(config.installation));
  json["restoredAt"] = gaps.restored_at ? Json(FormatUtc(*gaps.restored_at)) : Json(nullptr);
  json["decisionsUnsignedSinceRestore"] = gaps.decisions_unsigned;
  if (context.json) {
    std::printf("%s\n", json.dump(2).c_str());
    return Ok();
  }
  std::printf("records          %s (%s revisions, %s duplicates dropped)\n",
              Text(json["records"]).c_str(), Text(json["revisions"]).c_str(),
              Text(json["duplicatesDropped"]).c_str());
  std::printf("conflicts        %s open, %s ended\n", Text(json["conflictsOpen"]).c_str(),
              Text(json["conflictsEnded"]).c_str());
  std::printf("in quarantine    %s\n", Text(json["quarantineWaiting"]).c_str());
  std::printf("audit entries    %s\n", Text(json["auditEntries"]).c_str());
  if (gaps.restored_at) {
    std::printf("restored         %s; %s decisions came back without their signatures\n",
                Text(json["restoredAt"]).c_str(),
                Text(json["decisionsUnsignedSinceRestore"]).c_str());
  }
  for (const Json& study : json["studies"]) {
    std::printf("study            %s, metadata %s\n", Text(study["studyOID"]).c_str(),
                Text(study["metaDataVersionOID"]).c_str());
  }
  for (const Json& edge : json["edges"]) {
    std::printf("edge %-12s site %s, %s, received through %s, last contact %s\n",
                Text(edge["edgeId"]).c_str(), Text(edge["siteOID"]).c_str(),
                Text(edge["standing"]).c_str(), Text(edge["acknowledgedThrough"]).c_str(),
                Text(edge["lastContactAt"]).c_str());
    std::printf("                  %s\n", ComparisonText(edge).c_str());
  }
  return Ok();
}

Status CheckAll(CommandContext& context, CentralStore& store, bool& sound) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  EDCSYNC_ASSIGN(const std::vector<std::string> findings, store.Check([&](std::string_view what,
                                                                          int percent) {
    if (context.json || !terminal) return;
    std::fprintf(stderr, "\r\033[K%.*s %d %%", static_cast<int>(what.size()), what.data(), percent);
  }));
  if (!context.json && terminal) std::fprintf(stderr, "\r\033[K");
  sound = findings.empty();
  if (context.json) {
    std::printf("%s\n", Json{{"sound", sound}, {"findings", findings}}.dump(2).c_str());
    return Ok();
  }
  for (const std::string& finding : findings) std::printf("%s\n", finding.c_str());
  std::printf("%s\n", sound ? "Sound: database, audit chain, records, conflicts, edges and every "
                              "sealed revision."
                            : "Stop the gateway, keep the database as it is, and restore or "
                              "report it.");
  return Ok();
}

}  // namespace

void AddServiceCommands(CLI::App& app, CommandContext& context) {
  auto init = std::make_shared<InitOptions>();
  CLI::App* make = app.add_subcommand("init", "Make a gateway in --dir: CA, keys, database");
  make->fallthrough();
  make->add_option("--broker-host", init->broker_host, "Name by which edges reach the broker");
  make->add_option("--broker-port", init->broker_port, "TLS port of the broker")
      ->check(CLI::Range(1, 65535));
  make->add_option("--broker-address", init->broker_address,
                   "Address the managed broker listens on");
  make->add_option("--desk-port", init->desk_port, "HTTPS port of the conflict desk; 0: any free")
      ->check(CLI::Range(0, 65535));
  make->add_option("--enrolment-address", init->enrolment_address,
                   "Address that sites enrol at; default: the broker's");
  make->add_option("--enrolment-port", init->enrolment_port,
                   "HTTPS port where sites enrol; 0: any free")
      ->check(CLI::Range(0, 65535));
  make->add_option("--also", init->extra_hosts, "Further names or addresses of the broker");
  auto data = std::make_shared<std::string>();
  make->add_option("--data", *data,
                   "Folder for store, keys and certificates (default: --dir, or "
                   "/var/lib/edcsync/central-gateway if that is /etc/edcsync)");
  make->callback([&context, &app, init, data] {
    context.code = Init(context, *init, *data, app.count("--dir") > 0);
  });

  auto gateway_id = std::make_shared<std::string>();
  auto outside = std::make_shared<bool>(false);
  CLI::App* run = app.add_subcommand("run", "Run the service until SIGTERM")->fallthrough();
  run->add_option("--gateway-id", *gateway_id, "This process's id, if several share the centre");
  run->add_flag("--outside-broker", *outside, "Do not start the managed broker");
  run->callback(
      [&context, gateway_id, outside] {
        if (!context.check_config) context.code = Run(context, *gateway_id, *outside);
      });

  app.add_subcommand("status", "Counts, edges, studies")->fallthrough()->callback([&context] {
    context.code =
        WithStore(context, [&](CentralStore& store) { return PrintCentreStatus(context, store); });
  });

  AddBackupCommands(app, context);
  AddDoctorCommands(app, context);

  app.add_subcommand("check", "Verify database, audit chain, heads, conflicts and every revision")
      ->fallthrough()
      ->callback([&context] {
        bool sound = false;
        context.code = WithStore(
            context, [&](CentralStore& store) { return CheckAll(context, store, sound); });
        if (context.code == kExitOk && !sound) context.code = kExitRefused;
      });
}

}  // namespace edcsync::central
