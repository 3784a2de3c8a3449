#include "shared/doctor/disk_checks.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

namespace edcsync::doctor {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kFilesLeftMin = 100;
// A person submits a form a minute; twenty at once shall not wait a second for one another.
constexpr double kCommitsProblem = 5;
constexpr double kCommitsWarning = 50;
// Measured: commits of a hundred records are bound by the processor, not by the disk.
constexpr double kBatchedRecordsMax = 36'500;
constexpr double kRecordsInBatch = 100;
constexpr std::size_t kCommitBytes = 4096;
constexpr std::size_t kCommitCountMax = 20'000;  // Also where the clock stands still.
constexpr off_t kSpanBytes = 256 * 1024;  // Written over and over, as a write-ahead log is.

class NamelessFile {
 public:
  explicit NamelessFile(const std::string& folder)
      : descriptor_(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
    if (descriptor_ >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return;
    std::string name = folder + "/.doctor-XXXXXX";  // A file system without nameless files.
    descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
    const int reason = errno;
    if (descriptor_ >= 0) ::unlink(name.c_str());
    errno = reason;
  }
  ~NamelessFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  NamelessFile(const NamelessFile&) = delete;
  NamelessFile& operator=(const NamelessFile&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

tl::unexpected<Error> DiskFailure(const std::string& folder) {
  const int reason = errno;
  const ErrorCode code = reason == ENOSPC || reason == EDQUOT    ? ErrorCode::kDiskFull
                         : reason == EACCES || reason == EROFS ? ErrorCode::kPermissions
                         : reason == ENOENT                    ? ErrorCode::kNotFound
                                                               : ErrorCode::kIo;
  return Fail(code, folder + ": " + std::generic_category().message(reason));
}

std::string InMiB(std::uint64_t bytes) { return std::to_string(bytes / kMiB) + " MiB"; }

std::string Whole(double number) { return std::to_string(static_cast<std::int64_t>(number)); }

}  // namespace

Result<FileSystemRoom> ReadRoom(const std::string& folder) {
  struct statvfs system {};
  if (::statvfs(folder.c_str(), &system) != 0) return DiskFailure(folder);
  FileSystemRoom room;
  room.disk.free_bytes = std::uint64_t{system.f_bavail} * system.f_frsize;
  room.disk.size_bytes = std::uint64_t{system.f_blocks} * system.f_frsize;
  room.free_files = system.f_favail;
  room.total_files = system.f_files;
  return room;
}

Finding CheckDiskRoom(const std::string& check, const std::string& folder,
                      const Result<FileSystemRoom>& room, const DiskMarks& marks) {
  if (!room.ok()) return NotChecked(check, room.error().message + ".");
  const std::string found = InMiB(room->disk.free_bytes) + " of " + InMiB(room->disk.size_bytes) +
                            " are free where " + folder + " lies.";
  const std::string advice =
      "Make room or enlarge the disk; what was refused for it goes on by itself.";
  if (room->total_files != 0 && room->free_files < kFilesLeftMin) {
    return Problem(check, "The file system of " + folder + " has room for " +
                              std::to_string(room->free_files) + " more files only.",
                   "Remove files nobody needs; a number of files is used up, not the room.");
  }
  if (room->disk.free_bytes < RefuseMarkOf(marks, room->disk)) {
    return Problem(check, found + " The service refuses what is new.", advice);
  }
  if (room->disk.free_bytes < WarnMarkOf(marks, room->disk)) return Warning(check, found, advice);
  return Sound(check, found);
}

Result<CommitRate> MeasureCommitRate(const std::string& folder, std::int64_t budget_ms,
                                     const Clock& clock) {
  const NamelessFile file(folder);
  if (file.get() < 0) return DiskFailure(folder);
  const std::array<char, kCommitBytes> block{};
  std::vector<std::int64_t> taken_us;
  const std::int64_t begun = clock.Mono().us;
  std::int64_t before = begun;
  off_t place = 0;
  do {
    if (::pwrite(file.get(), block.data(), block.size(), place) !=
            static_cast<ssize_t>(block.size()) ||
        ::fdatasync(file.get()) != 0) {
      return DiskFailure(folder);
    }
    place = (place + static_cast<off_t>(kCommitBytes)) % kSpanBytes;
    const std::int64_t now = clock.Mono().us;
    taken_us.push_back(now - before);
    before = now;
  } while (before - begun < budget_ms * 1000 && taken_us.size() < kCommitCountMax);
  CommitRate rate;
  rate.commits_per_s = static_cast<double>(taken_us.size()) * 1e6 /
                       static_cast<double>(std::max<std::int64_t>(1, before - begun));
  std::sort(taken_us.begin(), taken_us.end());
  rate.p50_us = taken_us[taken_us.size() / 2];
  rate.worst_us = taken_us.back();
  return rate;
}

Finding CheckCommitRate(const std::string& check, const Result<CommitRate>& rate) {
  if (!rate.ok()) {
    return NotChecked(check, "No commit could be measured: " + rate.error().message + ".");
  }
  const double batched = std::min(kBatchedRecordsMax, rate->commits_per_s * kRecordsInBatch);
  const std::string found =
      Whole(rate->commits_per_s) + " durable commits/s (half within " +
      std::to_string(rate->p50_us) + " us, the slowest " + std::to_string(rate->worst_us) +
      " us): about " + Whole(rate->commits_per_s) + " records/s one by one, " + Whole(batched) +
      " records/s when a hundred share a commit.";
  const std::string advice =
      "Put the data folder on a local disk with a power-safe write cache (SSD, RAID controller "
      "with battery), not on a network share or USB stick; look for disk errors (`dmesg`).";
  if (rate->commits_per_s < kCommitsProblem) return Problem(check, found, advice);
  if (rate->commits_per_s < kCommitsWarning) return Warning(check, found, advice);
  return Sound(check, found);
}

}  // namespace edcsync::doctor
