#include "shared/doctor/file_checks.h"

#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace edcsync::doctor {
namespace {

std::string ModeText(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

std::string UserName(uid_t user) {
  char buffer[4096];
  passwd entry{};
  passwd* found = nullptr;
  const bool known =
      ::getpwuid_r(user, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr;
  return known ? std::string(found->pw_name) : std::to_string(user);
}

Finding Unseen(const std::string& check, const std::string& what, const std::string& path,
               int reason) {
  const std::string why = std::generic_category().message(reason);
  if (reason == EACCES) {
    return NotChecked(check, what + " " + path + " cannot be looked at: " + why + ".",
                      "Run this as root or as the service's user.");
  }
  return Problem(check, what + " " + path + " is not there: " + why + ".",
                 "Put it back from where it is kept, or correct the path in the configuration.");
}

}  // namespace

Finding CheckFolder(const std::string& check, const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return Unseen(check, "The folder", folder, errno);
  if (!S_ISDIR(info.st_mode)) {
    return Problem(check, folder + " is not a folder.", "Correct the path in the configuration.");
  }
  if ((info.st_mode & 0022) != 0) {
    return Problem(check, folder + " has mode " + ModeText(info.st_mode) +
                              ", so that others may replace what lies in it.",
                   "chmod 0700 " + folder);
  }
  struct statvfs system {};
  if (::statvfs(folder.c_str(), &system) == 0 && (system.f_flag & ST_RDONLY) != 0) {
    return Problem(check, folder + " lies on a file system that is mounted read-only.",
                   "Look for disk errors (`dmesg`), then mount it for writing.");
  }
  if (::geteuid() != 0 && info.st_uid != ::geteuid()) {
    return Warning(check, folder + " belongs to " + UserName(info.st_uid) + ", and this runs as " +
                              UserName(::geteuid()) + ".",
                   "Run this as root or as " + UserName(info.st_uid) +
                       "; if the service runs as " + UserName(::geteuid()) + ", chown the folder.");
  }
  return Sound(check, folder + " belongs to " + UserName(info.st_uid) + ", mode " +
                          ModeText(info.st_mode) + ".");
}

Finding CheckSecret(const std::string& check, const std::string& what, const std::string& path,
                    const std::string& owner_of) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return Unseen(check, what, path, errno);
  if (!S_ISREG(info.st_mode)) {
    return Problem(check, path + " is not a regular file.", "Put the file itself there.");
  }
  // Root's own group widens nothing: so systemd stores a credential for a service's user.
  const bool credential = info.st_uid == 0 && info.st_gid == 0 && (info.st_mode & 0037) == 0;
  if ((info.st_mode & 0077) != 0 && !credential) {
    return Problem(check, what + " " + path + " has mode " + ModeText(info.st_mode) +
                              ": others may use it.",
                   "chmod 0600 " + path + "; if others could log in here, replace the secret too.");
  }
  struct stat folder {};
  if (!credential && ::stat(owner_of.c_str(), &folder) == 0 && folder.st_uid != info.st_uid) {
    return Problem(check, what + " " + path + " belongs to " + UserName(info.st_uid) + ", its folder's "
                              "service to " + UserName(folder.st_uid) + ".",
                   "chown " + UserName(folder.st_uid) + " " + path);
  }
  return Sound(check, what + " is there, mode " + ModeText(info.st_mode) + ", of " +
                          UserName(info.st_uid) + ".");
}

}  // namespace edcsync::doctor
