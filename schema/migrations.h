// The SQL migrations of schema/edge and schema/central, embedded at build time. Each list is in
// order; entry i brings a database from user_version i to i + 1.
#pragma once

#include <span>
#include <string_view>

namespace edcsync::schema {

struct Migration {
  std::string_view name;  // File name, for messages.
  std::string_view sql;
};

std::span<const Migration> EdgeMigrations();
std::span<const Migration> CentralMigrations();

}  // namespace edcsync::schema
