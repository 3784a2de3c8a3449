#include "tests/simulation/faults.h"

#include <unistd.h>

#include <filesystem>

namespace edcsync::simulation {

using Fault = testing::SimDisk::Fault;

struct Faults::Kind {
  const char* name;
  void (*act)(Faults&);
};

const std::vector<Faults::Kind>& Faults::All() {
  static const std::vector<Kind> kinds{
      {"weather", [](Faults& f) { f.Weather(); }},
      {"line cut", [](Faults& f) { f.Line(Broker::Line::kCut, "line cut"); }},
      {"line loses up", [](Faults& f) { f.Line(Broker::Line::kLosesUp, "line loses up"); }},
      {"line loses down", [](Faults& f) { f.Line(Broker::Line::kLosesDown, "line loses down"); }},
      {"line stalls", [](Faults& f) { f.Line(Broker::Line::kStalls, "line stalls"); }},
      {"broker restarts", [](Faults& f) { f.BrokerRestarts(); }},
      {"edge disk error once",
       [](Faults& f) { f.EdgeDisk(Fault::kErrorOnce, "edge disk error once"); }},
      {"edge disk error for good",
       [](Faults& f) { f.EdgeDisk(Fault::kErrorForGood, "edge disk error for good"); }},
      {"edge disk full", [](Faults& f) { f.EdgeDiskFull(); }},
      {"edge dies at a disk call",
       [](Faults& f) { f.EdgeDisk(Fault::kPowerCut, "edge dies at a disk call"); }},
      {"edge dies at a publish", [](Faults& f) { f.EdgeDiesAtPublish(); }},
      {"edge killed", [](Faults& f) { f.EdgeDies(false); }},
      {"edge loses power", [](Faults& f) { f.EdgeDies(true); }},
      {"edge hangs", [](Faults& f) { f.EdgeHangs(); }},
      {"edge paused", [](Faults& f) { f.EdgePaused(); }},
      {"edge clock", [](Faults& f) { f.EdgeClock(); }},
      {"edge restored from a backup", [](Faults& f) { f.EdgeRestored(); }},
      {"edge cloned", [](Faults& f) { f.EdgeCloned(); }},
      {"edge disk lost", [](Faults& f) { f.EdgeDiskLost(); }},
      {"edge revoked", [](Faults& f) { f.EdgeRevoked(); }},
      {"gateway killed", [](Faults& f) { f.GatewayDies(); }},
      {"gateway hangs", [](Faults& f) { f.GatewayHangs(); }},
      {"second gateway", [](Faults& f) { f.SecondGateway(); }},
      {"centre disk error once",
       [](Faults& f) { f.CentreDisk(Fault::kErrorOnce, "centre disk error once"); }},
      {"centre disk error for good",
       [](Faults& f) { f.CentreDisk(Fault::kErrorForGood, "centre disk error for good"); }},
      {"centre disk full", [](Faults& f) { f.CentreDiskFull(); }},
      {"centre dies at a disk call",
       [](Faults& f) { f.CentreDisk(Fault::kPowerCut, "centre dies at a disk call"); }},
      {"centre dies at a publish", [](Faults& f) { f.CentreDiesAtPublish(); }},
      {"centre killed", [](Faults& f) { f.CentreDies(false); }},
      {"centre loses power", [](Faults& f) { f.CentreDies(true); }},
      {"centre clock", [](Faults& f) { f.CentreClock(); }},
      {"centre restored from a backup", [](Faults& f) { f.CentreRestored(); }},
  };
  return kinds;
}

std::vector<std::string> Faults::Kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : All()) names.emplace_back(kind.name);
  return names;
}

Faults::Faults(World& world) : world_(world) {
  const auto share = static_cast<unsigned>(10 + world.random.Below(80));
  for (const Kind& kind : All()) {
    if (world.Chance(share)) drawn_.push_back(&kind);
  }
  percent_ = static_cast<unsigned>(10 + world.random.Below(50));
  world.broker.after_taken = [this, watch = world.broker.after_taken](const std::string& client,
                                                                      const Message& message) {
    if (watch) watch(client, message);
    WakeTheLate();
  };
}

void Faults::Act() {
  world_.EndTheDead();
  ComeUp();
  EndSome();
  if (drawn_.empty() || !world_.Chance(percent_)) return;
  world_.OneOf(drawn_)->act(*this);
}

