// Has the disk room, and how many durable commits a second does it take? The commit bounds what a
// site can capture: each "captured" waits for one.
#pragma once

#include <string>

#include "shared/base/disk_guard.h"
#include "shared/base/status.h"
#include "shared/base/time.h"
#include "shared/doctor/finding.h"

namespace edcsync::doctor {

struct FileSystemRoom {
  DiskRoom disk;
  std::uint64_t free_files = 0;
  std::uint64_t total_files = 0;  // 0: the file system has no such bound.
};
Result<FileSystemRoom> ReadRoom(const std::string& folder);
// A problem below the mark at which the service refuses, a warning below that at which it warns.
Finding CheckDiskRoom(const std::string& check, const std::string& folder,
                      const Result<FileSystemRoom>& room, const DiskMarks& marks);

struct CommitRate {
  double commits_per_s = 0;
  std::int64_t p50_us = 0;
  std::int64_t worst_us = 0;
};
// Writes 4 KiB and syncs, again and again for `budget_ms`, into a file of `folder` that has no name
// and vanishes with this call, however it ends. kDiskFull, kPermissions, kIo.
Result<CommitRate> MeasureCommitRate(const std::string& folder, std::int64_t budget_ms,
                                     const Clock& clock);
Finding CheckCommitRate(const std::string& check, const Result<CommitRate>& rate);

}  // namespace edcsync::doctor
