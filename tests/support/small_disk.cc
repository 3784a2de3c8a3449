#include "tests/support/small_disk.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <filesystem>

namespace edcsync::testing {
namespace {

namespace fs = std::filesystem;

constexpr char kRoomy[] = "4g";  // A bound, not memory taken.

}  // namespace

bool EnterPrivateMounts() {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

SmallDisk::SmallDisk(std::string folder) : folder_(std::move(folder)) {
  fs::create_directories(folder_);
  fs::permissions(folder_, fs::perms::owner_all);
  const std::string options = std::string("mode=0700,size=") + kRoomy;
  mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

SmallDisk::~SmallDisk() { Unmount(); }

void SmallDisk::Unmount() {
  if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  mounted_ = false;
  full_ = false;
}

bool SmallDisk::Resize(const std::string& size) const {
  const std::string options = "mode=0700,size=" + size;
  return mounted_ && ::mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, options.c_str()) == 0;
}

bool SmallDisk::Fill(std::uint64_t bytes) {
  struct statvfs now {};
  if (::statvfs(folder_.c_str(), &now) != 0) return false;
  const std::uint64_t used = (now.f_blocks - now.f_bfree) * now.f_frsize;
  full_ = Resize(std::to_string(used + bytes)) || full_;
  return full_;
}

bool SmallDisk::Free() {
  if (!Resize(kRoomy)) return false;
  full_ = false;
  return true;
}

void SmallDisk::KeepContent() {
  if (!mounted_) return;
  const std::string aside = folder_ + ".kept";
  std::error_code ignored;
  fs::copy(folder_, aside, fs::copy_options::recursive, ignored);
  Unmount();
  fs::remove(folder_, ignored);
  fs::rename(aside, folder_, ignored);
}

}  // namespace edcsync::testing
