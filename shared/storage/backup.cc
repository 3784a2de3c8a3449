// Database::BackupTo. The copy is written under a temporary name beside its target, flushed, and
// only then given its name, so that a file of that name is always a whole backup.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "shared/base/check.h"
#include "shared/base/file_owner.h"
#include "shared/storage/connection.h"

namespace edcsync {
namespace {

using storage_internal::LastError;
using storage_internal::OpenError;
using storage_internal::SystemError;

constexpr int kStepPageCount = 1024;  // 4 MiB between two calls of progress.

tl::unexpected<Error> SystemFail(std::string_view what, const std::string& path) {
  return tl::unexpected<Error>(SystemError(errno, what, path));
}

// Removes the file unless it was renamed.
class TemporaryFile {
 public:
  static Result<TemporaryFile> Create(const std::string& target) {
    std::string name = target + ".partial-XXXXXX";
    const int fd = ::mkostemp(name.data(), O_CLOEXEC);  // Mode 0600.
    if (fd < 0) return SystemFail("create backup", target);
    ::close(fd);
    TemporaryFile file(std::move(name));
    EDCSYNC_TRY(GiveToFolderOwner(file.name()));
    return file;
  }
  TemporaryFile(TemporaryFile&& other) noexcept : name_(std::exchange(other.name_, {})) {}
  ~TemporaryFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }

  const std::string& name() const { return name_; }

  // Gives the file its name; never replaces another.
  Status RenameTo(const std::string& target) {
    int result = ::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE);
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
      // A file system that cannot promise it (network shares): looked at just before.
      if (::access(target.c_str(), F_OK) == 0) errno = EEXIST;
      else result = ::rename(name_.c_str(), target.c_str());
    }
    if (result != 0) return SystemFail("name backup", target);
    name_.clear();
    return Ok();
  }

 private:
  explicit TemporaryFile(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

Status Flush(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return SystemFail("open to flush", path);
  const int result = ::fsync(fd);
  const int failure = errno;
  ::close(fd);
  if (result == 0) return Ok();
  return tl::unexpected<Error>(SystemError(failure, "flush", path));
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status Copy(sqlite3* source, const std::string& target,
            const std::function<void(int)>& progress) {
  std::unique_ptr<SQLite::Database> copy;
  try {
    copy = std::make_unique<SQLite::Database>(target,
                                              SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX);
    // A copy that fails is removed, and a whole one is flushed: it needs no journal.
    copy->exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;");
  } catch (const SQLite::Exception& exception) {
    return tl::unexpected<Error>(OpenError(exception.getExtendedErrorCode(), target));
  }
  const auto failed = [&] {
    return tl::unexpected<Error>(LastError(copy->getHandle(), "backup", target, true));
  };
  std::unique_ptr<sqlite3_backup, int (*)(sqlite3_backup*)> backup(
      sqlite3_backup_init(copy->getHandle(), "main", source, "main"), sqlite3_backup_finish);
  if (backup == nullptr) return failed();
  int told = -1;
  while (true) {
    const int code = sqlite3_backup_step(backup.get(), kStepPageCount);
    if (code != SQLITE_OK && code != SQLITE_DONE) {
      // Finishing hands the step's error over to the copy's connection, where it is read.
      sqlite3_backup_finish(backup.release());
      return failed();
    }
    const std::int64_t total = sqlite3_backup_pagecount(backup.get());
    const std::int64_t left = sqlite3_backup_remaining(backup.get());
    const int percent = total == 0 ? 100 : static_cast<int>(100 * (total - left) / total);
    if (progress && percent != told) progress(percent);
    told = percent;
    if (code == SQLITE_DONE) break;
  }
  if (sqlite3_backup_finish(backup.release()) != SQLITE_OK) return failed();
  return Ok();
}

}  // namespace

Status Database::BackupTo(const std::string& path, const std::function<void(int)>& progress) {
  CHECK(!InTransaction());
  if (::access(path.c_str(), F_OK) == 0) {
    return Fail(ErrorCode::kAlreadyExists, "the backup's file is there already (" + path + ")");
  }
  EDCSYNC_ASSIGN(TemporaryFile file, TemporaryFile::Create(path));
  // One snapshot from the first page to the last: without it every commit of another connection
  // would start the copy over.
  EDCSYNC_TRY(BeginRead());
  struct EndRead {
    Database& database;
    ~EndRead() { database.Rollback(); }
  };
  {
    const EndRead end{*this};
    {
      Statement first_read = Prepare("SELECT count(*) FROM sqlite_schema");
      EDCSYNC_TRY(first_read.Step());
    }
    EDCSYNC_TRY(Copy(impl_->handle, file.name(), progress));
  }
  EDCSYNC_TRY(Flush(file.name(), O_RDONLY));
  EDCSYNC_TRY(file.RenameTo(path));
  return Flush(FolderOf(path), O_RDONLY | O_DIRECTORY);
}

}  // namespace edcsync
