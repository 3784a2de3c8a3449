#include "central-gateway/app/config.h"

#include <filesystem>

#include "central-gateway/app/notices_config.h"
#include "central-gateway/people/web_address.h"
#include "shared/base/folders.h"
#include "shared/base/file.h"
#include "shared/base/toml_file.h"

namespace edcsync::central {
namespace {

namespace fs = std::filesystem;

constexpr char kLogLevels[] = "\"debug\", \"info\", \"warn\" or \"error\"";

// `dir` may name the file itself.
Installation InstallationIn(const std::string& dir) {
  fs::path path = fs::absolute(dir).lexically_normal();
  std::error_code unknown;
  if (!path.has_filename()) path = path.parent_path();
  if (fs::is_regular_file(path, unknown)) {
    return Installation(path.string(), path.parent_path().string());
  }
  return Installation(path.string());
}

// [gateway] data, which is the configuration's own folder if nothing is said.
std::string ReadDataFolder(TomlFile& toml, const std::string& folder) {
  const std::string data =
      toml.Text("gateway", "data", DefaultDataFolder(folder, "central-gateway", folder));
  if (data.empty()) toml.Refuse("gateway", "data", "the name of a folder");
  return (fs::path(folder) / data).lexically_normal().string();
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
  if (desk.certificate_file.empty() != desk.key_file.empty()) {
    toml.Refuse("desk", desk.key_file.empty() ? "certificate_file" : "key_file",
                "given together with the other of certificate_file and key_file, or not at all");
  }
  desk.oidc = ReadOidcConfig(toml, dir);
  return desk;
}

EnrolmentConfig ReadEnrolment(TomlFile& toml) {
  EnrolmentConfig enrolment;
  enrolment.enabled = toml.Flag("enrolment", "enabled", true);
  enrolment.bind_address = toml.Text("enrolment", "bind_address", "127.0.0.1");
  enrolment.port = static_cast<int>(toml.Integer("enrolment", "port", 8444, 0, 65535));
  enrolment.public_address = toml.Text("enrolment", "public_address", "");
  enrolment.certificate_minutes =
      toml.Integer("enrolment", "certificate_minutes", 2 * 365 * 24 * 60, 1, 10 * 365 * 24 * 60);
  const auto address = ParseWebAddress(enrolment.public_address);
  if (!enrolment.public_address.empty() &&
      (!address || enrolment.public_address != address->base ||
       enrolment.public_address.rfind("https://", 0) != 0)) {
    toml.Refuse("enrolment", "public_address",
                "as \"https://enrol.example.org:8444\", without a path");
  }
  return enrolment;
}

Result<Config> ReadConfig(Result<TomlFile> toml, Installation installation) {
  if (!toml.ok()) return tl::unexpected<Error>(toml.error());
  Config config;
  config.installation = std::move(installation);
  const std::string folder = config.installation.ConfigFolder();
  config.gateway = GatewayId(toml->Text("gateway", "id", "gateway-1"));
  if (!IsDeviceName(config.gateway.str())) {
    toml->Refuse("gateway", "id", "1 to 64 of A-Z a-z 0-9 . _ -");
  }
  config.installation.dir = ReadDataFolder(*toml, folder);
  config.broker_managed = toml->Flag("broker", "managed", true);
  config.broker_host = toml->Text("broker", "host", "localhost");
  config.broker_port = static_cast<int>(toml->Integer("broker", "port", 8883, 1, 65535));
  config.broker_bind_address = toml->Text("broker", "bind_address", "127.0.0.1");
  config.frames_per_second_max =
      toml->Integer("intake", "frames_per_second_max", 1000, 1, 1'000'000);
  config.bytes_per_second_max =
      toml->Integer("intake", "bytes_per_second_max", 32'000'000, 1'048'576, 10'000'000'000);
  config.desk = ReadDesk(*toml, folder);
  config.enrolment = ReadEnrolment(*toml);
  config.notices = ReadNotices(*toml, folder);
  const auto resolve = [&](const std::string& name) {
    return name.empty() ? name : (fs::path(folder) / name).lexically_normal().string();
  };
  config.keys = ReadKeySettings(*toml, config.installation.KeyFile(), resolve);
  config.health = ReadHealthSettings(*toml, 9464);
  config.telemetry = ReadTelemetrySettings(*toml, resolve);
  config.disk = ReadDiskMarks(*toml);
  config.reconcile_every_hours = toml->Integer("reconcile", "every_hours", 168, 0, 8760);
  const Result<LogLevel> level = ParseLogLevel(toml->Text("log", "level", "info"));
  if (!level.ok()) toml->Refuse("log", "level", kLogLevels);
  EDCSYNC_TRY(toml->Finish());
  config.log_level = *level;
  return config;
}

}  // namespace

Result<Config> LoadConfig(const std::string& dir) {
  Installation installation = InstallationIn(dir);
  const std::string file = installation.Config();
  auto toml = TomlFile::Load(file);
  if (!toml.ok() && toml.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kConfiguration,
                "There is no " + file + "; make one with `central-gateway init`, or name its "
                "folder with --dir");
  }
  return ReadConfig(std::move(toml), std::move(installation));
}

std::shared_ptr<KeySources> KeySourcesOf(const Config& config) {
  const std::string file = config.installation.Config();
  return std::make_shared<KeySources>(config.keys, [file]() -> Result<KeySettings> {
    EDCSYNC_ASSIGN(const Config now, LoadConfig(file));
    return now.keys;
  });
}

Result<Config> ParseConfig(std::string_view text, const std::string& dir) {
  Installation installation = InstallationIn(dir);
  auto toml = TomlFile::Parse(text, installation.Config());
  return ReadConfig(std::move(toml), std::move(installation));
}

Result<std::string> EnrolmentAddress(const Config& config) {
  if (!config.enrolment.public_address.empty()) return config.enrolment.public_address;
  std::string port = std::to_string(config.enrolment.port);
  if (config.enrolment.port == 0) {
    Result<std::string> running = ReadFile(config.installation.dir + "/enrolment.port", 16);
    if (!running.ok()) {
      return Fail(ErrorCode::kUnavailable,
                  "[enrolment] port is any free one: start the gateway, or set port");
    }
    port = running->substr(0, running->find('\n'));
  }
  return "https://" + EnrolmentHost(config) + ":" + port;
}

std::string EnrolmentHost(const Config& config) {
  const std::string& address = config.enrolment.public_address;
  if (address.empty()) return config.broker_host;
  std::string host = address.substr(std::string("https://").size());
  if (host.front() == '[') return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

}  // namespace edcsync::central
