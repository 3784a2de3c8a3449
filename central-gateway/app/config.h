// The gateway's configuration file (central-gateway.toml). Every key is in README.md.
#pragma once

#include "central-gateway/admin/installation.h"
#include "central-gateway/app/oidc_config.h"
#include "central-gateway/notices/notice_service.h"
#include "shared/base/disk_guard.h"
#include "shared/base/ids.h"
#include "shared/base/log.h"
#include "shared/keys/key_sources.h"
#include "shared/telemetry/health_server.h"
#include "shared/telemetry/telemetry_settings.h"

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

// [enrolment]: where sites enrol and renew their certificates (EST over HTTPS).
struct EnrolmentConfig {
  bool enabled = true;
  std::string bind_address;
  int port = 8444;                // 0: any free one; it stands in DIR/enrolment.port.
  std::string public_address;     // "https://HOST[:PORT]" for sites; empty: the broker's host, port.
  std::int64_t certificate_minutes = 2 * 365 * 24 * 60;  // How long an edge's is valid.
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
  EnrolmentConfig enrolment;
  NoticesSettings notices;
  KeySettings keys;
  std::int64_t reconcile_every_hours = 168;  // 0: never by itself.
  DiskMarks disk;
  LogLevel log_level = LogLevel::kInfo;
  HealthSettings health;
  TelemetrySettings telemetry;
};

// `dir` holds central-gateway.toml, or is that file. kConfiguration names file, line and what is
// allowed, for everything that is wrong.
Result<Config> LoadConfig(const std::string& dir);
// The same of a text, as if it stood in that file. Reads and writes no file.
Result<Config> ParseConfig(std::string_view text, const std::string& dir);

// Where `config` has the key-encryption key; reads the configuration again when need be.
std::shared_ptr<KeySources> KeySourcesOf(const Config& config);

// Where sites find the enrolment service: "https://HOST:PORT"; the host alone beside it. Fails with
// kUnavailable if the port is any free one and the gateway does not run.
Result<std::string> EnrolmentAddress(const Config& config);
std::string EnrolmentHost(const Config& config);

}  // namespace edcsync::central
