#include "shared/base/file_owner.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "shared/base/file.h"

namespace edcsync {
namespace {

constexpr uid_t kService = 23456;  // Of no account here.

// What only root can do is tried by root only: build machines run the tests as root, people not.
class FileOwner : public ::testing::Test {
 protected:
  FileOwner() {
    std::string pattern = ::testing::TempDir() + "owner-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~FileOwner() override { std::filesystem::remove_all(folder_); }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(::chown(folder_.c_str(), kService, kService), 0);
  }
  static struct stat Found(const std::string& path) {
    struct stat found {};
    EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
    return found;
  }
  std::string folder_;
};

TEST_F(FileOwner, WhatRootWritesInAServicesFolderIsTheServices) {
  ASSERT_TRUE(WriteFile(folder_ + "/crl.pem", "x", 0644, false).ok());
  EXPECT_EQ(Found(folder_ + "/crl.pem").st_uid, kService);
  EXPECT_EQ(Found(folder_ + "/crl.pem").st_gid, kService);
  ASSERT_TRUE(WriteFile(folder_ + "/edge.key", "x", 0600, true).ok());
  EXPECT_EQ(Found(folder_ + "/edge.key").st_uid, kService);
  EXPECT_EQ(Found(folder_ + "/edge.key").st_mode & 07777, 0600u);
}

TEST_F(FileOwner, AFolderIsGivenAsAFileIs) {
  std::filesystem::create_directory(folder_ + "/pki");
  ASSERT_TRUE(GiveToFolderOwner(folder_ + "/pki").ok());
  EXPECT_EQ(Found(folder_ + "/pki").st_uid, kService);
}

// Else a service could have root give it any file: by a link put where root is about to write.
TEST_F(FileOwner, NoLinkIsFollowed) {
  const std::string secret = ::testing::TempDir() + "owner-secret";
  std::ofstream(secret) << "root's";
  ASSERT_EQ(::symlink(secret.c_str(), (folder_ + "/symbolic").c_str()), 0);
  EXPECT_FALSE(GiveToFolderOwner(folder_ + "/symbolic").ok());
  ASSERT_EQ(::link(secret.c_str(), (folder_ + "/hard").c_str()), 0);
  EXPECT_FALSE(GiveToFolderOwner(folder_ + "/hard").ok());
  EXPECT_EQ(Found(secret).st_uid, 0u);
  std::filesystem::remove(secret);
}

TEST_F(FileOwner, WhatBelongsToAnotherAlreadyStaysAsItIs) {
  std::ofstream(folder_ + "/theirs") << "x";
  ASSERT_EQ(::chown((folder_ + "/theirs").c_str(), kService + 1, kService + 1), 0);
  ASSERT_TRUE(GiveToFolderOwner(folder_ + "/theirs").ok());
  EXPECT_EQ(Found(folder_ + "/theirs").st_uid, kService + 1);
}

TEST_F(FileOwner, AConfigurationIsRootsToChangeAndTheServicesToRead) {
  std::string pattern = ::testing::TempDir() + "owner-etc-XXXXXX";
  const std::string etc = ::mkdtemp(pattern.data());
  const std::string file = etc + "/edge-agent.toml";
  ASSERT_TRUE(WriteConfigFor(folder_, file, "[edge]\n").ok());
  EXPECT_EQ(Found(file).st_uid, 0u);
  EXPECT_EQ(Found(file).st_gid, kService);
  EXPECT_EQ(Found(file).st_mode & 07777, 0640u);
  const Status again = WriteConfigFor(folder_, file, "[other]\n");
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(*ReadFile(file, 100), "[edge]\n");
  EXPECT_FALSE(std::filesystem::exists(file + ".new"));
  std::filesystem::remove_all(etc);
}

TEST(FileOwnerOfOneself, AConfigurationInOnesOwnFolderIsOnesOwn) {
  std::string pattern = ::testing::TempDir() + "owner-XXXXXX";
  const std::string folder = ::mkdtemp(pattern.data());
  ASSERT_TRUE(WriteConfigFor(folder, folder + "/a.toml", "x").ok());
  struct stat found {};
  ASSERT_EQ(::stat((folder + "/a.toml").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace edcsync
