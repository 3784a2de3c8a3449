// The fault injector: strikes at random times, every kind in turn in an order drawn from the seed,
// so that no kind is left out, and ends each fault after a while. The same seed draws the same
// faults; the moments they meet are the machine's. What befalls gateway or broker befalls everybody
// and comes more seldom than what befalls an edge or its link: else nothing would ever flow.
//
// Threads: the main thread's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/torture/world.h"

namespace edcsync::torture {

class Faults {
 public:
  // `pace`: between faults of edges and links, on average.
  Faults(World& world, std::uint64_t seed, Milliseconds pace, Tally& tally);

  // Strikes if it is time, and ends what is over. Call often.
  void Tick();
  // Ends every fault now; no further one strikes. What was killed starts again by Supervise().
  void Heal();

  // Every kind that this run can have, whether it struck or not.
  std::vector<std::string> Kinds() const;

 private:
  struct Kind {
    std::string name;
    int weight;
    std::function<bool()> strike;  // False if it cannot strike now.
  };
  struct Stream {
    std::int64_t pace_ms;
    std::vector<Kind> kinds;
    std::vector<std::size_t> bag;  // Kinds to come, each as often as its weight.
    Time next{};
  };
  struct Ending {
    Time at;
    std::function<bool()> run;  // False: not yet, again soon.
  };

  void AddCentralKinds();
  void AddEdgeKinds();
  void AddLinkKinds();
  void AddDiskKinds();
  void EndWhatIsOver();
  void Strike(Stream& stream);
  void EndAfter(Milliseconds wait, std::function<bool()> run);

  Milliseconds Between(std::int64_t low_ms, std::int64_t high_ms);
  Edge& AnyEdge() { return world_.edges()[random_.Below(world_.edge_count())]; }
  Milliseconds DownTime();

  bool KillEdge();
  bool KillGateway();
  bool KillBroker();
  bool KillSeveral();
  bool KillRestarted(Node& node);
  bool RestartInOrder(Node& node);
  bool PauseNode(Node& node, Milliseconds length);
  bool PauseBroker();
  bool BrokerDown();
  bool LinkFault(const std::function<void(testing::TcpProxy&)>& fault, Milliseconds length);
  bool FillDisk(testing::SmallDisk& disk);

  World& world_;
  Tally& tally_;
  SeededRandom random_;
  Stream central_, edges_;
  std::vector<Ending> endings_;
};

}  // namespace edcsync::torture
