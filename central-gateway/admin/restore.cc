#include "central-gateway/admin/restore.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "shared/storage/file_lock.h"

namespace edcsync::central {
namespace {

namespace fs = std::filesystem;

Status FromSystem(const std::string& what, const std::error_code& reason) {
  if (!reason) return Ok();
  return Fail(reason == std::errc::no_space_on_device ? ErrorCode::kDiskFull : ErrorCode::kIo,
              what + ": " + reason.message());
}

Status SyncPath(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const std::error_code reason(errno, std::generic_category());
  if (descriptor >= 0) ::close(descriptor);
  return synced ? Ok() : FromSystem("Cannot make " + path + " durable", reason);
}

void RemoveCopy(const std::string& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) fs::remove(path + suffix, ignored);
}

// Checks the copy and gives it a new history.
Status Prepare(const Installation& installation, const std::string& copy,
               const std::string& user, const Clock& clock, Random& random) {
  SqliteCentralStoreOptions options;
  options.path = copy;
  options.key_file = installation.KeyFile();
  options.start_writer = false;
  options.holder = "restore";
  EDCSYNC_ASSIGN(const std::unique_ptr<CentralStore> store,
                 OpenSqliteCentralStore(options, clock, random));
  // Nothing that can be made anew shall keep a backup from being restored.
  EDCSYNC_TRY(store->Write([](CentralWriter& writer) { return writer.RebuildQueue(); }));
  EDCSYNC_ASSIGN(const std::vector<std::string> findings,
                 store->Check([](std::string_view, int) {}));
  if (!findings.empty()) return Fail(ErrorCode::kCorrupt, "The backup: " + findings.front());
  return store->Write([&](CentralWriter& writer) -> Status {
    const HistoryId history = random.NewId<HistoryId>();
    EDCSYNC_TRY(writer.SetHistory(history));
    return writer.AppendAudit(user, "centre.restored", history.ToHex(), "");
  });
}

}  // namespace

Status RestoreCentralStore(const Installation& installation, const std::string& backup,
                           const std::string& user, const Clock& clock, Random& random) {
  const std::string database = installation.DatabaseFile();
  EDCSYNC_ASSIGN(const FileLock lock,
                 FileLock::Take(database + ".lock", FileLock::Mode::kExclusive));
  const std::string copy = database + ".restoring";
  RemoveCopy(copy);  // Of an interrupted restore.
  std::error_code reason;
  fs::copy_file(backup, copy, reason);
  Status prepared = FromSystem("Cannot copy " + backup, reason);
  if (prepared.ok()) prepared = Prepare(installation, copy, user, clock, random);
  if (prepared.ok()) prepared = SyncPath(copy);
  if (!prepared.ok()) {
    RemoveCopy(copy);
    return prepared;
  }
  // The log of the former database goes with it: beside the new one it would be another's.
  const std::string former = database + ".before-" + FormatUtc(clock.Wall());
  for (const char* suffix : {"-wal", "-shm", ""}) {
    if (!fs::exists(database + suffix, reason)) continue;
    fs::rename(database + suffix, former + suffix, reason);
    EDCSYNC_TRY(FromSystem("Cannot keep the former database", reason));
  }
  fs::rename(copy, database, reason);
  EDCSYNC_TRY(FromSystem("Cannot put the backup in place", reason));
  RemoveCopy(copy);
  return SyncPath(installation.dir);
}

}  // namespace edcsync::central
