#include "shared/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "shared/base/file_owner.h"
#include "shared/base/random.h"

namespace edcsync {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Some file systems report a full disk only here.
  int Close() {
    const int result = close(fd_);
    fd_ = -1;
    return result;
  }

 private:
  int fd_;
};

ErrorCode CodeOf(int error) {
  switch (error) {
    case ENOENT: return ErrorCode::kNotFound;
    case EEXIST: return ErrorCode::kAlreadyExists;
    case EACCES:
    case EPERM: return ErrorCode::kPermissions;
    case ENOSPC:
    case EDQUOT: return ErrorCode::kDiskFull;
    default: return ErrorCode::kIo;
  }
}

tl::unexpected<Error> FailErrno(const char* action, const std::string& path) {
  const int error = errno;
  return Fail(CodeOf(error), std::string("cannot ") + action + " " + path + ": " +
                                 std::generic_category().message(error));
}

// Root's own group does not widen a file of root's: so a systemd credential stands on disk, whose
// ACL for the service's user shows as read permission of group 0.
bool IsSecret(const struct stat& info) {
  if ((info.st_mode & 0007) != 0) return false;
  if ((info.st_mode & 0070) == 0) return true;
  return info.st_uid == 0 && info.st_gid == 0 && (info.st_mode & 0030) == 0;
}

Result<std::string> Read(const std::string& path, std::size_t size_bytes_max, bool secret) {
  // O_NONBLOCK: a pipe under that name is refused below instead of waited for.
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return FailErrno("open", path);
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return FailErrno("inspect", path);
  if (!S_ISREG(info.st_mode)) return Fail(ErrorCode::kIo, path + " is not a regular file");
  if (secret && !IsSecret(info)) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(info.st_mode & 07777));
    return Fail(ErrorCode::kPermissions,
                path + " has mode " + mode + ", so that others may use this secret; set 0600");
  }
  std::string content;
  char block[16 * 1024];
  for (;;) {
    const ssize_t count = read(file.get(), block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("read", path);
    if (count == 0) return content;
    if (static_cast<std::size_t>(count) > size_bytes_max - content.size()) {
      return Fail(ErrorCode::kTooLarge,
                  path + " holds more than " + std::to_string(size_bytes_max) + " bytes");
    }
    content.append(block, static_cast<std::size_t>(count));
  }
}

Status WriteTemporary(const std::string& path, std::string_view bytes, std::uint32_t mode) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return FailErrno("create", path);
  while (!bytes.empty()) {
    const ssize_t count = write(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  EDCSYNC_TRY(GiveToFolderOwner(path));  // Before it has its name and before what it is for.
  if (fchmod(file.get(), static_cast<mode_t>(mode)) != 0) return FailErrno("set mode of", path);
  if (fsync(file.get()) != 0) return FailErrno("sync", path);
  if (file.Close() != 0) return FailErrno("close", path);
  return Ok();
}

}  // namespace

Status SyncFolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  Descriptor file(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.valid()) return FailErrno("open", folder);
  if (fsync(file.get()) != 0) return FailErrno("sync", folder);
  return Ok();
}

Result<std::string> ReadFile(const std::string& path, std::size_t size_bytes_max) {
  return Read(path, size_bytes_max, false);
}

Result<std::string> ReadSecretFile(const std::string& path, std::size_t size_bytes_max) {
  return Read(path, size_bytes_max, true);
}

Status WriteFile(const std::string& path, std::string_view bytes, std::uint32_t mode,
                 bool exclusive) {
  std::uint8_t suffix[8];
  SystemRandom().Fill(suffix);
  const std::string temporary = path + ".tmp-" + ToHex(suffix);
  Status named = WriteTemporary(temporary, bytes, mode);
  if (named.ok()) {
    // link() refuses to replace, rename() replaces; both give the name in one step.
    const int result = exclusive ? link(temporary.c_str(), path.c_str())
                                 : rename(temporary.c_str(), path.c_str());
    if (result != 0) named = FailErrno("create", path);
  }
  if (!named.ok() || exclusive) unlink(temporary.c_str());
  EDCSYNC_TRY(std::move(named));
  return SyncFolderOf(path);
}

}  // namespace edcsync
