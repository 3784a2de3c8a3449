// backup, restore.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "central-gateway/admin/full_backup.h"
#include "central-gateway/admin/restore.h"
#include "central-gateway/app/commands.h"
#include "shared/base/file.h"
#include "shared/base/file_owner.h"
#include "shared/base/folders.h"
#include "shared/crypto/file_key_ring.h"
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

struct MadeBackup {
  std::string file;           // The copy of the database.
  std::string key_elsewhere;  // With keys: where the database's is, if in no file.
};

struct RestoreRequest {
  std::string from;  // A file, or a folder made with `full`.
  std::string keys_folder;
};

struct Restored {
  CentreRestored centre;
  std::string config_file;  // That was put back; empty: one was there.
};

constexpr char kPrefix[] = "central";
constexpr char kConfigName[] = "central-gateway.toml";
constexpr std::size_t kConfigBytesMax = 16 * 1024 * 1024;

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

// The file that holds the key in use, whatever its name: that of a rotation whose last step failed
// has its id in it. Empty if no file does; `elsewhere` then says where it is.
Result<std::string> FileOfKeyInUse(KeySources& keys, CentralStore& store, std::string& elsewhere) {
  SettleInterrupted(keys, KeyedStoreOf(store, "", ""));
  EDCSYNC_ASSIGN(const FieldCipher::Keys present, store.DescribeKeys());
  std::shared_ptr<WrappingKey> key;
  if (present.wrapped_by.empty()) {
    EDCSYNC_ASSIGN(key, keys.Current());
  } else {
    EDCSYNC_ASSIGN(key, keys.Find(present.wrapped_by.back()));
  }
  const FileKeyRing files(keys.settings().file);
  for (const std::string& path : {files.path(), files.PathOf(key->id())}) {
    const auto held = KeyEncryptionKey::Load(path);
    if (held.ok() && held->Id() == key->id()) return path;
  }
  elsewhere = key->Where();
  return std::string();
}

// A backup is none whose key is another than the one copied, so it is opened with that alone.
Status BackUpKeys(CommandContext& context, const Config& config, CentralStore& store,
                  const BackupRequest& request, MadeBackup& made) {
  EDCSYNC_ASSIGN(const std::string key_file,
                 FileOfKeyInUse(*context.keys, store, made.key_elsewhere));
  EDCSYNC_TRY(CopyKeys(config.installation, key_file, request.keys_folder));
  if (!key_file.empty()) {
    const Status opens = VerifyCentralBackup(
        config.installation, made.file, /*whole=*/false, context.clock, context.random,
        std::make_shared<FileKeyRing>(request.keys_folder + "/central.key"));
    if (!opens.ok()) {
      return Fail(opens.error().code, "The backup does not open with the key that was copied: " +
                                          opens.error().message);
    }
  }
  if (request.full) EDCSYNC_TRY(CheckPairs(request.file, request.keys_folder));
  return WriteManifest(request.keys_folder, context.clock.Wall());
}

Status MakeBackup(CommandContext& context, const BackupRequest& request, MadeBackup& made) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  const bool with_keys = !request.keys_folder.empty();
  FileLock no_rotation;  // Else the copy could need the former key, and the next one be copied.
  if (with_keys) {
    EDCSYNC_ASSIGN(no_rotation, TakeRotationLock(config.installation, FileLock::Mode::kShared));
  }
  EDCSYNC_ASSIGN(const std::unique_ptr<CentralStore> store, OpenStore(context));
  made.file = std::filesystem::absolute(request.file).string();
  if (request.keep > 0) made.file = DatedBackup(made.file, kPrefix, context.clock.Wall());
  if (request.full) {
    EDCSYNC_TRY(MakeBackupFolder(made.file));
    made.file += "/central.db";
  }
  const std::string folder = std::filesystem::path(made.file).parent_path().string();
  if (request.keep > 0) {
    EDCSYNC_TRY(CheckRoomForBackup(folder, config.installation.DatabaseFile(), config.disk));
  }
  EDCSYNC_TRY(CopyDatabase(context, *store, made.file));
  const Status verified = VerifyBackup(context, config, made.file, request.whole);
  if (!verified.ok() && request.keep > 0) {
    return SetAsideUnverified(folder, kPrefix, made.file, verified.error());
  }
  EDCSYNC_TRY(verified);
  // One after the other: a certificate that changed in between would have another key.
  if (request.full) EDCSYNC_TRY(CopyWithoutKeys(config.installation, request.file));
  if (with_keys) EDCSYNC_TRY(BackUpKeys(context, config, *store, request, made));
  if (request.full) EDCSYNC_TRY(WriteManifest(request.file, context.clock.Wall()));
  if (request.keep == 0) return Ok();
  return KeepNewestBackups(folder, kPrefix, request.keep, made.file);
}

