// Watches the room on a disk, so that what comes in is refused before the disk is full: what has
// been taken must still be receipted, merged and fed, and a full disk refuses that, too.
//
//   roomy      ──► low        below the warn mark: logged, shown, nothing refused
//   low        ──► refusing   below the refuse mark: new submissions (edge) or pushes (centre)
//   back                      a quarter above each mark, so that it does not swing to and fro
//
// Marks are bytes; those that nobody set never more than a share of the disk: a small disk is no full
// one. A disk that cannot be asked keeps its state.
//
//   asked by   edge-agent/capture, central-gateway/intake; looked at every few seconds by DiskWatch
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "shared/base/scheduler.h"
#include "shared/base/status.h"
#include "shared/base/toml_file.h"

namespace edcsync {

enum class DiskState : std::uint8_t { kRoomy, kLow, kRefusing };
std::string_view ToString(DiskState state);

struct DiskRoom {
  std::uint64_t free_bytes = 0;  // For this user, who is not root.
  std::uint64_t size_bytes = 0;
};
// By statvfs of the file system that `path` lies on. kIo.
Result<DiskRoom> RoomAt(const std::string& path);

struct DiskMarks {
  std::uint64_t warn_bytes = std::uint64_t{1024} << 20;
  std::uint64_t refuse_bytes = std::uint64_t{256} << 20;
  unsigned warn_percent_max = 15;  // Of the disk: the least of the two counts.
  unsigned refuse_percent_max = 5;
};
// [guards] disk_warn_mib and disk_refuse_mib, which count exactly if they are set; what is wrong is
// told by Finish().
DiskMarks ReadDiskMarks(TomlFile& toml);
// Below so many free bytes a disk of that size is refusing, or low.
std::uint64_t RefuseMarkOf(const DiskMarks& marks, const DiskRoom& room);
std::uint64_t WarnMarkOf(const DiskMarks& marks, const DiskRoom& room);

class DiskGuard {
 public:
  using Probe = std::function<Result<DiskRoom>()>;
  // `path` is for words, and probed unless `probe` is given.
  DiskGuard(std::string path, const DiskMarks& marks, Probe probe = {});

  // Asks the disk. Logs a change of state.
  DiskState Look();
  // Looks; kDiskFull while refusing, with how much is free and what is needed.
  Status MayTake();

  DiskState state() const { return state_; }
  DiskRoom room() const;  // As last seen.
  // In bytes, on the disk as last seen.
  struct Marks {
    std::uint64_t warn_bytes = 0, refuse_bytes = 0;
  };
  Marks marks() const { return MarksOn(room()); }
  // Looks; kDiskFull while low, but not refusing, with how much is free and the marks.
  Status HasRoom();

 private:
  Marks MarksOn(const DiskRoom& room) const;
  DiskState Next(const DiskRoom& room) const;

  const std::string path_;
  const DiskMarks marks_;
  const Probe probe_;
  mutable std::mutex mutex_;  // Of room_, and of a change.
  DiskRoom room_;
  std::atomic<DiskState> state_ = DiskState::kRoomy;
};

// Looks every few seconds, so that a warning comes without anybody submitting. Threads: the
// scheduler's. REQUIRES: Stop() before `guard` or the scheduler goes.
class DiskWatch {
 public:
  DiskWatch(DiskGuard& guard, Scheduler& scheduler) : guard_(guard), scheduler_(scheduler) {}
  void Start();
  void Stop();

 private:
  DiskGuard& guard_;
  Scheduler& scheduler_;
  Scheduler::TimerId timer_ = 0;
};

}  // namespace edcsync
