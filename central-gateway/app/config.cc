#include "central-gateway/app/config.h"

#include <filesystem>

#include "central-gateway/app/notices_config.h"
#include "central-gateway/people/web_address.h"
#include "shared/base/toml_file.h"

namespace edcsync::central {
namespace {

Installation InstallationIn(const std::string& dir) {
  return Installation(std::filesystem::absolute(dir).lexically_normal().string());
}

DeskConfig ReadDesk(TomlFile& toml, const std::string& dir) {
  DeskConfig desk;
  desk.enabled = toml.Flag("desk", "enabled", true);
  desk.host = toml.Text("desk", "host", "localhost");
  desk.bind_address = toml.Text("desk", "bind_address", "127.0.0.1");
  desk.port = static_cast<int>(toml.Integer("desk", "port", 8443, 0, 65535));
  desk.https = toml.Flag("desk", "https", true);
  desk.certificate_file = toml.Text("desk", "certificate_file", "");
  desk.key_file = toml.Text("desk", "key_file", "");
  desk.page_folder = toml.Text("desk", "page_folder", "");
  desk.idle_minutes = toml.Integer("desk", "idle_minutes", 30, 1, 24 * 60);
  desk.hard_due_days = toml.Integer("desk", "hard_due_days", 3, 1, 365);
  desk.soft_due_days = toml.Integer("desk", "soft_due_days", 10, 1, 365);
  desk.public_address = toml.Text("desk", "public_address", "");
  const auto address = ParseWebAddress(desk.public_address);
  if (!desk.public_address.empty() && (!address || desk.public_address != address->base)) {
    toml.Refuse("desk", "public_address", "as \"https://desk.example.org\", without a path");
  }
  desk.oidc = ReadOidcConfig(toml, dir);
  return desk;
}

Result<Config> ReadConfig(Result<TomlFile> toml, Installation installation) {
  if (!toml.ok()) return tl::unexpected<Error>(toml.error());
  Config config;
  config.installation = std::move(installation);
  const std::string file = config.installation.Config();
  config.gateway = GatewayId(toml->Text("gateway", "id", "gateway-1"));
  config.broker_managed = toml->Flag("broker", "managed", true);
  config.broker_host = toml->Text("broker", "host", "localhost");
  config.broker_port = static_cast<int>(toml->Integer("broker", "port", 8883, 1, 65535));
  config.broker_bind_address = toml->Text("broker", "bind_address", "127.0.0.1");
  config.frames_per_second_max =
      toml->Integer("intake", "frames_per_second_max", 1000, 1, 1'000'000);
  config.bytes_per_second_max =
      toml->Integer("intake", "bytes_per_second_max", 32'000'000, 1'048'576, 10'000'000'000);
  config.desk = ReadDesk(*toml, config.installation.dir);
  config.notices = ReadNotices(*toml, config.installation.dir);
  const std::string level = toml->Text("log", "level", "info");
  EDCSYNC_TRY(toml->Finish());
  EDCSYNC_ASSIGN(config.log_level, ParseLogLevel(level));
  if (!IsDeviceName(config.gateway.str())) {
    return Fail(ErrorCode::kConfiguration,
                file + ": [gateway] id must be 1 to 64 of A-Z a-z 0-9 . _ -");
  }
  if (config.desk.certificate_file.empty() != config.desk.key_file.empty()) {
    return Fail(ErrorCode::kConfiguration,
                file + ": [desk] certificate_file and key_file are given both or not at all");
  }
  return config;
}

}  // namespace

Result<Config> LoadConfig(const std::string& dir) {
  Installation installation = InstallationIn(dir);
  const std::string file = installation.Config();
  auto toml = TomlFile::Load(file);
  if (!toml.ok() && toml.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kConfiguration,
                "There is no " + file + "; make one with `central-gateway init --dir DIR`");
  }
  return ReadConfig(std::move(toml), std::move(installation));
}

Result<Config> ParseConfig(std::string_view text, const std::string& dir) {
  Installation installation = InstallationIn(dir);
  auto toml = TomlFile::Parse(text, installation.Config());
  return ReadConfig(std::move(toml), std::move(installation));
}

}  // namespace edcsync::central
