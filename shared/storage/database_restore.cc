#include "shared/storage/database_restore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <vector>

#include "shared/base/check.h"
#include "shared/base/file_owner.h"
#include "shared/storage/file_lock.h"

namespace edcsync {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSidecars[] = {"-wal", "-shm", ".lock"};

Status FromSystem(const std::string& what, const std::error_code& reason) {
  if (!reason) return Ok();
  ErrorCode code = ErrorCode::kIo;
  if (reason == std::errc::no_space_on_device) code = ErrorCode::kDiskFull;
  if (reason == std::errc::no_such_file_or_directory) code = ErrorCode::kNotFound;
  if (reason == std::errc::permission_denied) code = ErrorCode::kPermissions;
  return Fail(code, what + ": " + reason.message());
}

Status SyncPath(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const std::error_code reason(errno, std::generic_category());
  if (descriptor >= 0) ::close(descriptor);
  return synced ? Ok() : FromSystem("Cannot make " + path + " durable", reason);
}

std::string FolderOfFile(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void RemoveCopy(const std::string& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
  for (const char* suffix : kSidecars) fs::remove(path + suffix, ignored);
}

// What a write-ahead log holds belongs to the file beside it: one that was in use when its program
// was killed lacks its last transactions without the log.
Status CopyWithLog(const std::string& from, const std::string& to) {
  std::error_code reason;
  fs::copy_file(from, to, reason);
  if (!reason && fs::exists(from + "-wal", reason)) {
    fs::copy_file(from + "-wal", to + "-wal", reason);
  }
  return FromSystem("Cannot copy " + from, reason);
}

// A log that is left after the last connection was closed could not be written into the file.
Status CheckNoLogIsLeft(const std::string& path) {
  std::error_code none;
  const auto size = fs::file_size(path + "-wal", none);
  if (none || size == 0) return Ok();
  return Fail(ErrorCode::kDiskFull, path + " could not be completed from its log; make room on "
                                           "its disk and restore again");
}

// The database first: one without its log is never taken for a whole one.
Status KeepFormer(const std::string& database, const std::string& former) {
  std::error_code reason;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    if (!fs::exists(database + suffix, reason)) continue;
    fs::rename(database + suffix, former + suffix, reason);
    EDCSYNC_TRY(FromSystem("Cannot keep the former database", reason));
  }
  return Ok();
}

bool IsDatedName(const std::string& name, const std::string& prefix) {
  constexpr std::string_view kForm = "-00000000T000000Z.db";
  if (!name.starts_with(prefix) || name.size() != prefix.size() + kForm.size()) return false;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const char c = name[prefix.size() + i];
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (kForm[i] == '0' ? !digit : c != kForm[i]) return false;
  }
  return true;
}

}  // namespace

std::string RestoringCopyOf(const std::string& database) { return database + ".restoring"; }

Result<std::string> RestoreDatabase(const std::string& database, const std::string& backup,
                                    WallTime now,
                                    const std::function<Status(const std::string&)>& prepare) {
  EDCSYNC_ASSIGN(const FileLock lock,
                 FileLock::Take(database + ".lock", FileLock::Mode::kExclusive));
  EDCSYNC_TRY(GiveToFolderOwner(database + ".lock"));
  const std::string copy = RestoringCopyOf(database);
  RemoveCopy(copy);  // Of an interrupted restore.
  std::error_code reason;
  Status prepared = CopyWithLog(backup, copy);
  if (prepared.ok()) {
    fs::permissions(copy, fs::perms::owner_read | fs::perms::owner_write, reason);
    prepared = prepare(copy);
  }
  if (prepared.ok()) prepared = CheckNoLogIsLeft(copy);
  if (prepared.ok()) prepared = GiveToFolderOwner(copy);
  if (prepared.ok()) prepared = SyncPath(copy);
  if (!prepared.ok()) {
    RemoveCopy(copy);
    return tl::unexpected<Error>(prepared.error());
  }
  const bool had_one = fs::exists(database, reason);
  const std::string former = database + ".before-" + FormatUtc(now);
  EDCSYNC_TRY(KeepFormer(database, former));
  fs::rename(copy, database, reason);
  EDCSYNC_TRY(FromSystem("Cannot put the backup in place", reason));
  RemoveCopy(copy);
  EDCSYNC_TRY(SyncPath(FolderOfFile(database)));
  return had_one ? former : std::string();
}

OpenedBackup::OpenedBackup(std::string path) : path_(std::move(path)) {
  for (const char* suffix : kSidecars) {
    if (::access((path_ + suffix).c_str(), F_OK) == 0) left_there_ += suffix;
  }
}

OpenedBackup::~OpenedBackup() {
  for (const char* suffix : kSidecars) {
    if (left_there_.find(suffix) == std::string::npos) ::unlink((path_ + suffix).c_str());
  }
}

std::string DatedBackup(const std::string& folder, const std::string& prefix, WallTime at) {
  std::string stamp = FormatUtc(at).substr(0, sizeof "2026-11-22T00:15:30" - 1);
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  return folder + "/" + prefix + "-" + stamp + "Z.db";
}

Status CheckRoomForBackup(const std::string& folder, const std::string& database,
                          const DiskMarks& marks) {
  std::uint64_t needed = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code reason;
    const std::uintmax_t size = fs::file_size(database + suffix, reason);
    if (!reason) needed += size;
  }
  EDCSYNC_ASSIGN(const DiskRoom room, RoomAt(folder));
  struct stat there {}, here {};
  if (::stat(folder.c_str(), &there) == 0 && ::stat(database.c_str(), &here) == 0 &&
      there.st_dev == here.st_dev) {
    needed += WarnMarkOf(marks, room);
  }
  if (room.free_bytes >= needed) return Ok();
  return Fail(ErrorCode::kDiskFull,
              "No backup is made: " + folder + " has " + std::to_string(room.free_bytes >> 20) +
                  " MiB left, and needs " + std::to_string(needed >> 20) +
                  ". Keep fewer, or keep them on another disk");
}

Status KeepNewestBackups(const std::string& folder, const std::string& prefix, std::size_t count,
                         const std::string& made) {
  CHECK(count > 0);
  const std::string newest = fs::path(made).filename().string();
  std::vector<std::string> others;
  std::vector<std::string> gone;
  std::error_code reason;
  for (const auto& entry : fs::directory_iterator(folder, reason)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file()) continue;
    if (IsDatedName(name, prefix) && name != newest) others.push_back(name);
    const std::size_t partial = name.find(".partial-");
    if (partial != std::string::npos && IsDatedName(name.substr(0, partial), prefix) &&
        name < newest) {
      gone.push_back(name);
    }
  }
  EDCSYNC_TRY(FromSystem("Cannot look into " + folder, reason));
  std::sort(others.begin(), others.end());
  const std::size_t kept = std::min(count - 1, others.size());
  gone.insert(gone.end(), others.begin(), others.end() - static_cast<std::ptrdiff_t>(kept));
  for (const std::string& name : gone) {
    fs::remove(folder + "/" + name, reason);
    EDCSYNC_TRY(FromSystem("Cannot remove the old backup " + name, reason));
  }
  return Ok();
}

Status SetAsideUnverified(const std::string& folder, const std::string& prefix,
                          const std::string& made, const Error& why) {
  const std::string name = folder + "/" + prefix + "-unverified.db";
  std::error_code reason;
  fs::rename(made, name, reason);
  return Fail(why.code, why.message + ". The copy is no backup and lies as " +
                            (reason ? made + " (" + reason.message() + ")" : name) +
                            "; earlier ones were kept");
}

}  // namespace edcsync
