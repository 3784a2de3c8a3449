// The gateway's configuration file (central-gateway.toml). Every key is in README.md.
#pragma once

#include "central-gateway/admin/installation.h"
#include "shared/base/ids.h"
#include "shared/base/log.h"

namespace edcsync::central {

struct Config {
  Installation installation{""};
  GatewayId gateway;
  bool broker_managed = true;
  std::string broker_host;
  int broker_port = 8883;
  std::string broker_bind_address;
  std::int64_t frames_per_second_max = 1000;
  std::int64_t bytes_per_second_max = 32'000'000;
  LogLevel log_level = LogLevel::kInfo;
};

// `dir` holds central-gateway.toml. kConfiguration names file, line and what is allowed.
Result<Config> LoadConfig(const std::string& dir);
// The same of a text, as if it stood in that file. Reads and writes no file.
Result<Config> ParseConfig(std::string_view text, const std::string& dir);

}  // namespace edcsync::central
