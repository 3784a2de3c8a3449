// An exclusive lock on a file of its own (flock): held by one process at a time, and let go by
// the system when that process ends, however it ends. The file itself stays and means nothing.
#pragma once

#include <string>
#include <utility>

#include "shared/base/status.h"

namespace edcsync::edge {

class FileLock {
 public:
  FileLock() = default;  // Holds nothing.
  // Fails with kAlreadyRunning if the lock is held, kPermissions, kDiskFull, kIo.
  static Result<FileLock> Take(const std::string& path);

  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace edcsync::edge