// Whatever supervises the services starts them again, now or later.
void Faults::ComeUp() {
  for (const auto* machines : {&world_.edges, &world_.clones}) {
    for (const auto& machine : *machines) {
      if (machine->running() || !world_.Chance(40)) continue;
      const Status started = machine->Start();
      world_.Note(started.ok() ? "starts" : "does not start: " + started.error().ToString(),
                  machine->name());
    }
  }
  CentreMachine& centre = world_.centre;
  if (centre.running(0) || centre.running(1) || !world_.Chance(40)) return;
  const Status started = centre.Start(0);
  world_.Note(started.ok() ? "gateway-1 starts"
                           : "gateway-1 does not start: " + started.error().ToString(),
              "centre");
}

void Faults::EndSome() {
  if (world_.Chance(20)) world_.broker.weather = {};
  for (const auto& edge : world_.edges) {
    if (*edge->line != Broker::Line::kGood && world_.Chance(25)) {
      *edge->line = Broker::Line::kGood;
      world_.broker.LineChanged(edge->line);
      world_.Note("the line is good again", edge->name());
    }
    if (edge->running() && edge->loop().hanging() && world_.Chance(40)) edge->loop().Hang(false);
    if (world_.Chance(20)) {
      edge->disk.Mend();
      edge->disk.SetCapacity(std::nullopt);
    }
    if (edge->running() && edge->status().state == edge::SyncState::kPaused && world_.Chance(40)) {
      (void)edge->SetPaused(false);
    }
  }
  CentreMachine& centre = world_.centre;
  for (std::size_t i = 0; i < CentreMachine::kGatewayCountMax; ++i) {
    if (*centre.lines[i] != Broker::Line::kGood && world_.Chance(25)) {
      *centre.lines[i] = Broker::Line::kGood;
      world_.broker.LineChanged(centre.lines[i]);
    }
    if (centre.running(i) && centre.loop(i).hanging() && !(late_ == i && centre.running(1 - i)) && world_.Chance(30)) {
      centre.loop(i).Hang(false);
      world_.Note(CentreMachine::NameOf(i) + " goes on", "centre");
    }
  }
  if (world_.Chance(20)) {
    centre.disk.Mend();
    centre.disk.SetCapacity(std::nullopt);
  }
}

// Often soon, so that the fault strikes in what is going on; sometimes far.
std::uint64_t Faults::SomeCall() {
  return 1 + world_.random.Below(world_.Chance(50) ? 20 : 400);
}

void Faults::Weather() {
  world_.Fault("weather");
  world_.broker.weather.lose_percent = static_cast<unsigned>(world_.random.Below(40));
  world_.broker.weather.repeat_percent = static_cast<unsigned>(world_.random.Below(40));
  const std::int64_t slow[] = {2'000, 200'000, 2'000'000, 15'000'000};
  world_.broker.weather.delay_us_max = slow[world_.random.Below(std::size(slow))];
}

void Faults::Line(Broker::Line kind, const char* name) {
  const std::uint64_t which = world_.random.Below(world_.edges.size() + 2);
  const bool gateway = which >= world_.edges.size();
  const std::shared_ptr<Broker::Line> line =
      gateway ? world_.centre.lines[which - world_.edges.size()] : world_.edges[which]->line;
  world_.Fault(name, gateway ? "centre" : world_.edges[which]->name());
  *line = kind;
  world_.broker.LineChanged(line);
}

void Faults::BrokerRestarts() {
  world_.Fault("broker restarts");
  world_.broker.Restart(static_cast<std::int64_t>(world_.random.Below(30)) * kSecond);
}

void Faults::EdgeDisk(Fault fault, const char* name) {
  EdgeMachine& edge = AnyEdge();
  if (!edge.running()) return;
  world_.Fault(name, edge.name());
  edge.disk.FailCall(SomeCall(), fault);
}

void Faults::EdgeDiskFull() {
  EdgeMachine& edge = AnyEdge();
  if (!edge.running()) return;
  world_.Fault("edge disk full", edge.name());
  edge.disk.SetCapacity(edge.disk.size_bytes() + world_.random.Below(64 * 1024));
}

void Faults::EdgeDies(bool power) {
  EdgeMachine& edge = AnyEdge();
  if (!edge.running()) return;
  world_.Fault(power ? "edge loses power" : "edge killed", edge.name());
  power ? edge.PowerCut() : edge.Kill();
}

void Faults::EdgeDiesAtPublish() {
  EdgeMachine& edge = AnyEdge();
  if (!edge.running()) return;
  world_.Fault("edge dies at a publish", edge.name());
  edge.dies_at_publish = 1 + world_.random.Below(8);
}

