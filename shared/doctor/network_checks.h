// Can this machine reach a broker: its name, its port, its TLS in both directions, and an MQTT
// answer? Each step is a finding; one that fails leaves those behind it unchecked.
#pragma once

#include <string>
#include <vector>

#include "shared/base/time.h"
#include "shared/doctor/finding.h"

namespace edcsync::doctor {

struct BrokerToReach {
  std::string host;
  int port = 8883;
  std::string ca_file, certificate_file, key_file;
  std::string own_side;  // Of the advice: where the broker runs ("at the centre").
};
// "broker.dns", "broker.tcp", "broker.tls", "broker.answer". Connects under a client id of its own,
// so that no session of a running service is disturbed; subscribes to nothing, publishes nothing.
std::vector<Finding> CheckBroker(const BrokerToReach& broker, WallTime now);

// Somebody listens at `address` port `port`.
bool IsListening(const std::string& address, int port);

}  // namespace edcsync::doctor
