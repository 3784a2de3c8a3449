// The gateway's configuration file (central-gateway.toml). Every key is in README.md.
#pragma once

#include "central-gateway/admin/installation.h"
#include "central-gateway/app/oidc_config.h"
#include "central-gateway/notices/notice_service.h"
#include "shared/base/ids.h"
#include "shared/base/log.h"

namespace edcsync::central {

// [desk]: the conflict desk's pages and API.
struct DeskConfig {
  bool enabled = true;
  std::string host;              // The name browsers use; stands in the certificate.
  std::string bind_address;
  int port = 8443;               // 0: any free one; it stands in DIR/desk.port.
  bool https = true;             // Else plain HTTP, on a loopback address only.
  std::string certificate_file;  // Empty: DIR/pki/desk.crt, made by the gateway's own CA;
  std::string key_file;          // likewise DIR/pki/desk.key.
  std::string page_folder;       // Empty: share/edcsync/page beside the program's folder.
  std::int64_t idle_minutes = 30;
  std::int64_t hard_due_days = 3;
  std::int64_t soft_due_days = 10;
  std::string public_address;    // Where browsers find it, behind a proxy; empty: host and port.
  std::optional<OidcConfig> oidc;
};

struct Config {
  Installation installation{""};
  GatewayId gateway;
  bool broker_managed = true;
  std::string broker_host;
  int broker_port = 8883;
  std::string broker_bind_address;
  std::int64_t frames_per_second_max = 1000;
  std::int64_t bytes_per_second_max = 32'000'000;
  DeskConfig desk;
  NoticesSettings notices;
  LogLevel log_level = LogLevel::kInfo;
};

// `dir` holds central-gateway.toml. kConfiguration names file, line and what is allowed.
Result<Config> LoadConfig(const std::string& dir);
// The same of a text, as if it stood in that file. Reads and writes no file.
Result<Config> ParseConfig(std::string_view text, const std::string& dir);

}  // namespace edcsync::central
