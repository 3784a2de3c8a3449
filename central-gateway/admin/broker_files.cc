#include "central-gateway/admin/broker_files.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "shared/base/file.h"
#include "shared/base/file_owner.h"
#include "shared/base/limits.h"
#include "shared/transport/mqtt_transport.h"

namespace edcsync {
namespace {

constexpr std::uint32_t kOwnerOnly = 0600;
constexpr std::string_view kTopicRoot = "edcsync/v1/";
// What the broker keeps for a client that reads slowly. Past it messages are dropped, and their
// senders, who wait for receipts, send again.
constexpr std::size_t kQueuedMessagesMax = 1024;
constexpr std::size_t kQueuedBytesMax = limits::kIntakeQueueBytesMax;
constexpr std::size_t kInFlightMax = 20;  // MQTT 5 receive maximum: Mosquitto's own default.

// Mosquitto started as root would become the user `mosquitto`, who may not read our files.
std::string EffectiveUserName() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return {};
  }
  return found->pw_name;
}

// A value ends at the line's end, and Mosquitto trims blanks around it.
bool FitsOneLine(const std::string& value) {
  if (value.empty() || value.front() == ' ' || value.back() == ' ') return false;
  return std::none_of(value.begin(), value.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Status CheckSettings(const BrokerSettings& settings) {
  if (settings.port < 1 || settings.port > 65535) {
    return Fail(ErrorCode::kConfiguration,
                "the broker's port " + std::to_string(settings.port) + " is not in 1 to 65535");
  }
  for (const std::string* value : {&settings.directory, &settings.bind_address, &settings.ca_file,
                                   &settings.certificate_file, &settings.key_file}) {
    if (!FitsOneLine(*value)) {
      return Fail(ErrorCode::kConfiguration,
                  "\"" + *value +
                      "\" cannot stand in the broker's configuration: it is empty, "
                      "or has control characters or outer blanks");
    }
  }
  if (!settings.crl_file.empty() && !FitsOneLine(settings.crl_file)) {
    return Fail(ErrorCode::kConfiguration, "the broker's crl_file has control characters");
  }
  if (!IsDeviceName(settings.gateway_name)) {
    return Fail(ErrorCode::kConfiguration, "the gateway's name is no device name");
  }
  for (const EdgeId& edge : settings.edges) {
    if (!IsDeviceName(edge.str())) {
      return Fail(ErrorCode::kFieldInvalid, "\"" + edge.str() + "\" is no device name");
    }
    if (edge.str() == settings.gateway_name) {  // It would get the gateway's rights.
      return Fail(ErrorCode::kFieldInvalid, "an edge may not have the gateway's name");
    }
  }
  return Ok();
}

std::string ConfigText(const BrokerSettings& settings, const BrokerPaths& paths) {
  const std::string user = EffectiveUserName();
  std::string text =
      "# Written by central-gateway at every start; changes here are lost.\n"
      "per_listener_settings false\n";
  const auto line = [&text](std::string_view key, std::string_view value) {
    text.append(key).append(" ").append(value).append("\n");
  };
  if (!user.empty()) line("user", user);
  line("listener", std::to_string(settings.port) + " " + settings.bind_address);
  line("protocol", "mqtt");
  line("cafile", settings.ca_file);
  line("certfile", settings.certificate_file);
  line("keyfile", settings.key_file);
  if (!settings.crl_file.empty()) line("crlfile", settings.crl_file);
  line("tls_version", "tlsv1.2");  // The lowest.
  line("require_certificate", "true");
  line("use_identity_as_username", "true");
  line("allow_anonymous", "false");
  line("acl_file", paths.acl_file);
  // Payloads are sealed, yet nothing of them is to lie on this disk either.
  line("persistence", "false");
  line("autosave_interval", "0");
  line("retain_available", "true");  // Presence.
  line("allow_zero_length_clientid", "false");
  line("set_tcp_nodelay", "true");  // Else a frame waits for delayed acknowledgements.
  line("max_packet_size", std::to_string(kMqttPacketBytesMax));
  line("max_inflight_messages", std::to_string(kInFlightMax));
  line("max_queued_messages", std::to_string(kQueuedMessagesMax));
  line("max_queued_bytes", std::to_string(kQueuedBytesMax));
  line("max_keepalive", "300");
  line("persistent_client_expiration", "1d");
  line("sys_interval", "0");
  line("log_dest", "stderr");
  for (const char* type : {"error", "warning", "notice", "information"}) line("log_type", type);
  line("connection_messages", "true");
  line("log_timestamp", "true");
  line("log_timestamp_format", "%Y-%m-%dT%H:%M:%S");
  return text;
}

// Mosquitto judges a shared subscription ($share/GROUP/FILTER) by the topics it delivers.
std::string AclText(const BrokerSettings& settings) {
  std::string text = "# Written by central-gateway; changes here are lost.\n";
  const auto topic = [&text](std::string_view access, std::string_view rest) {
    text.append("topic ").append(access).append(" ").append(kTopicRoot).append(rest).append("\n");
  };
  text.append("user ").append(settings.gateway_name).append("\n");
  topic("readwrite", "#");
  for (const EdgeId& edge : settings.edges) {
    text.append("\nuser ").append(edge.str()).append("\n");
    topic("write", "hello/" + edge.str());
    topic("write", "up/+/" + edge.str());
    topic("write", "presence/" + edge.str());
    topic("read", "down/" + edge.str());
  }
  return text;
}

}  // namespace

BrokerPaths BrokerPathsIn(const std::string& directory) {
  const std::string broker = directory + "/broker";
  return {broker, broker + "/mosquitto.conf", broker + "/acl", broker + "/mosquitto.log"};
}

Status WriteBrokerFiles(const BrokerSettings& settings) {
  EDCSYNC_TRY(CheckSettings(settings));
  const BrokerPaths paths = BrokerPathsIn(settings.directory);
  std::error_code error;
  if (std::filesystem::create_directories(paths.directory, error)) {
    EDCSYNC_TRY(GiveToFolderOwner(paths.directory));
  }
  if (!error) {
    std::filesystem::permissions(paths.directory, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    return Fail(ErrorCode::kIo, "cannot make " + paths.directory + ": " + error.message());
  }
  // The list of rights first: the broker never runs with a configuration that has none.
  EDCSYNC_TRY(WriteFile(paths.acl_file, AclText(settings), kOwnerOnly, false));
  return WriteFile(paths.config_file, ConfigText(settings, paths), kOwnerOnly, false);
}

}  // namespace edcsync
