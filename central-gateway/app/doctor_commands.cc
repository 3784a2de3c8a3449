// doctor, support-bundle.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "central-gateway/admin/broker_files.h"
#include "central-gateway/app/commands.h"
#include "central-gateway/app/doctor.h"
#include "central-gateway/desk/central_queries.h"
#include "schema/migrations.h"
#include "shared/base/file.h"
#include "shared/base/release.h"
#include "shared/doctor/database_checks.h"
#include "shared/doctor/redaction.h"
#include "shared/doctor/support_bundle.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kSmallFileBytesMax = 1024 * 1024;
constexpr std::size_t kLogBytesMax = 2 * 1024 * 1024;

struct BundleRequest {
  std::string file;
  std::string log;
};

int Doctor(CommandContext& context, const Examination& examination, bool strict) {
  StartLog({"central-gateway", LogLevel::kError});
  const doctor::Diagnosis report = Examine(context.dir, examination, context.clock);
  const std::string text = context.json ? report.ToJson().dump(2) + "\n" : report.ToText();
  std::fputs(text.c_str(), stdout);
  return report.ExitCode(strict);
}

std::string TextOr(const Result<std::string>& text) {
  return text.ok() ? *text : "(not collected: " + text.error().message + ")\n";
}

void AddBroker(doctor::SupportBundle& bundle, const Installation& installation) {
  const BrokerPaths paths = BrokerPathsIn(installation.dir);
  bundle.Add("broker/mosquitto.conf", TextOr(ReadFile(paths.config_file, kSmallFileBytesMax)));
  bundle.Add("broker/acl", TextOr(ReadFile(paths.acl_file, kSmallFileBytesMax)));
  const Result<std::string> log = doctor::ReadTail(paths.log_file, kLogBytesMax);
  bundle.Add("broker/mosquitto.log",
             log.ok() ? doctor::RedactBrokerLog(*log, kLogBytesMax) : TextOr(log));
}

Result<Json> CentreStatus(CommandContext& context, const Installation& installation) {
  EDCSYNC_TRY(doctor::RequireSchemaVersion(installation.DatabaseFile(),
                                           schema::CentralMigrations().size()));
  EDCSYNC_ASSIGN(const std::unique_ptr<CentralStore> store, OpenStore(context));
  EDCSYNC_ASSIGN(const std::string text, StatusJson(*store));
  Json status = Json::parse(text);
  // A person's words why; they may name a subject.
  for (Json& edge : status["edges"]) edge.erase("standingReason");
  return status;
}

Status MakeBundle(CommandContext& context, const BundleRequest& request) {
  doctor::SupportBundle bundle;
  bundle.AddJson("machine.json", doctor::DescribeMachine("central-gateway", kRelease));
  const Json report =
      Json::parse(doctor::WithoutRecordKeys(Examine(context.dir, {}, context.clock).ToJson().dump()),
                  nullptr, false);
  bundle.AddJson("doctor.json", report);
  const Result<std::string> toml =
      ReadFile(context.dir + "/central-gateway.toml", kSmallFileBytesMax);
  bundle.Add("central-gateway.toml",
             toml.ok() ? doctor::RedactConfiguration(*toml) : TextOr(toml));
  const Result<Config> config = LoadConfig(context.dir);
  if (config.ok()) {
    const Installation& installation = config->installation;
    bundle.AddJson("status.json", CentreStatus(context, installation));
    bundle.AddJson("database.json", doctor::DescribeDatabase(installation.DatabaseFile()));
    bundle.AddJson("certificates.json",
                   doctor::DescribeCertificates({installation.Pki("ca.crt"),
                                                 installation.Pki("gateway.crt"),
                                                 installation.Pki("broker.crt"),
                                                 installation.Pki("desk.crt")}));
    AddBroker(bundle, installation);
  }
  if (!request.log.empty()) {
    EDCSYNC_ASSIGN(const std::string log, doctor::ReadTail(request.log, kLogBytesMax));
    bundle.Add("log.ndjson", doctor::RedactJsonLog(log, kLogBytesMax));
  }
  return bundle.WriteTo(request.file, "support-central-gateway", context.clock.Wall());
}

int SupportBundleCommand(CommandContext& context, const BundleRequest& request) {
  const Status made = MakeBundle(context, request);
  if (!made.ok()) return Report(made.error());
  std::printf(
      "Wrote %s: configuration, findings, status, row counts, certificates, the broker's "
      "configuration and log%s. No keys, passwords, item values or SubjectKeys are in it; look at it "
      "before you send it (tar -xzf).\n",
      request.file.c_str(), request.log.empty() ? "" : ", the gateway's log");
  return kExitOk;
}

}  // namespace

void AddDoctorCommands(CLI::App& app, CommandContext& context) {
  auto examination = std::make_shared<Examination>();
  auto strict = std::make_shared<bool>(false);
  CLI::App* doctor =
      app.add_subcommand("doctor", "What is wrong on this machine, and what to do about it")
          ->fallthrough();
  doctor->add_flag("--deep", examination->deep, "The whole of `check` too");
  doctor->add_flag("--strict", *strict, "Exit code 1 for warnings, too");
  doctor->callback([&context, examination, strict] {
    context.code = Doctor(context, *examination, *strict);
  });
  auto request = std::make_shared<BundleRequest>();
  CLI::App* support =
      app.add_subcommand("support-bundle", "What helps others help, without secrets or values")
          ->fallthrough();
  support->add_option("FILE", request->file, "A .tar.gz; must not exist")->required();
  support->add_option("--log", request->log,
                      "The gateway's log (JSON lines), or - for standard input");
  support->callback([&context, request] { context.code = SupportBundleCommand(context, *request); });
}

}  // namespace edcsync::central
