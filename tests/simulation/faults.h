// What befalls a world: the network, the disks, the machines, the clocks, the certificates. Each
// world draws which kinds it meets and how often ("swarm testing"): a world with everything at once
// hides what a world with two kinds shows.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace edcsync::simulation {

class Faults {
 public:
  explicit Faults(World& world);

  // One move: perhaps a new fault, perhaps the end of an old one. Machines that went down come up
  // again by chance.
  void Act();

  // The names of all kinds.
  static std::vector<std::string> Kinds();

 private:
  struct Kind;
  static const std::vector<Kind>& All();

  void Weather();
  void Line(Broker::Line kind, const char* name);
  void BrokerRestarts();
  void EdgeDisk(testing::SimDisk::Fault fault, const char* name);
  void EdgeDiskFull();
  void EdgeDies(bool power);
  void EdgeDiesAtPublish();
  void EdgeHangs();
  void EdgePaused();
  void EdgeClock();
  void EdgeRestored();
  void EdgeCloned();
  void EdgeDiskLost();
  void EdgeRevoked();
  void GatewayDies();
  void GatewayHangs();
  void SecondGateway();
  void CentreDisk(testing::SimDisk::Fault fault, const char* name);
  void CentreDiskFull();
  void CentreDies(bool power);
  void CentreDiesAtPublish();
  void CentreClock();
  void CentreRestored();

  void ComeUp();
  void EndSome();
  // Each edge with the gateway and epoch of its session.
  std::map<EdgeId, std::pair<GatewayId, Epoch>> Sessions();
  void WakeTheLate();
  std::uint64_t SomeCall();
  EdgeMachine& AnyEdge() { return *world_.OneOf(world_.edges); }

  World& world_;
  std::vector<const Kind*> drawn_;
  unsigned percent_;  // Of ticks with a fault.
  std::map<std::string, testing::SimDisk::Files> edge_backups_;
  // Set: this gateway hangs until the other has taken over a session that it had.
  std::optional<std::size_t> late_;
  std::map<EdgeId, std::pair<GatewayId, Epoch>> late_sessions_;
  testing::SimDisk::Files centre_backup_;
};

}  // namespace edcsync::simulation