int Backup(CommandContext& context, const BackupRequest& request) {
  MadeBackup made;
  const Status done = MakeBackup(context, request, made);
  if (!done.ok()) return Report(done.error());
  std::printf("Backed up to %s and verified%s.\n", made.file.c_str(),
              request.whole ? " whole" : "");
  if (request.keys_folder.empty()) {
    std::printf("Keep its key (`key status`) apart from it: without it it cannot be read.\n");
  } else {
    std::printf("The keys lie in %s: keep that folder apart from the backup, where few can read "
                "it.\n", request.keys_folder.c_str());
  }
  if (!made.key_elsewhere.empty()) {
    std::printf("The key that opens the database is NOT among them: it is in %s. Back that up by "
                "its own means.\n", made.key_elsewhere.c_str());
  }
  return kExitOk;
}

bool HasConfig(const std::string& folder) {
  std::error_code unknown;  // Counts as absent.
  return std::filesystem::is_regular_file(folder, unknown) ||
         std::filesystem::exists(folder + "/" + kConfigName, unknown);
}

// A lost machine's gateway comes to lie where `init` would make one. `named`: the command line says
// where. Whoever stands in the backup's folder does not mean that one.
Status ChooseFolder(CommandContext& context, const std::string& backup, bool named) {
  std::error_code absent;
  const auto is_backup = [&] { return std::filesystem::equivalent(context.dir, backup, absent); };
  if (!named && (!HasConfig(context.dir) || is_backup())) {
    context.dir = FolderForNewConfig(std::getenv("EDCSYNC_GATEWAY_DIR"));
  }
  if (!is_backup()) return Ok();
  return Fail(ErrorCode::kUsage, backup + " is the backup: name the folder that the gateway is to "
                                          "have with --dir");
}

Status RestoreDatabaseOf(CommandContext& context, const Config& config, const std::string& file,
                         CentreRestored& restored) {
  EDCSYNC_ASSIGN(restored,
                 RestoreCentralStore(config.installation, file, context.user, context.clock,
                                     context.random, KeySourcesOf(config)));
  return Ok();
}

// A folder made by `backup --full`. The configuration comes last: a service may wait for it.
Status RestoreFull(CommandContext& context, const RestoreRequest& request, Restored& restored) {
  EDCSYNC_TRY(VerifyManifest(request.from));
  if (!request.keys_folder.empty()) EDCSYNC_TRY(VerifyManifest(request.keys_folder));
  const bool is_there = HasConfig(context.dir);
  std::string text;
  Config config;
  if (is_there) {
    EDCSYNC_ASSIGN(config, LoadConfig(context.dir));
  } else {
    EDCSYNC_ASSIGN(text, ReadFile(request.from + "/" + kConfigName, kConfigBytesMax));
    EDCSYNC_ASSIGN(config, ParseConfig(text, context.dir));
  }
  EDCSYNC_TRY(
      PutBack(config.installation, config.keys.file, request.from, request.keys_folder));
  EDCSYNC_TRY(
      RestoreDatabaseOf(context, config, request.from + "/central.db", restored.centre));
  if (is_there) return Ok();
  restored.config_file = config.installation.Config();
  return WriteConfigFor(config.installation.dir, restored.config_file, text);
}

Status RestoreAll(CommandContext& context, const RestoreRequest& request, bool named,
                  Restored& restored) {
  if (std::filesystem::is_directory(request.from)) {
    EDCSYNC_TRY(ChooseFolder(context, request.from, named));
    return RestoreFull(context, request, restored);
  }
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  return RestoreDatabaseOf(context, config, request.from, restored.centre);
}

int Restore(CommandContext& context, const RestoreRequest& request, bool named) {
  Restored all;
  const Status done = RestoreAll(context, request, named, all);
  if (!done.ok()) return Report(done.error());
  const CentreRestored& restored = all.centre;
  std::printf("Restored, as a new history: edges will offer what the backup does not hold.\n");
  if (!all.config_file.empty()) {
    const bool installed = all.config_file == std::string(kConfigFolder) + "/" + kConfigName;
    std::printf("The configuration was put back as %s%s.\n", all.config_file.c_str(),
                installed ? "; the service edcsync-central-gateway starts by itself now" : "");
  }
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

  auto restoring = std::make_shared<RestoreRequest>();
  CLI::App* restore =
      app.add_subcommand("restore", "Put a backup in the place of the database (gateway stopped)");
  restore->fallthrough();
  restore->add_option("FILE", restoring->from,
                      "A file made by backup, or a folder made by backup --full")
      ->required();
  restore->add_option("--keys", restoring->keys_folder,
                      "A folder made by backup --keys, for a new machine");
  restore->callback([&context, &app, restoring] {
    context.code = Restore(context, *restoring, app.count("--dir") > 0);
  });
}

}  // namespace edcsync::central
