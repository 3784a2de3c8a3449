#include "shared/base/file.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace edcsync {
namespace {

class Files : public ::testing::Test {
 protected:
  Files() {
    std::string pattern = ::testing::TempDir() + "files-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/file";
  }
  ~Files() override { std::filesystem::remove_all(folder_); }

  // Temporary files would count too.
  std::size_t FileCount() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::string folder_;
  std::string path_;
};

TEST_F(Files, WrittenContentIsReadBackWithItsModeAndNothingElseIsLeft) {
  const std::string content("a\0b\n", 4);
  ASSERT_TRUE(WriteFile(path_, content, 0640, true).ok());
  EXPECT_EQ(*ReadFile(path_, 4), content);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
  EXPECT_EQ(FileCount(), 1u);
}

TEST_F(Files, ExclusiveWriteKeepsWhatIsThereAndPlainWriteReplacesIt) {
  ASSERT_TRUE(WriteFile(path_, "first", 0600, true).ok());
  EXPECT_EQ(WriteFile(path_, "second", 0600, true).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(*ReadFile(path_, 100), "first");
  ASSERT_TRUE(WriteFile(path_, "third", 0600, false).ok());
  EXPECT_EQ(*ReadFile(path_, 100), "third");
  EXPECT_EQ(FileCount(), 1u);
}

TEST_F(Files, WhatCannotBeReadIsNamed) {
  ASSERT_TRUE(WriteFile(path_, "12345", 0600, true).ok());
  EXPECT_EQ(ReadFile(path_, 4).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(ReadFile(folder_ + "/none", 4).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReadFile(folder_, 4).error().code, ErrorCode::kIo);
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(ReadFile(pipe, 4).error().code, ErrorCode::kIo);
  EXPECT_EQ(WriteFile(folder_ + "/none/file", "", 0600, true).error().code,
            ErrorCode::kNotFound);
}

TEST_F(Files, SecretThatOthersMayReadIsRefused) {
  ASSERT_TRUE(WriteFile(path_, "secret", 0644, true).ok());
  EXPECT_EQ(ReadSecretFile(path_, 100).error().code, ErrorCode::kPermissions);
  ASSERT_TRUE(WriteFile(path_, "secret", 0620, false).ok());
  EXPECT_EQ(ReadSecretFile(path_, 100).error().code, ErrorCode::kPermissions);
  ASSERT_TRUE(WriteFile(path_, "secret", 0400, false).ok());
  EXPECT_EQ(*ReadSecretFile(path_, 100), "secret");
}

TEST_F(Files, FullDiskIsNamedAndLeavesTheFormerFile) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // A file system of 64 KiB, of this child's own.
    if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", folder_.c_str(), "tmpfs", 0, "size=64k") != 0) {
      _exit(77);
    }
    if (!WriteFile(path_, "former", 0600, false).ok()) _exit(1);
    const Status full = WriteFile(path_, std::string(1 << 20, 'x'), 0600, false);
    if (full.ok() || full.error().code != ErrorCode::kDiskFull) _exit(2);
    if (*ReadFile(path_, 100) != "former") _exit(3);
    _exit(FileCount() == 1 ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no right to mount a small file system here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace edcsync
