// init, run, status, backup, restore, check.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "central-gateway/admin/restore.h"
#include "central-gateway/app/commands.h"
#include "central-gateway/app/gateway.h"
#include "central-gateway/desk/central_queries.h"
#include "shared/base/json.h"
#include "shared/base/stop_signal.h"

namespace edcsync::central {
namespace {

int Init(CommandContext& context, const InitOptions& options) {
  const Installation installation(context.dir);
  const Status made = Initialize(installation, options, context.clock, context.random);
  if (!made.ok()) return Report(made.error());
  std::printf(
      "A gateway was made in %s.\n\n"
      "Next:\n"
      "  central-gateway --dir %s run\n"
      "  central-gateway --dir %s edge add EDGE --site SITEOID --out BUNDLE\n\n"
      "Keep pki/ca.key and central.key safe: without them no edge can be added and no "
      "value read.\n",
      context.dir.c_str(), context.dir.c_str(), context.dir.c_str());
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

Status PrintStatus(CommandContext& context, CentralStore& store) {
  EDCSYNC_ASSIGN(const std::string body, StatusJson(store));
  const Json json = Json::parse(body);
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
  for (const Json& study : json["studies"]) {
    std::printf("study            %s, metadata %s\n", Text(study["studyOID"]).c_str(),
                Text(study["metaDataVersionOID"]).c_str());
  }
  for (const Json& edge : json["edges"]) {
    std::printf("edge %-12s site %s, %s, received through %s, last contact %s\n",
                Text(edge["edgeId"]).c_str(), Text(edge["siteOID"]).c_str(),
                Text(edge["standing"]).c_str(), Text(edge["acknowledgedThrough"]).c_str(),
                Text(edge["lastContactAt"]).c_str());
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
  make->add_option("--also", init->extra_hosts, "Further names or addresses of the broker");
  make->callback([&context, init] { context.code = Init(context, *init); });

  auto gateway_id = std::make_shared<std::string>();
  auto outside = std::make_shared<bool>(false);
  CLI::App* run = app.add_subcommand("run", "Run the service until SIGTERM")->fallthrough();
  run->add_option("--gateway-id", *gateway_id, "This process's id, if several share the centre");
  run->add_flag("--outside-broker", *outside, "Do not start the managed broker");
  run->callback(
      [&context, gateway_id, outside] { context.code = Run(context, *gateway_id, *outside); });

  app.add_subcommand("status", "Counts, edges, studies")->fallthrough()->callback([&context] {
    context.code =
        WithStore(context, [&](CentralStore& store) { return PrintStatus(context, store); });
  });

  auto file = std::make_shared<std::string>();
  CLI::App* backup = app.add_subcommand("backup", "A consistent copy while running");
  backup->fallthrough();
  backup->add_option("FILE", *file, "Must not exist")->required();
  backup->callback([&context, file] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      EDCSYNC_TRY(store.Backup(*file, [&](int percent) {
        if (!context.json) {
          std::fprintf(stderr, "\r%d %%%s", percent, percent == 100 ? "\n" : "");
        }
      }));
      std::printf(
          "Backed up to %s. Keep central.key apart from it: without that key it cannot be "
          "read.\n",
          file->c_str());
      return Ok();
    });
  });

  CLI::App* restore =
      app.add_subcommand("restore", "Put a backup in the place of the database (gateway stopped)");
  restore->fallthrough();
  restore->add_option("FILE", *file, "A file made by backup")->required();
  restore->callback([&context, file] {
    const Result<Config> config = LoadConfig(context.dir);
    if (!config.ok()) {
      context.code = Report(config.error());
      return;
    }
    const Status done = RestoreCentralStore(config->installation, *file, context.user,
                                            context.clock, context.random);
    context.code = done.ok() ? kExitOk : Report(done.error());
    if (!done.ok()) return;
    std::printf(
        "Restored, as a new history: edges will offer what the backup does not hold. The "
        "former database was kept beside it.\n");
  });

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
