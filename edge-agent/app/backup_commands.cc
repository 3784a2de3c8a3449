#include "edge-agent/app/backup_commands.h"

#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "edge-agent/app/asking.h"
#include "edge-agent/site/restore.h"
#include "shared/base/exit_code.h"
#include "shared/doctor/database_checks.h"
#include "shared/storage/database_restore.h"

namespace edcsync::edge {
namespace {

constexpr int kCopySecondsMax = 6 * 3600;  // A large database on a slow disk.

struct BackupRequest {
  std::string file;       // With `keep`: a folder.
  std::size_t keep = 0;   // 0: `file` is the backup's own name.
  bool whole = false;
};

std::string AccountName() {
  const passwd* account = ::getpwuid(::geteuid());
  return account == nullptr ? "uid " + std::to_string(::geteuid()) : account->pw_name;
}

Status WriteBackup(LocalAgent& agent, const std::string& file) {
  if (agent.running()) {
    EDCSYNC_TRY(agent.Post("/v1/backup", Json{{"file", file}}.dump(), "application/json"));
    return Ok();
  }
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  return agent.store().Backup(file, [&](int percent) {
    if (terminal) std::fprintf(stderr, "\r%d %%%s", percent, percent == 100 ? "\n" : "");
  });
}

Status Verify(const Config& config, const BackupRequest& request, const std::string& file,
              BackupContent& content) {
  {
    const OpenedBackup opened(file);
    const doctor::Finding pages = doctor::CheckDatabasePages("backup", file);
    if (pages.verdict != doctor::Verdict::kOk) return Fail(ErrorCode::kCorrupt, pages.found);
  }
  const SystemClock clock;
  SystemRandom random;
  EDCSYNC_ASSIGN(content, VerifyEdgeBackup(StoreOptionsOf(config, KeySourcesOf(config)), file,
                                           request.whole, clock, random));
  return Ok();
}

int Backup(const std::string& dir, const BackupRequest& request) {
  const Result<Config> config = LoadConfig(dir);
  if (!config.ok()) return Report(config.error());
  const std::string given = std::filesystem::absolute(request.file).string();
  const std::string prefix = "edge-" + config->edge.str();
  const std::string file =
      request.keep == 0 ? given : DatedBackup(given, prefix, SystemClock().Wall());
  Result<LocalAgent> agent = LocalAgent::Reach(*config, kCopySecondsMax);
  if (!agent.ok()) return Report(agent.error());
  Status done = request.keep == 0 ? Ok()
                                  : CheckRoomForBackup(given, config->DatabaseFile(), config->disk);
  if (done.ok()) done = WriteBackup(*agent, file);
  if (!done.ok()) return Report(done.error());
  BackupContent content;
  done = Verify(*config, request, file, content);
  if (request.keep > 0) {
    done = done.ok() ? KeepNewestBackups(given, prefix, request.keep, file)
                     : SetAsideUnverified(given, prefix, file, done.error());
  }
  if (!done.ok()) return Report(done.error());
  std::printf("Backed up to %s and verified%s: %llu captured revisions. Keep its key (`key status`) "
              "apart from it: without it it cannot be read.\n",
              file.c_str(), request.whole ? " whole" : "",
              static_cast<unsigned long long>(content.captured));
  return kExitOk;
}

int Restore(const std::string& dir, const std::string& file) {
  const Result<Config> config = LoadConfig(dir);
  if (!config.ok()) return Report(config.error());
  const SystemClock clock;
  SystemRandom random;
  const Result<EdgeRestored> restored = RestoreEdgeStore(
      StoreOptionsOf(*config, KeySourcesOf(*config)), file, AccountName(), clock, random);
  if (!restored.ok()) return Report(restored.error());
  std::printf("Restored: the backup is sound and holds %llu captured revisions.\n",
              static_cast<unsigned long long>(restored->content.captured));
  if (!restored->former.empty()) {
    std::printf("The former database was kept as %s.\n", restored->former.c_str());
  }
  std::printf(
      "Next: start the agent; it captures at once. If anything was delivered after the backup was "
      "made, `edge-agent status` says STOPPED incarnation_mismatch. Then, at the centre\n"
      "  central-gateway edge readmit %s --reason \"Restored from a backup\"\n"
      "and here\n"
      "  edge-agent sync new-incarnation\n"
      "What was captured after the backup and had reached the centre comes back; what had not is "
      "only in the former database.\n",
      config->edge.str().c_str());
  return kExitOk;
}

}  // namespace

void AddBackupCommands(CLI::App& app, const std::string& dir, int& code) {
  auto request = std::make_shared<BackupRequest>();
  CLI::App* backup =
      app.add_subcommand("backup", "A consistent, verified copy while running")->fallthrough();
  backup->add_option("FILE", request->file, "Must not exist; with --keep: a folder")->required();
  backup->add_option("--keep", request->keep,
                     "Name it by edge and time in the folder FILE, and keep the newest N so named")
      ->check(CLI::Range(1, 10000));
  backup->add_flag("--verify", request->whole, "Verify all that `check` looks at");
  backup->callback([&dir, &code, request] { code = Backup(dir, *request); });

  auto file = std::make_shared<std::string>();
  CLI::App* restore =
      app.add_subcommand("restore", "Put a backup in the place of the database (agent stopped)")
          ->fallthrough();
  restore->add_option("FILE", *file, "A file made by backup")->required();
  restore->callback([&dir, &code, file] { code = Restore(dir, *file); });
}

}  // namespace edcsync::edge
