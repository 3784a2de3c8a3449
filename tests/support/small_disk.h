// A small file system (tmpfs) over one folder, which a test fills up and frees again: what lies on
// it meets a full disk, whoever writes. It is full because its size is taken away, so that no
// memory is spent on ballast.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <string>

namespace edcsync::testing {

// Mounts of this process and its children are their own from now on, and go with the last of
// them, however it ends. False if this user may not. Call before any thread is started.
bool EnterPrivateMounts();

class SmallDisk {
 public:
  // Makes `folder` if need be and mounts over it. Not mounted: mounted() is false and the folder
  // an ordinary one.
  explicit SmallDisk(std::string folder);
  ~SmallDisk();  // Unmounts; what was on it is gone.
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  bool full() const { return full_; }

  // Leaves `bytes` free, rounded to pages. False if the kernel refuses: it filled meanwhile.
  bool Fill(std::uint64_t bytes);
  // Room again.
  bool Free();
  // Unmounts and puts what was on it into the folder below, as an ordinary one, to look at later.
  // REQUIRES: nothing is open on it.
  void KeepContent();

 private:
  bool Resize(const std::string& size) const;
  void Unmount();

  const std::string folder_;
  bool mounted_ = false;
  bool full_ = false;
};

}  // namespace edcsync::testing
