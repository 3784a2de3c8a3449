// One site's edge for tests: a folder that goes with the test, a clock, a seed, and its store,
// which can be closed and opened again.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <unistd.h>

#include "edge-agent/store/edge_store.h"
#include "shared/base/check.h"
#include "tests/support/manual_clock.h"

namespace edcsync::edge {

class EdgeWorld {
 public:
  explicit EdgeWorld(std::string site = "SITE.702", std::uint64_t seed = 1)
      : random(seed), folder_(MakeFolder()) {
    options.path = (folder_ / "edge.db").string();
    options.key_file = (folder_ / "edge.key").string();
    options.edge = EdgeId("kisumu-1");
    options.site = SiteOID(site);
  }
  ~EdgeWorld() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Closes the store if it is open, and opens it.
  Status Open() {
    store_.reset();
    Result<std::unique_ptr<EdgeStore>> opened = EdgeStore::Open(options, clock, random);
    if (!opened.ok()) return tl::unexpected<Error>(opened.error());
    store_ = std::move(*opened);
    return Ok();
  }
  void Close() { store_.reset(); }
  EdgeStore& store() {
    CHECK(store_ != nullptr);
    return *store_;
  }
  std::string PathOf(const std::string& name) const { return (folder_ / name).string(); }

  // All bytes of all files in the folder that start with `name`.
  std::string BytesOf(const std::string& name) const {
    std::string bytes;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (!entry.path().filename().string().starts_with(name)) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      bytes.append(std::istreambuf_iterator<char>(file), {});
    }
    return bytes;
  }

  // Changes the closed database behind the store's back, as one who has the file could.
  void Tamper(const std::string& sql) {
    CHECK(store_ == nullptr);
    DatabaseOptions raw;
    raw.path = options.path;
    Result<std::unique_ptr<Database>> database = Database::Open(raw);
    ASSERT_TRUE(database.ok());
    const Status status = (*database)->Execute(sql);
    ASSERT_TRUE(status.ok()) << status.error().ToString();
  }

  EdgeStoreOptions options;
  ManualClock clock;
  SeededRandom random;

 private:
  static std::filesystem::path MakeFolder() {
    static std::atomic<int> count{0};
    const auto folder = std::filesystem::temp_directory_path() /
                        ("edcsync-test-" + std::to_string(::getpid()) + "-" +
                         std::to_string(count.fetch_add(1)));
    std::filesystem::create_directories(folder);
    return folder;
  }

  std::filesystem::path folder_;
  std::unique_ptr<EdgeStore> store_;
};

}  // namespace edcsync::edge
