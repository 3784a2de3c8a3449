#include "shared/storage/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "shared/base/file_owner.h"

namespace edcsync {
namespace {

tl::unexpected<Error> SystemFail(int reason, const std::string& path) {
  ErrorCode code = ErrorCode::kIo;
  if (reason == EWOULDBLOCK) code = ErrorCode::kAlreadyRunning;
  if (reason == EACCES || reason == EPERM || reason == EROFS) code = ErrorCode::kPermissions;
  if (reason == ENOSPC || reason == EDQUOT) code = ErrorCode::kDiskFull;
  if (code == ErrorCode::kAlreadyRunning) return Fail(code, path + " is held");
  return Fail(code, "Cannot lock " + path + ": " + std::generic_category().message(reason));
}

}  // namespace

Result<FileLock> FileLock::Take(const std::string& path, Mode mode) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return SystemFail(errno, path);
  FileLock lock(descriptor);
  EDCSYNC_TRY(GiveToFolderOwner(path));
  const int operation = (mode == Mode::kExclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  while (::flock(descriptor, operation) != 0) {
    if (errno != EINTR) return SystemFail(errno, path);
  }
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace edcsync
