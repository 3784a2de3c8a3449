// The command line of the central gateway. Commands open the store beside a running gateway; what
// they write is merged and fed by the same code. Each function returns an ExitCode.
#pragma once

#include <memory>

#include "central-gateway/app/config.h"
#include "central-gateway/desk/central_queries.h"
#include "central-gateway/desk/conflict_desk.h"
#include "central-gateway/store/central_store.h"
#include "shared/base/exit_code.h"
#include "shared/keys/key_rotation.h"

namespace CLI {
class App;
}

namespace edcsync::central {

int RunCommandLine(int argc, char** argv);

// What every command may use.
struct CommandContext {
  std::string dir;
  bool json = false;
  bool check_config = false;
  std::string user;    // Who acts: --user, or the operating system's account.
  std::string reason;
  SystemClock clock;
  SystemRandom random;
  int code = kExitOk;
  bool try_pin = false;              // A token's PIN, although the last one was wrong.
  std::shared_ptr<KeySources> keys;  // Of the store that OpenStore opened.

  CentreWriter centre() { return {clock, random}; }
};

// Prints an error for a person and returns its exit code.
int Report(const Error& error);
// The store of the context's directory, without a writer thread.
Result<std::unique_ptr<CentralStore>> OpenStore(CommandContext& context);
// When comparisons of edges are due, by `config`, as of now.
ComparisonSchedule ScheduleOf(const Config& config, const Clock& clock);
// Opens the store, runs, reports.
int WithStore(CommandContext& context, const std::function<Status(CentralStore&)>& run);

// The commands, by what they are about.
void AddServiceCommands(CLI::App& app, CommandContext& context);  // init run status check
void AddBackupCommands(CLI::App& app, CommandContext& context);   // backup restore
void AddDoctorCommands(CLI::App& app, CommandContext& context);   // doctor support-bundle
void AddEdgeCommands(CLI::App& app, CommandContext& context);     // edge study lock
void AddRecordCommands(CLI::App& app, CommandContext& context);   // submit record export feed
                                                                  // audit
void AddDeskCommands(CLI::App& app, CommandContext& context);     // conflict quarantine
void AddUserCommands(CLI::App& app, CommandContext& context);     // user
void AddNoticesCommands(CLI::App& app, CommandContext& context);  // notices
void AddKeyCommands(CLI::App& app, CommandContext& context);      // key

// `reason` may be empty.
KeyedStore KeyedStoreOf(CentralStore& store, const std::string& actor, const std::string& reason);
void AddReconcileCommands(CLI::App& app, CommandContext& context);  // reconcile

}  // namespace edcsync::central
