#include "edge-agent/app/config.h"

#include <filesystem>

#include "shared/base/toml_file.h"

namespace edcsync::edge {
namespace {

namespace fs = std::filesystem;

Result<Config> ReadConfig(Result<TomlFile> toml, const fs::path& file) {
  if (!toml.ok()) return tl::unexpected<Error>(toml.error());
  const auto resolve = [&](const std::string& name) {
    return name.empty() ? name : fs::absolute(file.parent_path() / name).string();
  };
  Config config;
  config.edge = EdgeId(toml->Text("edge", "id", ""));
  config.site = SiteOID(toml->Text("edge", "site", ""));
  config.data_dir = resolve(toml->Text("edge", "data", "data"));
  config.broker_host = toml->Text("broker", "host", "localhost");
  config.broker_port = static_cast<int>(toml->Integer("broker", "port", 8883, 1, 65535));
  config.ca_file = resolve(toml->Text("tls", "ca", "ca.crt"));
  config.certificate_file = resolve(toml->Text("tls", "certificate", "edge.crt"));
  config.key_file = resolve(toml->Text("tls", "key", "edge.key"));
  config.gateway_certificate_file = resolve(toml->Text("tls", "gateway", "gateway.crt"));
  config.http_address = toml->Text("http", "address", "127.0.0.1");
  config.http_port = static_cast<int>(toml->Integer("http", "port", 0, 0, 65535));
  config.http_certificate_file = resolve(toml->Text("http", "certificate", ""));
  config.http_key_file = resolve(toml->Text("http", "key", ""));
  const std::string level = toml->Text("log", "level", "info");
  EDCSYNC_TRY(toml->Finish());
  EDCSYNC_ASSIGN(config.log_level, ParseLogLevel(level));
  if (!IsDeviceName(config.edge.str())) {
    return Fail(ErrorCode::kConfiguration,
                file.string() + ": [edge] id must be 1 to 64 of A-Z a-z 0-9 . _ -");
  }
  const Status site = CheckOid("[edge] site", config.site.str(), 255);
  if (!site.ok()) {
    return Fail(ErrorCode::kConfiguration, file.string() + ": " + site.error().message);
  }
  return config;
}

}  // namespace

Result<Config> LoadConfig(const std::string& path) {
  std::error_code ignored;
  const fs::path file =
      fs::is_directory(path, ignored) ? fs::path(path) / "edge-agent.toml" : fs::path(path);
  auto toml = TomlFile::Load(file.string());
  if (!toml.ok() && toml.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kConfiguration,
                "There is no " + file.string() + "; name the agent's folder with --dir");
  }
  return ReadConfig(std::move(toml), file);
}

Result<Config> ParseConfig(std::string_view text, const std::string& file) {
  return ReadConfig(TomlFile::Parse(text, file), file);
}

}  // namespace edcsync::edge
