// doctor, support-bundle.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "edge-agent/app/asking.h"
#include "edge-agent/app/doctor.h"
#include "edge-agent/site/site_queries.h"
#include "schema/migrations.h"
#include "shared/base/exit_code.h"
#include "shared/base/file.h"
#include "shared/base/release.h"
#include "shared/doctor/database_checks.h"
#include "shared/doctor/redaction.h"
#include "shared/doctor/support_bundle.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kConfigurationBytesMax = 1024 * 1024;
constexpr std::size_t kLogBytesMax = 2 * 1024 * 1024;

struct BundleRequest {
  std::string file;
  std::string log;
};

int Doctor(const std::string& dir, const Examination& examination, bool strict, bool json) {
  const SystemClock clock;
  const doctor::Diagnosis report = Examine(dir, examination, clock);
  const std::string text = json ? report.ToJson().dump(2) + "\n" : report.ToText();
  std::fputs(text.c_str(), stdout);
  return report.ExitCode(strict);
}

std::string ConfigurationFile(const std::string& dir) {
  std::error_code ignored;
  return std::filesystem::is_directory(dir, ignored) ? dir + "/edge-agent.toml" : dir;
}

Result<Json> AgentStatus(const std::string& dir, const Config& config) {
  EDCSYNC_TRY(
      doctor::RequireSchemaVersion(config.DatabaseFile(), schema::EdgeMigrations().size()));
  return Ask(dir, "/v1/status",
             [](EdgeStore& store) { return StatusJson(store, SyncView()); });
}

Status MakeBundle(const std::string& dir, const BundleRequest& request) {
  const SystemClock clock;
  doctor::SupportBundle bundle;
  bundle.AddJson("machine.json", doctor::DescribeMachine("edge-agent", kRelease));
  const Json report = Json::parse(
      doctor::WithoutRecordKeys(Examine(dir, {}, clock).ToJson().dump()), nullptr, false);
  bundle.AddJson("doctor.json", report);
  const Result<std::string> toml = ReadFile(ConfigurationFile(dir), kConfigurationBytesMax);
  bundle.Add("edge-agent.toml", toml.ok() ? doctor::RedactConfiguration(*toml)
                                          : "# " + toml.error().ToString() + "\n");
  const Result<Config> config = LoadConfig(dir);
  if (config.ok()) {
    bundle.AddJson("status.json", AgentStatus(dir, *config));
    bundle.AddJson("database.json", doctor::DescribeDatabase(config->DatabaseFile()));
    bundle.AddJson("certificates.json",
                   doctor::DescribeCertificates({config->ca_file, config->certificate_file,
                                                 config->gateway_certificate_file}));
  }
  if (!request.log.empty()) {
    EDCSYNC_ASSIGN(const std::string log, doctor::ReadTail(request.log, kLogBytesMax));
    bundle.Add("log.ndjson", doctor::RedactJsonLog(log, kLogBytesMax));
  }
  return bundle.WriteTo(request.file, "support-edge-agent", clock.Wall());
}

int SupportBundleCommand(const std::string& dir, const BundleRequest& request) {
  const Status made = MakeBundle(dir, request);
  if (!made.ok()) return Report(made.error());
  std::printf(
      "Wrote %s: configuration, findings, status, row counts, certificates%s. No keys, tokens, item "
      "values or SubjectKeys are in it; look at it before you send it (tar -xzf).\n",
      request.file.c_str(), request.log.empty() ? "" : " and log");
  return kExitOk;
}

}  // namespace

void AddDoctorCommands(CLI::App& app, const std::string& dir, const bool& json, int& code) {
  auto examination = std::make_shared<Examination>();
  auto strict = std::make_shared<bool>(false);
  CLI::App* doctor =
      app.add_subcommand("doctor", "What is wrong on this machine, and what to do about it")
          ->fallthrough();
  doctor->add_flag("--deep", examination->deep, "The whole of `check` too");
  doctor->add_flag("--strict", *strict, "Exit code 1 for warnings, too");
  doctor->callback([&dir, &json, &code, examination, strict] {
    code = Doctor(dir, *examination, *strict, json);
  });
  auto request = std::make_shared<BundleRequest>();
  CLI::App* support =
      app.add_subcommand("support-bundle", "What helps others help, without secrets or values")
          ->fallthrough();
  support->add_option("FILE", request->file, "A .tar.gz; must not exist")->required();
  support->add_option("--log", request->log,
                      "The agent's log (JSON lines), or - for standard input");
  support->callback([&dir, &code, request] { code = SupportBundleCommand(dir, *request); });
}

}  // namespace edcsync::edge
