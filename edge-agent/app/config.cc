#include "edge-agent/app/config.h"

#include <filesystem>

#include "shared/base/folders.h"
#include "shared/base/toml_file.h"

namespace edcsync::edge {
namespace {

namespace fs = std::filesystem;

constexpr char kLogLevels[] = "\"debug\", \"info\", \"warn\" or \"error\"";

Result<Config> ReadConfig(Result<TomlFile> toml, const fs::path& file) {
  if (!toml.ok()) return tl::unexpected<Error>(toml.error());
  const auto resolve = [&](const std::string& name) {
    return name.empty() ? name : fs::absolute(file.parent_path() / name).string();
  };
  Config config;
  config.edge = EdgeId(toml->Text("edge", "id", ""));
  if (!IsDeviceName(config.edge.str())) {
    toml->Refuse("edge", "id", "1 to 64 of A-Z a-z 0-9 . _ -");
  }
  config.site = SiteOID(toml->Text("edge", "site", ""));
  const Status site = CheckOid("site", config.site.str(), 255);
  if (!site.ok()) {
    toml->Refuse("edge", "site", "the hospital's SiteOID: " + site.error().message);
  }
  config.data_dir = resolve(toml->Text(
      "edge", "data", DefaultDataFolder(file.parent_path().string(), "edge-agent", "data")));
  config.broker_host = toml->Text("broker", "host", "localhost");
  config.broker_port = static_cast<int>(toml->Integer("broker", "port", 8883, 1, 65535));
  config.ca_file = resolve(toml->Text("tls", "ca", "ca.crt"));
  config.certificate_file = resolve(toml->Text("tls", "certificate", "edge.crt"));
  config.key_file = resolve(toml->Text("tls", "key", "edge.key"));
  config.gateway_certificate_file = resolve(toml->Text("tls", "gateway", "gateway.crt"));
  config.enrolment_address = toml->Text("enrolment", "address", "");
  config.contact_minutes = toml->Integer("enrolment", "contact_minutes", 60, 1, 24 * 60);
  config.http_address = toml->Text("http", "address", "127.0.0.1");
  config.http_port = static_cast<int>(toml->Integer("http", "port", 0, 0, 65535));
  config.http_certificate_file = resolve(toml->Text("http", "certificate", ""));
  config.http_key_file = resolve(toml->Text("http", "key", ""));
  config.keys = ReadKeySettings(*toml, config.KeyFile(), resolve);
  config.disk = ReadDiskMarks(*toml);
  config.submissions_per_second_max =
      toml->Integer("guards", "submissions_per_second_max", 20'000, 100, 10'000'000);
  config.file = file.string();
  config.health = ReadHealthSettings(*toml, 9465);
  config.telemetry = ReadTelemetrySettings(*toml, resolve);
  const std::string level = toml->Text("log", "level", "info");
  const Result<LogLevel> parsed = ParseLogLevel(level);
  if (!parsed.ok()) toml->Refuse("log", "level", kLogLevels);
  EDCSYNC_TRY(toml->Finish());
  config.log_level = *parsed;
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
                "There is no " + file.string() + "; enrol this machine, or name the folder of "
                "edge-agent.toml with --dir");
  }
  return ReadConfig(std::move(toml), file);
}

Result<Config> ParseConfig(std::string_view text, const std::string& file) {
  return ReadConfig(TomlFile::Parse(text, file), file);
}

}  // namespace edcsync::edge
