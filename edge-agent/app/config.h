// The edge agent's configuration file (edge-agent.toml) and where its files lie. Relative paths
// are relative to the configuration file's folder. Every key is in README.md.
#pragma once

#include <string>
#include <string_view>

#include "edge-agent/enrolment/tls_files.h"
#include "shared/base/disk_guard.h"
#include "shared/base/ids.h"
#include "shared/base/log.h"
#include "shared/base/status.h"
#include "shared/keys/key_settings.h"
#include "shared/model/odm_keys.h"
#include "shared/telemetry/health_server.h"
#include "shared/telemetry/telemetry_settings.h"

namespace edcsync::edge {

struct Config {
  EdgeId edge;
  SiteOID site;
  std::string data_dir;
  std::string broker_host;
  int broker_port = 8883;
  std::string ca_file, certificate_file, key_file, gateway_certificate_file;
  std::string enrolment_address;       // Where the certificate is renewed; empty: nowhere.
  std::int64_t contact_minutes = 60;   // How often that place is asked for what is new.
  std::string http_address;
  int http_port = 0;
  std::string http_certificate_file, http_key_file;
  KeySettings keys;
  DiskMarks disk;
  std::int64_t submissions_per_second_max = 20'000;
  LogLevel log_level = LogLevel::kInfo;
  std::string file;  // The configuration file itself.
  HealthSettings health;
  TelemetrySettings telemetry;

  TlsFiles tls() const {
    return {ca_file, certificate_file, key_file, gateway_certificate_file};
  }
  std::string DatabaseFile() const { return data_dir + "/edge.db"; }
  std::string KeyFile() const { return data_dir + "/edge.key"; }
  std::string TokenFile() const { return data_dir + "/http.token"; }
  std::string PortFile() const { return data_dir + "/http.port"; }
  std::string HealthPortFile() const { return data_dir + "/health.port"; }
};

// `path`: the file, or the folder that holds edge-agent.toml. kConfiguration names file, line
// and what is allowed, for everything that is wrong.
Result<Config> LoadConfig(const std::string& path);
// The same of a text, as if it stood in `file`. Reads and writes no file.
Result<Config> ParseConfig(std::string_view text, const std::string& file);

}  // namespace edcsync::edge
