// The configuration of the managed broker: an Eclipse Mosquitto on the gateway's machine that
// lets in certificates of this installation's authority only, and each edge to its own topics
// only. Both files are written whole at every start and whenever edges come or go.
//
//   run by   central-gateway/admin/broker_supervisor.h
//
// Threads: any, one at a time for one directory.
#pragma once

#include <string>
#include <vector>

#include "shared/base/ids.h"
#include "shared/base/status.h"

namespace edcsync {

struct BrokerSettings {
  std::string directory;  // The gateway's data directory; the files go to DIRECTORY/broker.
  std::string bind_address = "127.0.0.1";
  int port = 8883;
  std::string ca_file;  // PEM paths, absolute.
  std::string certificate_file;
  std::string key_file;
  std::string crl_file;                  // Empty: no revocation list.
  std::string gateway_name = "gateway";  // CN of the gateway's certificate.
  std::vector<EdgeId> edges;             // Enrolled and not revoked.
};

struct BrokerPaths {
  std::string directory;  // DIRECTORY/broker
  std::string config_file;
  std::string acl_file;
  std::string log_file;
};
BrokerPaths BrokerPathsIn(const std::string& directory);

// Writes DIRECTORY/broker/mosquitto.conf and acl, for their owner only, each in one step. Fails
// with kConfiguration if a setting cannot stand in them (a line break in a path, a port out of
// range), with kFieldInvalid if an edge's id is no device name or is the gateway's name, with kIo
// and what WriteFile fails with. A running broker notices by BrokerSupervisor::Reload().
Status WriteBrokerFiles(const BrokerSettings& settings);

}  // namespace edcsync
