#include "tests/simulation/centre_machine.h"

#include "shared/wire/topics.h"

namespace edcsync::simulation {

struct CentreMachine::Gateway {
  explicit Gateway(std::uint64_t seed) : random(seed) {}
  ~Gateway() {
    if (reconciler != nullptr) reconciler->Stop();
    if (session != nullptr) session->Stop();
  }
  SeededRandom random;
  std::unique_ptr<ProcessLoop> loop;
  std::unique_ptr<central::CentralStore> store;
  std::unique_ptr<Broker::Client> transport;
  std::unique_ptr<central::GatewaySession> session;
  std::unique_ptr<central::Reconciler> reconciler;
};

CentreMachine::CentreMachine(Surroundings world, Identity identity, Certificate authority)
    : disk("centre", world.random.Next()),
      clock(world.clock),
      world_(world),
      identity_(std::move(identity)),
      authority_(std::move(authority)),
      commands_random_(std::make_unique<SeededRandom>(world.random.Next())) {
  for (auto& line : lines) line = std::make_shared<Broker::Line>(Broker::Line::kGood);
}

CentreMachine::~CentreMachine() { Kill(); }

central::SqliteCentralStoreOptions CentreMachine::Options(const std::string& holder) const {
  central::SqliteCentralStoreOptions options;
  options.path = kDatabase;
  options.key_file = key_file();
  options.vfs = disk.vfs();
  options.start_writer = false;
  options.holder = holder;
  return options;
}

void CentreMachine::Install() {
  Must(central::CreateSqliteCentralStore(Options("install"), clock, *commands_random_));
  disk.SyncAll();
}

Status CentreMachine::Start(std::size_t gateway) {
  CHECK(!running(gateway));
  auto it = std::make_unique<Gateway>(world_.random.Next());
  const std::string name = NameOf(gateway);
  EDCSYNC_ASSIGN(it->store, central::OpenSqliteCentralStore(Options(name), clock, it->random));
  it->loop = std::make_unique<ProcessLoop>(world_.scheduler, nullptr);
  const GatewayId id(name);
  it->transport = world_.broker.NewClient(name, *it->loop, lines[gateway],
                                          {wire::SharedHelloFilter(), wire::UpFilter(id)});
  it->transport->dies_at_publish = [this] {
    if (disk.dead()) return true;
    if (dies_at_publish == 0 || --dies_at_publish > 0) return false;
    disk.PowerCut();
    return true;
  };
  central::GatewaySessionOptions options;
  options.gateway = id;
  it->session = std::make_unique<central::GatewaySession>(options, *it->store, *it->transport,
                                                          *it->loop, clock, it->random,
                                                          central::Credentials{{identity_.Seal()},
                                                                               {authority_}});
  EDCSYNC_TRY(it->session->Start());
  gateways_[gateway] = std::move(it);
  return Ok();
}

// Wired as in central-gateway/app/reconcile_start.cc, on one thread.
void CentreMachine::StartReconciling(std::size_t gateway) {
  Gateway& it = *gateways_[gateway];
  if (it.reconciler != nullptr) return;
  it.reconciler = std::make_unique<central::Reconciler>(
      central::ReconcilerOptions{}, *it.store, *it.loop, clock,
      central::ReconcileIdentity{NameOf(gateway), identity_.Seal()},
      central::Reconciler::Sessions{
          [&it](const EdgeId& edge) { return it.session->EpochOf(edge); },
          [&it](const EdgeId& edge, wire::Frame frame) {
            it.loop->Post([&it, edge, frame = std::move(frame)] {
              it.reconciler->Sent(edge, it.session->Send(edge, frame));
            });
          }});
  it.session->on_reconcile = [&it](const central::EdgeEntry& entry, wire::Frame frame,
                                   std::size_t bytes) {
    std::vector<std::string> certificates;
    for (const Certificate& one : entry.certificates) certificates.push_back(one.ToPem());
    it.loop->Post([&it, edge = entry.edge, frame = std::move(frame),
                   certificates = std::move(certificates), bytes] {
      it.reconciler->OnFrame(edge, frame, certificates, bytes);
    });
  };
  it.reconciler->Start();
}

ProcessLoop& CentreMachine::loop(std::size_t gateway) { return *gateways_[gateway]->loop; }

void CentreMachine::KillGateway(std::size_t gateway) { gateways_[gateway].reset(); }

void CentreMachine::EndAll() {
  commands_.reset();
  for (auto& gateway : gateways_) gateway.reset();
  disk.Restart();
}

void CentreMachine::Kill() {
  if (!disk.dead()) disk.Kill();
  EndAll();
}

void CentreMachine::PowerCut() {
  if (!disk.dead()) disk.PowerCut();
  EndAll();
}

bool CentreMachine::EndIfDead() {
  if (!disk.dead()) return false;
  EndAll();
  return true;
}

central::CentralStore* CentreMachine::Commands() {
  if (commands_ == nullptr) {
    auto opened = central::OpenSqliteCentralStore(Options("command"), clock, *commands_random_);
    if (opened.ok()) commands_ = std::move(*opened);
  }
  return commands_.get();
}

}  // namespace edcsync::simulation
