// A lock on a file of its own (flock), held exclusively by one process or shared by many, and let
// go by the system when the process ends, however it ends. The file itself stays and means
// nothing.
//
//   held by   edge-agent/store (exclusive: one agent a database)
//             central-gateway/store (shared; exclusive while a backup is put back)
#pragma once

#include <string>
#include <utility>

#include "shared/base/status.h"

namespace edcsync {

class FileLock {
 public:
  FileLock() = default;  // Holds nothing.
  enum class Mode { kExclusive, kShared };
  // Does not wait. Fails with kAlreadyRunning if the lock is held, kPermissions, kDiskFull, kIo.
  static Result<FileLock> Take(const std::string& path, Mode mode);

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

}  // namespace edcsync
