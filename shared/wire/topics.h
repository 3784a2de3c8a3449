// The MQTT topics of protocol v1. Device names hold no '/', '+' or '#' (IsDeviceName), so a topic
// cannot be escaped from.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shared/base/ids.h"

namespace edcsync::wire {

std::string HelloTopic(const EdgeId& edge);                       // edcsync/v1/hello/{edge}
std::string UpTopic(const GatewayId& gateway, const EdgeId& edge);  // edcsync/v1/up/{gw}/{edge}
std::string DownTopic(const EdgeId& edge);                        // edcsync/v1/down/{edge}
std::string PresenceTopic(const EdgeId& edge);                    // edcsync/v1/presence/{edge}

std::string SharedHelloFilter();                    // $share/gateways/edcsync/v1/hello/+
std::string UpFilter(const GatewayId& gateway);     // edcsync/v1/up/{gateway}/+
std::string PresenceFilter();                       // edcsync/v1/presence/+

// The edge that may write to this hello, up or presence topic; nullopt for any other topic.
std::optional<EdgeId> EdgeOfTopic(std::string_view topic);

}  // namespace edcsync::wire
