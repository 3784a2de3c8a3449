#include "shared/base/file_owner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "shared/base/file.h"

namespace edcsync {
namespace {

Status OwnerFail(int reason, const std::string& action, const std::string& path) {
  ErrorCode code = ErrorCode::kIo;
  if (reason == ENOENT) code = ErrorCode::kNotFound;
  if (reason == EPERM || reason == EACCES) code = ErrorCode::kPermissions;
  return Fail(code,
              "cannot " + action + " " + path + ": " + std::generic_category().message(reason));
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// `made` as an O_PATH descriptor: closing one drops no lock that this process has on the file.
Status Give(int made, const struct stat& to, const std::string& path) {
  struct stat found {};
  if (::fstat(made, &found) != 0) return OwnerFail(errno, "inspect", path);
  if (found.st_uid != 0) return Ok();
  if (!S_ISDIR(found.st_mode) && (!S_ISREG(found.st_mode) || found.st_nlink != 1)) {
    return Fail(ErrorCode::kPermissions, path + " is not the plain file that was made there");
  }
  if (::fchownat(made, "", to.st_uid, to.st_gid, AT_EMPTY_PATH) != 0) {
    return OwnerFail(errno, "give away", path);
  }
  return Ok();
}

}  // namespace

Status GiveToFolderOwner(const std::string& path) {
  if (::geteuid() != 0) return Ok();
  struct stat folder {};
  if (::stat(FolderOf(path).c_str(), &folder) != 0) return OwnerFail(errno, "inspect", path);
  if (folder.st_uid == 0) return Ok();
  const int made = ::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (made < 0) return OwnerFail(errno, "open", path);
  Status given = Give(made, folder, path);
  ::close(made);
  return given;
}

Status WriteConfigFor(const std::string& reader, const std::string& path, std::string_view text) {
  struct stat folder {};
  if (::stat(reader.c_str(), &folder) != 0) return OwnerFail(errno, "inspect", reader);
  if (::geteuid() != 0 || folder.st_gid == 0) {
    return WriteFile(path, text, 0600, /*exclusive=*/true);
  }
  // Under its own name only once the reader may read it: a service may wait for the name.
  const std::string fresh = path + ".new";
  EDCSYNC_TRY(WriteFile(fresh, text, 0600, /*exclusive=*/false));
  if (::chown(fresh.c_str(), 0, folder.st_gid) != 0 || ::chmod(fresh.c_str(), 0640) != 0) {
    return OwnerFail(errno, "set the group of", fresh);
  }
  const bool named = ::link(fresh.c_str(), path.c_str()) == 0;
  const int reason = errno;
  ::unlink(fresh.c_str());
  if (named) return Ok();
  if (reason == EEXIST) return Fail(ErrorCode::kAlreadyExists, path + " exists");
  return OwnerFail(reason, "create", path);
}

}  // namespace edcsync