void Faults::EdgeHangs() {
  EdgeMachine& edge = AnyEdge();
  if (!edge.running()) return;
  world_.Fault("edge hangs", edge.name());
  edge.loop().Hang(true);
}

void Faults::EdgePaused() {
  EdgeMachine* edge = world_.Running();
  if (edge == nullptr) return;
  world_.Fault("edge paused", edge->name());
  (void)edge->SetPaused(true);
}

void Faults::EdgeClock() {
  EdgeMachine& edge = AnyEdge();
  world_.Fault("edge clock", edge.name());
  const std::int64_t reach_ms[] = {2'000, 300'000, 7'200'000, 864'000'000};
  const std::int64_t reach = reach_ms[world_.random.Below(std::size(reach_ms))];
  const auto offset =
      static_cast<std::int64_t>(world_.random.Below(static_cast<std::uint64_t>(2 * reach)));
  edge.clock.Set(offset - reach, static_cast<std::int64_t>(world_.random.Below(10'000)) - 5'000);
}

void Faults::EdgeRestored() {
  EdgeMachine& edge = AnyEdge();
  if (world_.revoked.contains(edge.edge())) return;
  testing::SimDisk::Files& backup = edge_backups_[edge.name()];
  if (backup.empty() || world_.Chance(40)) {
    if (!edge.disk.dead()) backup = edge.disk.Copy();
    return;
  }
  world_.Fault("edge restored from a backup", edge.name());
  edge.disk.Mend();  // Or what it holds could not be read for the last time.
  edge.Kill();
  const std::set<RevisionId> before = world_.HeldByAnyone();
  edge.disk.Put(backup);
  world_.Excuse(before);
}

void Faults::EdgeCloned() {
  if (!world_.clones.empty()) return;
  EdgeMachine& edge = AnyEdge();
  if (world_.revoked.contains(edge.edge()) || edge.disk.dead()) return;
  const std::string name = edge.name() + "-clone-" + std::to_string(world_.scrapped.size());
  auto clone = std::make_unique<EdgeMachine>(world_.surroundings, name, edge.edge(), edge.site(),
                                             edge.identity(),
                                             world_.centre.identity().certificate);
  std::error_code ignored;
  std::filesystem::copy_file(edge.key_file(), clone->key_file(), ignored);
  clone->disk.Put(edge.disk.Copy());
  if (!clone->Start().ok()) return;
  world_.Fault("edge cloned", edge.name());
  world_.clones.push_back(std::move(clone));
}

void Faults::EdgeDiskLost() {
  EdgeMachine& edge = AnyEdge();
  if (world_.revoked.contains(edge.edge()) || world_.Chance(50)) return;
  world_.Fault("edge disk lost", edge.name());
  edge.disk.Mend();  // Or what it holds could not be read for the last time.
  edge.Kill();
  const std::set<RevisionId> before = world_.HeldByAnyone();
  edge.disk.Put({});
  ::unlink(edge.key_file().c_str());
  edge_backups_.erase(edge.name());  // It would not open with another key.
  world_.Excuse(before);
}

void Faults::EdgeRevoked() {
  if (!world_.revoked.empty() || world_.edges.size() < 3) return;
  EdgeMachine& edge = AnyEdge();
  central::CentralStore* store = world_.centre.Commands();
  if (store == nullptr) return;
  const Status revoked = store->Write([&](central::CentralWriter& writer) -> Status {
    EDCSYNC_TRY(writer.SetEdgeStanding(edge.edge(), central::EdgeStanding::kRevoked, "stolen"));
    return writer.AppendAudit("admin", "edge.revoked", edge.edge().str(), "stolen");
  });
  if (!revoked.ok()) return;
  world_.Fault("edge revoked", edge.edge().str());
  edge.disk.Mend();
  const std::set<RevisionId> before = world_.HeldByAnyone();
  world_.revoked.insert(edge.edge());
  world_.Excuse(before);
}

void Faults::GatewayDies() {
  const std::size_t which = world_.random.Below(2);
  if (!world_.centre.running(which)) return;
  world_.Fault("gateway killed", CentreMachine::NameOf(which));
  world_.centre.KillGateway(which);
}

void Faults::GatewayHangs() {
  const std::size_t which = world_.random.Below(2);
  if (!world_.centre.running(which)) return;
  world_.Fault("gateway hangs", CentreMachine::NameOf(which));
  world_.centre.loop(which).Hang(true);
  // Somebody notices, and starts another in its place: what the hanging one has still to commit, it
  // commits for sessions that it has lost.
  const std::size_t other = 1 - which;
  if (world_.Chance(50)) {
    late_ = which;
    late_sessions_ = Sessions();
  }
  if (world_.Chance(50) || world_.centre.running(other)) return;
  if (world_.centre.Start(other).ok()) {
    world_.Fault("second gateway", CentreMachine::NameOf(other));
  }
}

std::map<EdgeId, std::pair<GatewayId, Epoch>> Faults::Sessions() {
  std::map<EdgeId, std::pair<GatewayId, Epoch>> sessions;
  central::CentralStore* store = world_.centre.disk.dead() ? nullptr : world_.centre.Commands();
  if (store == nullptr) return sessions;
  (void)store->Read([&](central::CentralReader& reader) -> Status {
    for (const auto& edge : world_.edges) {
      EDCSYNC_ASSIGN(const auto row, reader.FindEdge(edge->edge()));
      if (row) sessions[edge->edge()] = {row->gateway, row->epoch};
    }
    return Ok();
  });
  return sessions;
}

// Right after the other's Welcome it matters most that this one's commits are fenced.
void Faults::WakeTheLate() {
  if (!late_) return;
  if (!world_.centre.running(*late_) || !world_.centre.loop(*late_).hanging()) {
    late_.reset();
    return;
  }
  const GatewayId name(CentreMachine::NameOf(*late_));
  for (const auto& [edge, session] : Sessions()) {
    const auto before = late_sessions_.find(edge);
    if (before == late_sessions_.end() || before->second.first != name) continue;
    if (session.first == name || session.second <= before->second.second) continue;
    world_.centre.loop(*late_).Hang(false);
    world_.Note(name.str() + " goes on, " + session.first.str() + " has its sessions", "centre");
    world_.history.Reached("gateways woken too late");
    late_.reset();
    return;
  }
}

void Faults::SecondGateway() {
  const std::size_t which = world_.random.Below(2);
  if (world_.centre.running(which)) return;
  const Status started = world_.centre.Start(which);
  if (!started.ok()) return;
  world_.Fault("second gateway", CentreMachine::NameOf(which));
}

void Faults::CentreDisk(Fault fault, const char* name) {
  world_.Fault(name, "centre");
  world_.centre.disk.FailCall(SomeCall(), fault);
}

void Faults::CentreDiskFull() {
  world_.Fault("centre disk full", "centre");
  world_.centre.disk.SetCapacity(world_.centre.disk.size_bytes() +
                                 world_.random.Below(64 * 1024));
}

void Faults::CentreDies(bool power) {
  world_.Fault(power ? "centre loses power" : "centre killed", "centre");
  power ? world_.centre.PowerCut() : world_.centre.Kill();
}

void Faults::CentreDiesAtPublish() {
  world_.Fault("centre dies at a publish", "centre");
  world_.centre.dies_at_publish = 1 + world_.random.Below(12);
}

// Within minutes only: ids are refused until a clock set back has caught up.
void Faults::CentreClock() {
  world_.Fault("centre clock", "centre");
  world_.centre.clock.Set(static_cast<std::int64_t>(world_.random.Below(240'000)) - 120'000,
                          static_cast<std::int64_t>(world_.random.Below(10'000)) - 5'000);
}

void Faults::CentreRestored() {
  CentreMachine& centre = world_.centre;
  if (centre_backup_.empty() || world_.Chance(40)) {
    if (!centre.disk.dead()) centre_backup_ = centre.disk.Copy();
    return;
  }
  world_.Fault("centre restored from a backup", "centre");
  centre.disk.Mend();  // Or what it holds could not be read for the last time.
  centre.disk.SetCapacity(std::nullopt);
  centre.Kill();  // A machine that is down holds all the same what its disk does (seed 322).
  const std::set<RevisionId> before = world_.HeldByAnyone();
  centre.disk.Put(centre_backup_);
  world_.centre_was_restored = true;
  central::CentralStore* store = centre.Commands();
  CHECK(store != nullptr);
  // As `central-gateway restore` does. Its clock must be past the last id the backup knows. Whom
  // the backup does not know as revoked is revoked again when a person next looks.
  centre.clock.Set(150'000, 0);
  Must(store->Write([&](central::CentralWriter& writer) -> Status {
    EDCSYNC_TRY(writer.SetHistory(world_.random.NewId<HistoryId>()));
    return writer.AppendAudit("admin", "store.restored", "central", "");
  }));
  world_.Excuse(before);
}

}  // namespace edcsync::simulation
