#include "central-gateway/app/commands.h"

#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "shared/base/config_check.h"
#include "shared/base/folders.h"
#include "central-gateway/app/enrolment_commands.h"
#include "shared/base/release.h"

namespace edcsync::central {
namespace {

std::string AccountName() {
  const passwd* account = getpwuid(geteuid());
  return account == nullptr ? "uid " + std::to_string(geteuid()) : account->pw_name;
}

}  // namespace

int Report(const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.ToString().c_str());
  if (error.code == ErrorCode::kUsage || error.code == ErrorCode::kConfiguration) {
    return kExitUsage;
  }
  return Describe(error.code).retry == Retry::kTransient ? kExitUnavailable : kExitRefused;
}

Result<std::unique_ptr<CentralStore>> OpenStore(CommandContext& context) {
  EDCSYNC_ASSIGN(Config config, LoadConfig(context.dir));
  config.keys.pkcs11.try_pin_again = context.try_pin;
  context.keys = KeySourcesOf(config);
  StartLog({"central-gateway", LogLevel::kError});
  SqliteCentralStoreOptions options;
  options.path = config.installation.DatabaseFile();
  options.key_file = config.keys.file;
  options.keys = context.keys;
  options.cache_kib = 16 * 1024;
  options.start_writer = false;
  options.holder = "command-" + std::to_string(getpid());
  return OpenSqliteCentralStore(options, context.clock, context.random);
}

ComparisonSchedule ScheduleOf(const Config& config, const Clock& clock) {
  return {config.reconcile_every_hours * 3'600'000, clock.Wall()};
}

int WithStore(CommandContext& context, const std::function<Status(CentralStore&)>& run) {
  const Result<std::unique_ptr<CentralStore>> store = OpenStore(context);
  if (!store.ok()) return Report(store.error());
  const Status done = run(**store);
  return done.ok() ? kExitOk : Report(done.error());
}

int RunCommandLine(int argc, char** argv) {
  CommandContext context;
  context.dir = FindConfigFolder(std::getenv("EDCSYNC_GATEWAY_DIR"), "central-gateway.toml");
  context.user = AccountName();
  CLI::App app(
      "edcsync central gateway: merges CRF records of every site, keeps every revision, and queues "
      "what a rule cannot settle for a data manager.\n"
      "Exit codes: 0 done, 1 refused or findings, 2 wrong use or configuration, 3 not available "
      "now.",
      "central-gateway");
  app.set_version_flag("--version", std::string("central-gateway ") + kRelease);
  app.require_subcommand(0, 1)->fallthrough();
  app.add_option("--dir", context.dir,
                 "The folder of central-gateway.toml (default: $EDCSYNC_GATEWAY_DIR, or the "
                 "current folder if it has that file, or /etc/edcsync)");
  app.add_flag("--check-config", context.check_config,
               "Only read central-gateway.toml, name everything that is wrong with it, and end");
  app.add_flag("--json", context.json, "Print JSON for scripts");
  app.add_option("--user", context.user, "Who acts; stands in the audit trail");
  app.add_option("--reason", context.reason, "Why; stands in the audit trail");
  AddServiceCommands(app, context);
  AddEdgeCommands(app, context);
  AddRecordCommands(app, context);
  AddDeskCommands(app, context);
  AddUserCommands(app, context);
  AddNoticesCommands(app, context);
  AddKeyCommands(app, context);
  AddReconcileCommands(app, context);
  AddRotationCommands(app, context);
  try {
    app.parse(argc, argv);
    if (context.check_config) return PrintConfigCheck(LoadConfig(context.dir), context.json);
    if (app.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return context.code;
}

}  // namespace edcsync::central
