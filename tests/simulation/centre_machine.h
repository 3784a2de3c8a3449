// The centre's machine: disk, clock, up to two gateways on one central store, and the commands
// that people run there. Wired as in central-gateway/app/gateway.cc; every process has a store of
// its own on the one database, as on a real machine.
#pragma once

#include <array>

#include "central-gateway/intake/gateway_session.h"
#include "central-gateway/reconcile/reconciler.h"
#include "central-gateway/store/sqlite_central_store.h"
#include "tests/simulation/edge_machine.h"

namespace edcsync::simulation {

class CentreMachine {
 public:
  static constexpr std::size_t kGatewayCountMax = 2;
  static constexpr char kDatabase[] = "central.db";

  CentreMachine(Surroundings world, Identity identity, Certificate authority);
  ~CentreMachine();

  std::string key_file() const { return world_.folder + "/central.key"; }
  static std::string NameOf(std::size_t gateway) {
    return "gateway-" + std::to_string(gateway + 1);
  }

  // Makes the database. Once, before anything else.
  void Install();
  // Starts a gateway; fails as it does. REQUIRES: it does not run.
  Status Start(std::size_t gateway);
  bool running(std::size_t gateway) const { return gateways_[gateway] != nullptr; }
  ProcessLoop& loop(std::size_t gateway);
  // From now on this gateway carries out the reconciliations that are asked for. REQUIRES: it runs.
  void StartReconciling(std::size_t gateway);
  // One gateway ends between two of its handlers, as by kill -9.
  void KillGateway(std::size_t gateway);
  // The machine and all on it.
  void Kill();
  void PowerCut();
  bool EndIfDead();

  // A command's own view of the store, opened when needed and closed by Kill; nullptr if it does
  // not open.
  central::CentralStore* Commands();

  testing::SimDisk disk;
  MachineClock clock;
  std::array<std::shared_ptr<Broker::Line>, kGatewayCountMax> lines;
  std::uint64_t dies_at_publish = 0;
  const Identity& identity() const { return identity_; }

 private:
  struct Gateway;
  central::SqliteCentralStoreOptions Options(const std::string& holder) const;
  void EndAll();

  Surroundings world_;
  Identity identity_;
  Certificate authority_;
  std::unique_ptr<SeededRandom> commands_random_;
  std::unique_ptr<central::CentralStore> commands_;
  std::array<std::unique_ptr<Gateway>, kGatewayCountMax> gateways_;
};

}  // namespace edcsync::simulation
