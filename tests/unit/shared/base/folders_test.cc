#include "shared/base/folders.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace edcsync {
namespace {

namespace fs = std::filesystem;

class Folders : public ::testing::Test {
 protected:
  Folders() {
    std::string pattern = ::testing::TempDir() + "folders-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    fs::create_directories(folder_ + "/here");
    fs::create_directories(folder_ + "/etc");
    fs::current_path(folder_ + "/here");
  }
  ~Folders() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }
  void Make(const std::string& file) { std::ofstream(folder_ + "/" + file) << "x"; }
  std::string Find(const char* named) {
    return FindConfigFolder(named, "edge-agent.toml", folder_ + "/etc");
  }
  fs::path before_ = fs::current_path();
  std::string folder_;
};

TEST_F(Folders, TheEnvironmentGoesBeforeEverything) {
  Make("here/edge-agent.toml");
  Make("etc/edge-agent.toml");
  EXPECT_EQ(Find("/srv/kisumu"), "/srv/kisumu");
}

TEST_F(Folders, TheCurrentFolderGoesBeforeTheInstalledOne) {
  Make("here/edge-agent.toml");
  Make("etc/edge-agent.toml");
  EXPECT_EQ(Find(nullptr), ".");
  EXPECT_EQ(Find(""), ".");
}

TEST_F(Folders, TheInstalledFolderIsFoundFromAnywhere) {
  Make("etc/edge-agent.toml");
  EXPECT_EQ(Find(nullptr), folder_ + "/etc");
}

TEST_F(Folders, WhereThereIsNoneTheCurrentFolderIsNamed) { EXPECT_EQ(Find(nullptr), "."); }

TEST_F(Folders, ANewConfigurationGoesIntoTheInstalledFolderIfThereIsOne) {
  EXPECT_EQ(FolderForNewConfig(nullptr, folder_ + "/etc"), folder_ + "/etc");
  EXPECT_EQ(FolderForNewConfig(nullptr, folder_ + "/none"), ".");
  EXPECT_EQ(FolderForNewConfig("/srv/gw", folder_ + "/etc"), "/srv/gw");
}

TEST_F(Folders, AnInstalledProgramKeepsNoDataBesideItsConfiguration) {
  EXPECT_EQ(DefaultDataFolder("/etc/edcsync", "edge-agent", "data"),
            "/var/lib/edcsync/edge-agent");
  EXPECT_EQ(DefaultDataFolder("/etc/../etc/edcsync/", "edge-agent", "data"),
            "/var/lib/edcsync/edge-agent");
  EXPECT_EQ(DefaultDataFolder("/srv/kisumu", "edge-agent", "data"), "data");
}

}  // namespace
}  // namespace edcsync
