#include "shared/wire/topics.h"

namespace edcsync::wire {
namespace {

constexpr std::string_view kHello = "edcsync/v1/hello/";
constexpr std::string_view kUp = "edcsync/v1/up/";
constexpr std::string_view kDown = "edcsync/v1/down/";
constexpr std::string_view kPresence = "edcsync/v1/presence/";

std::string Join(std::string_view prefix, std::string_view name) {
  return std::string(prefix).append(name);
}

std::optional<EdgeId> EdgeNamed(std::string_view name) {
  if (!IsDeviceName(name)) return std::nullopt;
  return EdgeId(name);
}

}  // namespace

std::string HelloTopic(const EdgeId& edge) { return Join(kHello, edge.str()); }

std::string UpTopic(const GatewayId& gateway, const EdgeId& edge) {
  return Join(kUp, gateway.str()) + "/" + edge.str();
}

std::string DownTopic(const EdgeId& edge) { return Join(kDown, edge.str()); }
std::string PresenceTopic(const EdgeId& edge) { return Join(kPresence, edge.str()); }

std::string SharedHelloFilter() { return "$share/gateways/edcsync/v1/hello/+"; }
std::string UpFilter(const GatewayId& gateway) { return Join(kUp, gateway.str()) + "/+"; }
std::string PresenceFilter() { return "edcsync/v1/presence/+"; }

std::optional<EdgeId> EdgeOfTopic(std::string_view topic) {
  for (const std::string_view prefix : {kHello, kPresence}) {
    if (topic.starts_with(prefix)) return EdgeNamed(topic.substr(prefix.size()));
  }
  if (!topic.starts_with(kUp)) return std::nullopt;
  topic.remove_prefix(kUp.size());
  const std::size_t slash = topic.find('/');
  if (slash == std::string_view::npos || !IsDeviceName(topic.substr(0, slash))) {
    return std::nullopt;
  }
  return EdgeNamed(topic.substr(slash + 1));
}

}  // namespace edcsync::wire
