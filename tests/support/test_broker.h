// A real Mosquitto with mutual TLS for one test: configured, started and watched by the product's
// own BrokerFiles and BrokerSupervisor, on a free port of 127.0.0.1, in a folder of its own that
// goes with it. Its authority issues the certificates of whoever connects.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "central-gateway/admin/broker_files.h"
#include "central-gateway/admin/broker_supervisor.h"
#include "shared/crypto/certificate.h"
#include "shared/transport/mqtt_transport.h"

namespace edcsync::testing {

class TestBroker {
 public:
  static Result<std::unique_ptr<TestBroker>> Start(std::vector<EdgeId> edges);
  ~TestBroker();

  // Options to connect with a certificate of common name `name` ("gateway" or an edge), made at
  // its first use. The client id is `name` too: set another for a second connection.
  Result<MqttOptions> OptionsFor(const std::string& name);
  // The same with a certificate of `name` from an authority of a stranger.
  Result<MqttOptions> ForeignOptionsFor(const std::string& name);

  // Kills the broker as kill -9 does; the supervisor starts it again. Returns once it is back.
  Status KillAndAwaitRestart();
  // Takes `name`'s certificate and rights back and tells the broker, which acts on it soon after.
  Status Revoke(const std::string& name);

  const BrokerSettings& settings() const { return settings_; }
  const CertificateAuthority& authority() const { return *authority_; }
  BrokerSupervisor& supervisor() { return *supervisor_; }

 private:
  TestBroker() = default;
  Status Prepare(std::vector<EdgeId> edges);
  Status WriteCrl();
  Result<MqttOptions> Issue(const CertificateAuthority& authority, const std::string& name,
                            const std::string& file_name);

  SystemRandom random_;
  SystemClock clock_;
  BrokerSettings settings_;
  std::unique_ptr<CertificateAuthority> authority_;
  std::unique_ptr<BrokerSupervisor> supervisor_;
  std::map<std::string, MqttOptions> issued_;
  std::map<std::string, std::string> serials_;
  std::vector<RevokedCertificate> revoked_;
};

}  // namespace edcsync::testing
