#include "shared/base/disk_guard.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "shared/base/log.h"

namespace edcsync {
namespace {

constexpr std::int64_t kLookUs = 5'000'000;

std::string Mebibytes(std::uint64_t bytes) {
  const std::uint64_t tenths = bytes / (1024 * 1024 / 10);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

// A quarter above: where a state ends again.
std::uint64_t End(std::uint64_t mark) { return mark + mark / 4; }

std::uint64_t MarkOf(std::uint64_t bytes, unsigned percent, const DiskRoom& room) {
  return std::min(bytes, room.size_bytes / 100 * percent);
}

}  // namespace

std::string_view ToString(DiskState state) {
  switch (state) {
    case DiskState::kRoomy: return "roomy";
    case DiskState::kLow: return "low";
    case DiskState::kRefusing: return "refusing";
  }
  return "";
}

Result<DiskRoom> RoomAt(const std::string& path) {
  struct statvfs found {};
  if (statvfs(path.c_str(), &found) != 0) {
    return Fail(ErrorCode::kIo, "cannot ask the disk of " + path + ": " + std::strerror(errno));
  }
  return DiskRoom{std::uint64_t{found.f_bavail} * found.f_frsize,
                  std::uint64_t{found.f_blocks} * found.f_frsize};
}

DiskMarks ReadDiskMarks(TomlFile& toml) {
  constexpr std::int64_t kMibMax = std::int64_t{1} << 30;
  DiskMarks marks;
  const std::int64_t warn = toml.Integer("guards", "disk_warn_mib", 0, 0, kMibMax);
  const std::int64_t refuse = toml.Integer("guards", "disk_refuse_mib", 0, 0, kMibMax);
  if (warn > 0) {
    marks.warn_bytes = static_cast<std::uint64_t>(warn) << 20;
    marks.warn_percent_max = 100;
  }
  if (refuse > 0) {
    marks.refuse_bytes = static_cast<std::uint64_t>(refuse) << 20;
    marks.refuse_percent_max = 100;
  }
  if (warn > 0 && refuse > warn) {
    toml.Refuse("guards", "disk_refuse_mib", "at most disk_warn_mib");
  }
  return marks;
}

std::uint64_t RefuseMarkOf(const DiskMarks& marks, const DiskRoom& room) {
  return MarkOf(marks.refuse_bytes, marks.refuse_percent_max, room);
}

std::uint64_t WarnMarkOf(const DiskMarks& marks, const DiskRoom& room) {
  return std::max(RefuseMarkOf(marks, room),
                  MarkOf(marks.warn_bytes, marks.warn_percent_max, room));
}

DiskGuard::DiskGuard(std::string path, const DiskMarks& marks, Probe probe)
    : path_(std::move(path)),
      marks_(marks),
      probe_(probe ? std::move(probe) : [this] { return RoomAt(path_); }) {}

DiskGuard::Marks DiskGuard::MarksOn(const DiskRoom& room) const {
  return {WarnMarkOf(marks_, room), RefuseMarkOf(marks_, room)};
}

DiskState DiskGuard::Next(const DiskRoom& room) const {
  const auto [warn, refuse] = MarksOn(room);
  const DiskState now = state_;
  if (room.free_bytes < refuse) return DiskState::kRefusing;
  if (now == DiskState::kRefusing && room.free_bytes < End(refuse)) return now;
  if (room.free_bytes < warn) return DiskState::kLow;
  if (now != DiskState::kRoomy && room.free_bytes < End(warn)) return DiskState::kLow;
  return DiskState::kRoomy;
}

DiskState DiskGuard::Look() {
  const Result<DiskRoom> room = probe_();
  if (!room.ok()) return state_;
  const std::lock_guard lock(mutex_);
  room_ = *room;
  const DiskState next = Next(*room);
  if (next == state_.exchange(next)) return next;
  Log(next == DiskState::kRoomy ? LogLevel::kInfo : LogLevel::kWarn, "disk.state",
      {{"state", std::string(ToString(next))},
       {"folder", path_},
       {"free_bytes", room->free_bytes},
       {"size_bytes", room->size_bytes}});
  return next;
}

DiskRoom DiskGuard::room() const {
  const std::lock_guard lock(mutex_);
  return room_;
}

Status DiskGuard::MayTake() {
  if (Look() != DiskState::kRefusing) return Ok();
  const DiskRoom now = room();
  const std::uint64_t end = End(RefuseMarkOf(marks_, now));
  return Fail(ErrorCode::kDiskFull,
              "the disk of " + path_ + " has " + Mebibytes(now.free_bytes) +
                  " left, which is kept for what was taken before; it goes on by itself from " +
                  Mebibytes(end) + " on");
}

Status DiskGuard::HasRoom() {
  if (Look() != DiskState::kLow) return Ok();
  const DiskRoom now = room();
  const Marks marks = MarksOn(now);
  return Fail(ErrorCode::kDiskFull, "the disk of " + path_ + " has " + Mebibytes(now.free_bytes) +
                                        " left, less than the mark of " +
                                        Mebibytes(marks.warn_bytes) + "; below " +
                                        Mebibytes(marks.refuse_bytes) + " nothing new is taken");
}

void DiskWatch::Start() {
  (void)guard_.Look();
  timer_ = scheduler_.After(kLookUs, [this] { Start(); });
}

void DiskWatch::Stop() { scheduler_.Cancel(timer_); }

}  // namespace edcsync
