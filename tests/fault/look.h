// What a database holds, read without the product: the rows of every table, and the values of
// queries. It reads a copy, so looking changes nothing on the disk looked at.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>
#include <vector>

#include "tests/support/sim_disk.h"

namespace edcsync::testing {

// The rows of `sql`, one after another, columns joined; the error if there is one.
inline std::string AskRaw(sqlite3* database, const std::string& sql) {
  std::string answer;
  const auto take = [](void* out, int count, char** values, char**) {
    auto& text = *static_cast<std::string*>(out);
    for (int i = 0; i < count; ++i) {
      text += values[i] == nullptr ? "-" : values[i];
      text += ' ';
    }
    return 0;
  };
  const int code = sqlite3_exec(database, sql.c_str(), take, &answer, nullptr);
  if (code != SQLITE_OK) return sqlite3_errmsg(database);
  return answer;
}

inline std::string LookAt(const SimDisk& disk, const std::string& path,
                          const std::vector<std::string>& queries) {
  SimDisk copy("look", 1);
  copy.Put(disk.Copy());
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                            copy.vfs().c_str()),
            SQLITE_OK);
  // Leases come and go with their holders.
  std::string counts = AskRaw(
      database,
      "SELECT 'SELECT ' || group_concat('''' || name || '='' || (SELECT count(*) FROM ' || name || "
      "')', ', ') FROM (SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> "
      "'worker_lease' ORDER BY name)");
  std::string seen = counts == "- " ? "no tables " : AskRaw(database, counts);
  if (counts != "- ") {
    for (const std::string& query : queries) seen += "\n  " + AskRaw(database, query);
  }
  sqlite3_close(database);
  return seen;
}

}  // namespace edcsync::testing
