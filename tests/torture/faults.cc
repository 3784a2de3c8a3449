#include "tests/torture/faults.h"

#include <signal.h>

#include <algorithm>

namespace edcsync::torture {
namespace {

using testing::TcpProxy;

constexpr Milliseconds kAgainAfter{200};
constexpr int kStopWaitSeconds = 30;
constexpr std::int64_t kCentralPace = 8;  // Faults of an edge or a link to one of the centre.

Time Now() { return std::chrono::steady_clock::now(); }

}  // namespace

Faults::Faults(World& world, std::uint64_t seed, Milliseconds pace, Tally& tally)
    : world_(world),
      tally_(tally),
      random_(seed ^ 0xfa17),
      central_{pace.count() * kCentralPace, {}, {}, Now()},
      edges_{pace.count(), {}, {}, Now()} {
  AddCentralKinds();
  AddEdgeKinds();
  AddLinkKinds();
  AddDiskKinds();
}

void Faults::AddCentralKinds() {
  const auto add = [this](const char* name, int weight, std::function<bool()> strike) {
    central_.kinds.push_back({name, weight, std::move(strike)});
  };
  Node& gateway = world_.gateway();
  add("kill gateway", 2, [this] { return KillGateway(); });
  add("kill broker", 1, [this] { return KillBroker(); });
  add("kill several at once", 1, [this] { return KillSeveral(); });
  add("kill gateway just after its start", 1, [&] { return KillRestarted(gateway); });
  add("restart gateway in order", 1, [&] { return RestartInOrder(gateway); });
  add("pause gateway", 1, [&] { return PauseNode(gateway, Between(100, 9'000)); });
  // Longer than an edge waits for a receipt: the session is over when it wakes.
  add("pause gateway past its sessions", 1,
      [&] { return PauseNode(gateway, Between(11'000, 16'000)); });
  add("pause broker", 1, [this] { return PauseBroker(); });
  add("broker down", 1, [this] { return BrokerDown(); });
}

void Faults::AddEdgeKinds() {
  const auto add = [this](const char* name, int weight, std::function<bool()> strike) {
    edges_.kinds.push_back({name, weight, std::move(strike)});
  };
  add("kill edge", 4, [this] { return KillEdge(); });
  add("kill edge just after its start", 2, [this] { return KillRestarted(*AnyEdge().node); });
  add("restart edge in order", 1, [this] { return RestartInOrder(*AnyEdge().node); });
  add("pause edge", 2, [this] { return PauseNode(*AnyEdge().node, Between(100, 10'000)); });
}

void Faults::AddLinkKinds() {
  const auto add = [this](const char* name, int weight, std::function<bool()> strike) {
    edges_.kinds.push_back({name, weight, std::move(strike)});
  };
  const auto any_way = [this] {
    return random_.Below(2) == 0 ? TcpProxy::Way::kUp : TcpProxy::Way::kDown;
  };
  const auto bytes = [this](std::uint64_t bound) {
    return static_cast<std::int64_t>(random_.Below(bound));
  };
  add("link refused", 2,
      [this] { return LinkFault([](TcpProxy& link) { link.Refuse(); }, Between(200, 8'000)); });
  add("link reset", 1,
      [this] { return LinkFault([](TcpProxy& link) { link.Cut(); }, Between(50, 5'000)); });
  add("link broken while it opens", 1, [=, this] {
    const auto fault = [way = any_way(), count = bytes(3'000)](TcpProxy& link) {
      link.Cut();
      link.Restore();
      link.BreakAfter(way, count);
    };
    return LinkFault(fault, Between(2'000, 4'000));
  });
  add("link broken midway", 2, [=, this] {
    const auto fault = [way = any_way(), count = bytes(60'000)](TcpProxy& link) {
      link.BreakAfter(way, count);
    };
    return LinkFault(fault, Between(2'000, 6'000));
  });
  add("link stalled", 2, [=, this] {
    const auto fault = [way = any_way(), count = bytes(10'000)](TcpProxy& link) {
      link.StallAfter(way, count);
    };
    return LinkFault(fault, Between(500, 13'000));
  });
}

void Faults::AddDiskKinds() {
  if (world_.gateway_disk() != nullptr) {
    central_.kinds.push_back(
        {"disk full at the gateway", 1, [this] { return FillDisk(*world_.gateway_disk()); }});
  } else {
    tally_.Count("skipped", "disk full at the gateway: this user may not mount");
  }
  std::vector<testing::SmallDisk*> disks;
  for (const Edge& edge : world_.edges()) {
    if (edge.disk) disks.push_back(edge.disk.get());
  }
  if (disks.empty()) {
    tally_.Count("skipped", "disk full at an edge: this user may not mount");
    return;
  }
  edges_.kinds.push_back({"disk full at an edge", 1,
                          [this, disks] { return FillDisk(*disks[random_.Below(disks.size())]); }});
}

std::vector<std::string> Faults::Kinds() const {
  std::vector<std::string> names;
  for (const Stream* stream : {&central_, &edges_}) {
    for (const Kind& kind : stream->kinds) names.push_back(kind.name);
  }
  return names;
}

Milliseconds Faults::Between(std::int64_t low_ms, std::int64_t high_ms) {
  return Milliseconds(low_ms + static_cast<std::int64_t>(
                                   random_.Below(static_cast<std::uint64_t>(high_ms - low_ms))));
}

// Often at once, sometimes long.
Milliseconds Faults::DownTime() {
  return random_.Below(4) == 0 ? Between(2'000, 8'000) : Between(0, 800);
}

void Faults::EndAfter(Milliseconds wait, std::function<bool()> run) {
  endings_.push_back({Now() + wait, std::move(run)});
}

void Faults::Tick() {
  EndWhatIsOver();
  Strike(central_);
  Strike(edges_);
}

void Faults::EndWhatIsOver() {
  const auto later = std::partition(endings_.begin(), endings_.end(),
                                    [](const Ending& ending) { return ending.at <= Now(); });
  std::vector<Ending> due(std::make_move_iterator(endings_.begin()),
                          std::make_move_iterator(later));
  endings_.erase(endings_.begin(), later);
  for (Ending& ending : due) {
    if (!ending.run()) EndAfter(kAgainAfter, std::move(ending.run));
  }
}

void Faults::Strike(Stream& stream) {
  if (Now() < stream.next) return;
  stream.next = Now() + Between(stream.pace_ms / 4, stream.pace_ms * 7 / 4);
  std::vector<std::size_t>& bag = stream.bag;
  if (bag.empty()) {
    for (std::size_t kind = 0; kind < stream.kinds.size(); ++kind) {
      bag.insert(bag.end(), static_cast<std::size_t>(stream.kinds[kind].weight), kind);
    }
    for (std::size_t i = bag.size(); i > 1; --i) std::swap(bag[i - 1], bag[random_.Below(i)]);
  }
  // The first that can strike now; the others keep their place.
  for (std::size_t i = bag.size(); i-- > 0;) {
    const Kind& kind = stream.kinds[bag[i]];
    if (!kind.strike()) continue;
    tally_.Count("faults", kind.name);
    bag.erase(bag.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

void Faults::Heal() {
  for (Ending& ending : endings_) (void)ending.run();
  endings_.clear();
  for (Edge& edge : world_.edges()) {
    edge.node->Continue();
    edge.link->Restore();
    if (edge.disk) (void)edge.disk->Free();
    if (!edge.node->running()) edge.node->LetGo();
  }
  world_.gateway().Continue();
  if (world_.gateway_disk() != nullptr) (void)world_.gateway_disk()->Free();
  if (!world_.gateway().running()) world_.gateway().LetGo();
  if (const auto broker = world_.BrokerPid()) ::kill(*broker, SIGCONT);
  if (!world_.broker_managed() && !world_.broker().running()) world_.broker().LetGo();
}

bool Faults::KillEdge() {
  Node& node = *AnyEdge().node;
  if (!node.running()) return false;
  tally_.Raise("peak RSS, MiB", "edge agent", node.peak_rss_mib());
  node.Kill(DownTime());
  return true;
}

bool Faults::KillGateway() {
  if (!world_.gateway().running()) return false;
  world_.KillGateway(DownTime());
  return true;
}

bool Faults::KillBroker() {
  const std::optional<pid_t> broker = world_.BrokerPid();
  if (!broker) return false;
  if (world_.broker_managed()) {
    ::kill(*broker, SIGKILL);
  } else {
    world_.broker().Kill(Between(0, 1'000));
  }
  return true;
}

bool Faults::KillSeveral() {
  if (!world_.gateway().running()) return false;
  const std::uint64_t who = 1 + random_.Below(7);
  if ((who & 1) != 0) (void)KillBroker();
  if ((who & 2) != 0) world_.KillGateway(DownTime());
  bool killed = (who & 2) != 0;
  for (Edge& edge : world_.edges()) {
    if (random_.Below(2) == 0 || !edge.node->running()) continue;
    edge.node->Kill(DownTime());
    killed = true;
  }
  return killed || (who & 1) != 0;
}

// It dies while it opens its database, migrates, says its first Hello, or begins to send.
bool Faults::KillRestarted(Node& node) {
  if (!node.running()) return false;
  node.Kill({});
  const int life = node.life();
  const Milliseconds after = Between(0, random_.Below(3) == 0 ? 1'500 : 150);
  EndAfter({}, [this, &node, life, after] {
    if (node.life() == life) return false;  // Not started yet.
    EndAfter(after, [this, &node, life] {
      if (node.life() == life + 1 && node.running()) node.Kill(DownTime());
      return true;
    });
    return true;
  });
  return true;
}

bool Faults::RestartInOrder(Node& node) {
  if (!node.running() || node.paused()) return false;
  const std::optional<int> code = node.Terminate(kStopWaitSeconds, Between(0, 500));
  // One that had just begun may die of the signal before it waits for it.
  if (!code || (*code != 0 && *code != 128 + SIGTERM && *code != 3)) {
    tally_.Found(node.name() + " did not end in order: exit code " +
                 (code ? std::to_string(*code) : "none, it still ran"));
  }
  return true;
}

bool Faults::PauseNode(Node& node, Milliseconds length) {
  if (!node.running() || node.paused()) return false;
  node.Pause();
  const int life = node.life();
  EndAfter(length, [&node, life] {
    if (node.life() == life) node.Continue();
    return true;
  });
  return true;
}

bool Faults::PauseBroker() {
  const std::optional<pid_t> broker = world_.BrokerPid();
  if (!broker) return false;
  ::kill(*broker, SIGSTOP);
  // It is ours or our gateway's, and we reap it: the number is no one else's until then, or it
  // was killed, and then the signal finds none or one that runs anyway.
  EndAfter(Between(100, 10'000), [pid = *broker] {
    ::kill(pid, SIGCONT);
    return true;
  });
  return true;
}

bool Faults::BrokerDown() {
  if (world_.broker_managed()) {
    // The gateway stays away for long, and its broker with it.
    if (!world_.gateway().running()) return false;
    world_.KillGateway(Between(3'000, 9'000));
    return true;
  }
  if (!world_.broker().running()) return false;
  world_.broker().Kill(Between(2'000, 9'000));
  return true;
}

bool Faults::LinkFault(const std::function<void(TcpProxy&)>& fault, Milliseconds length) {
  TcpProxy& link = *AnyEdge().link;
  fault(link);
  EndAfter(length, [&link] {
    link.Restore();
    return true;
  });
  return true;
}

bool Faults::FillDisk(testing::SmallDisk& disk) {
  if (disk.full() || !disk.Fill(random_.Below(3) * 65'536)) return false;
  EndAfter(Between(1'000, 6'000), [&disk] { return disk.Free(); });
  return true;
}

}  // namespace edcsync::torture
