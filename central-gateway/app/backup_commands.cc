// backup, restore.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "central-gateway/admin/full_backup.h"
#include "central-gateway/admin/restore.h"
#include "central-gateway/app/commands.h"
#include "shared/doctor/database_checks.h"
#include "shared/storage/database_restore.h"

namespace edcsync::central {
namespace {

struct BackupRequest {
  std::string file;         // With `keep` or `full`: a folder.
  std::string keys_folder;
  std::size_t keep = 0;
  bool full = false;
  bool whole = false;
};

constexpr char kPrefix[] = "central";

Status CopyDatabase(CommandContext& context, CentralStore& store, const std::string& file) {
  const bool terminal = !context.json && ::isatty(STDERR_FILENO) == 1;
  return store.Backup(file, [&](int percent) {
    if (terminal) std::fprintf(stderr, "\r%d %%%s", percent, percent == 100 ? "\n" : "");
  });
}

Status VerifyBackup(CommandContext& context, const Config& config, const std::string& file,
                    bool whole) {
  {
    const OpenedBackup opened(file);
    const doctor::Finding pages = doctor::CheckDatabasePages("backup", file);
    if (pages.verdict != doctor::Verdict::kOk) return Fail(ErrorCode::kCorrupt, pages.found);
  }
  return VerifyCentralBackup(config.installation, file, whole, context.clock, context.random,
                             KeySourcesOf(config));
}

Status MakeBackup(CommandContext& context, const BackupRequest& request, std::string& file) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  const Installation& installation = config.installation;
  EDCSYNC_ASSIGN(const std::unique_ptr<CentralStore> store, OpenStore(context));
  file = std::filesystem::absolute(request.file).string();
  if (request.keep > 0) file = DatedBackup(file, kPrefix, context.clock.Wall());
  if (request.full) {
    EDCSYNC_TRY(CopyWithoutKeys(installation, file));
    file += "/central.db";
  }
  const std::string folder = std::filesystem::path(file).parent_path().string();
  if (request.keep > 0) {
    EDCSYNC_TRY(CheckRoomForBackup(folder, installation.DatabaseFile(), config.disk));
  }
  EDCSYNC_TRY(CopyDatabase(context, *store, file));
  const Status verified = VerifyBackup(context, config, file, request.whole);
  if (!verified.ok() && request.keep > 0) {
    return SetAsideUnverified(folder, kPrefix, file, verified.error());
  }
  EDCSYNC_TRY(verified);
  if (request.full) EDCSYNC_TRY(WriteManifest(request.file, context.clock.Wall()));
  if (!request.keys_folder.empty()) {
    EDCSYNC_TRY(CopyKeys(installation, config.keys.file, request.keys_folder));
    EDCSYNC_TRY(WriteManifest(request.keys_folder, context.clock.Wall()));
  }
  if (request.keep == 0) return Ok();
  return KeepNewestBackups(folder, kPrefix, request.keep, file);
}

int Backup(CommandContext& context, const BackupRequest& request) {
  std::string file;
  const Status done = MakeBackup(context, request, file);
  if (!done.ok()) return Report(done.error());
  std::printf("Backed up to %s and verified%s.\n", file.c_str(), request.whole ? " whole" : "");
  if (request.keys_folder.empty()) {
    std::printf("Keep its key (`key status`) apart from it: without it it cannot be read.\n");
  } else {
    std::printf("The keys lie in %s: keep that folder apart from the backup, where few can read "
                "it.\n", request.keys_folder.c_str());
  }
  return kExitOk;
}

// A folder made by `backup --full`: what the machine needs besides the database first.
Status PutFilesBack(CommandContext& context, const std::string& folder,
                    const std::string& keys_folder) {
  EDCSYNC_TRY(VerifyManifest(folder));
  if (!keys_folder.empty()) EDCSYNC_TRY(VerifyManifest(keys_folder));
  const Installation made(std::filesystem::absolute(context.dir).lexically_normal().string());
  std::error_code reason;
  std::filesystem::create_directories(made.dir, reason);
  if (!std::filesystem::exists(made.Config())) {
    std::filesystem::copy_file(folder + "/central-gateway.toml", made.Config(), reason);
    if (reason) return Fail(ErrorCode::kIo, made.Config() + ": " + reason.message());
  }
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  return PutBack(config.installation, config.keys.file, folder, keys_folder);
}

Status RestoreAll(CommandContext& context, const std::string& from, const std::string& keys_folder,
                  CentreRestored& restored) {
  const bool full = std::filesystem::is_directory(from);
  if (full) EDCSYNC_TRY(PutFilesBack(context, from, keys_folder));
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  EDCSYNC_ASSIGN(restored, RestoreCentralStore(config.installation, full ? from + "/central.db" : from,
                                               context.user, context.clock, context.random,
                                               KeySourcesOf(config)));
  return Ok();
}

int Restore(CommandContext& context, const std::string& from, const std::string& keys_folder) {
  CentreRestored restored;
  const Status done = RestoreAll(context, from, keys_folder, restored);
  if (!done.ok()) return Report(done.error());
  std::printf("Restored, as a new history: edges will offer what the backup does not hold.\n");
  if (!restored.former.empty()) {
    std::printf("The former database was kept as %s.\n", restored.former.c_str());
  }
  for (const EdgeId& edge : restored.revoked) {
    std::printf("Edge %s stays revoked, though the backup does not know it.\n", edge.str().c_str());
  }
  for (const EdgeId& edge : restored.uninvited) {
    std::printf("The invitation of edge %s counts no more: if the site has not enrolled, invite it "
                "anew.\n", edge.str().c_str());
  }
  std::printf(
      "Next: start the gateway; look at `edge list` for edges that are suspended or were added after "
      "the backup.\n"
      "Not given back by any edge: decisions that reached no edge, signatures, accounts, locks and "
      "study settings made after the backup. Decisions that come back have no signature: `record "
      "show KEY --history` at the desk shows which.\n");
  return kExitOk;
}

}  // namespace

void AddBackupCommands(CLI::App& app, CommandContext& context) {
  auto request = std::make_shared<BackupRequest>();
  CLI::App* backup = app.add_subcommand("backup", "A consistent, verified copy while running");
  backup->fallthrough();
  backup->add_option("FILE", request->file, "Must not exist; with --keep or --full: a folder")
      ->required();
  CLI::Option* keep = backup->add_option(
      "--keep", request->keep, "Name it by time in the folder FILE, and keep the newest N so named");
  keep->check(CLI::Range(1, 10000));
  backup->add_flag("--full", request->full,
                   "A new folder with configuration and certificates, too; no keys")
      ->excludes(keep);
  backup->add_option("--keys", request->keys_folder,
                     "Copy the keys into this new folder, to be kept apart");
  backup->add_flag("--verify", request->whole, "Verify all that `check` looks at");
  backup->callback([&context, request] { context.code = Backup(context, *request); });

  auto from = std::make_shared<std::string>();
  auto keys = std::make_shared<std::string>();
  CLI::App* restore =
      app.add_subcommand("restore", "Put a backup in the place of the database (gateway stopped)");
  restore->fallthrough();
  restore->add_option("FILE", *from, "A file made by backup, or a folder made by backup --full")
      ->required();
  restore->add_option("--keys", *keys, "A folder made by backup --keys, for a new machine");
  restore->callback([&context, from, keys] { context.code = Restore(context, *from, *keys); });
}

}  // namespace edcsync::central
