// A folder that is removed with all it holds when the test ends, and databases in it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "shared/storage/database.h"

namespace edcsync {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  std::string File(const std::string& name) const { return (path_ / name).string(); }
  std::size_t FileCount() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<Database> OpenDatabase(const std::string& path) {
  DatabaseOptions options;
  options.path = path;
  auto database = Database::Open(options);
  if (!database.ok()) {
    ADD_FAILURE() << database.error().ToString();
    return nullptr;
  }
  return std::move(*database);
}

// A failure (one code) or success of a call, as a test prints it.
inline ErrorCode CodeOf(const Status& status) {
  return status.ok() ? ErrorCode{} : status.error().code;
}
inline constexpr ErrorCode kNoError{};

// The first column of the only row of `sql`.
inline std::int64_t Number(Database& database, std::string_view sql) {
  Statement statement = database.Prepare(sql);
  const auto row = statement.Step();
  EXPECT_TRUE(row.ok() && *row) << sql;
  return statement.Int(0);
}

// From here on the database may grow by `pages` and no further: the disk is full.
inline void LimitGrowth(Database& database, std::int64_t pages) {
  const std::int64_t size = Number(database, "PRAGMA page_count");
  ASSERT_TRUE(database.Execute("PRAGMA max_page_count=" + std::to_string(size + pages)).ok());
}
inline void LiftLimit(Database& database) {
  ASSERT_TRUE(database.Execute("PRAGMA max_page_count=1000000").ok());
}

}  // namespace edcsync
