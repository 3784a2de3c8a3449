#include "tests/simulation/world.h"

#include <stdlib.h>

#include <filesystem>

#include "central-gateway/admin/edge_admin.h"
#include "central-gateway/admin/study_admin.h"
#include "tests/simulation/database_view.h"
#include "tests/simulation/seeded_openssl.h"

namespace edcsync::simulation {
namespace {

constexpr std::int64_t kStepUs = kSecond / 4;
constexpr std::int64_t kRestUsMax = 3600 * kSecond;

std::string MakeFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

// The libraries' seed must be set before the first key is made.
std::uint64_t Seeded(std::uint64_t seed) {
  SeedLibraries(seed);
  return seed;
}

}  // namespace

SiteOID SiteOf(const SubjectKey& subject) {
  return SiteOID(subject.str().substr(0, subject.str().find('-')));
}

World::World(const WorldOptions& world_options)
    : options(world_options),
      history(world_options.print),
      random(Seeded(world_options.seed)),
      broker(scheduler, random.Next()),
      folder(MakeFolder()),
      surroundings{clock, scheduler, broker, random, folder},
      authority(clock.Wall(), random),
      centre(surroundings, authority.Issue("gateway", "", clock.Wall(), 365),
             authority.certificate()) {
  centre.Install();
  Must(central::SetPolicy(*centre.Commands(), StudyOID(kStudyOID), FormOID(kMergedForm),
                          MergePolicy::kMergeDisjoint, "admin"));
  Must(centre.Start(0));
}

World::~World() {
  edges.clear();
  clones.clear();
  scrapped.clear();
  centre.Kill();
  std::filesystem::remove_all(folder);
}

EdgeMachine& World::AddEdge(const std::string& name, const std::string& site,
                            int valid_minutes) {
  // Valid for a year, or from a day ago so that it ends in some minutes.
  const WallTime from = valid_minutes == 0
                            ? clock.Wall()
                            : WallTime{clock.Wall().ms - 86'400'000 + valid_minutes * 60'000};
  const Identity identity = authority.Issue(name, site, from, valid_minutes == 0 ? 365 : 1);
  Must(centre.Commands()->Write([&](central::CentralWriter& writer) -> Status {
    central::EdgeRow row;
    row.edge = EdgeId(name);
    row.site = SiteOID(site);
    row.certificates_pem = {identity.certificate.ToPem()};
    row.added_at = writer.Now();
    EDCSYNC_TRY(writer.InsertEdge(row));
    return writer.AppendAudit("admin", "edge.added", name, "site=" + site);
  }));
  edges.push_back(std::make_unique<EdgeMachine>(surroundings, name, EdgeId(name), SiteOID(site),
                                                identity, centre.identity().certificate));
  Must(edges.back()->Start());
  return *edges.back();
}

EdgeMachine* World::Running(bool also_hanging) {
  std::vector<EdgeMachine*> running;
  for (const auto& edge : edges) {
    if (edge->running() && (also_hanging || !edge->loop().hanging())) running.push_back(edge.get());
  }
  return running.empty() ? nullptr : OneOf(running);
}

void World::EndTheDead() {
  if (centre.EndIfDead()) Note("the centre's machine went down", "centre");
  for (const auto* machines : {&edges, &clones}) {
    for (const auto& machine : *machines) {
      if (machine->EndIfDead()) Note("the machine went down", machine->name());
    }
  }
}

void World::Pass(std::int64_t us) {
  const std::int64_t end = now_us() + us;
  while (now_us() < end) {
    scheduler.RunFor(std::min(kStepUs, end - now_us()));
    EndTheDead();
    for (const auto& look : after_step) look();
  }
}

std::set<RevisionId> World::HeldByAnyone() const {
  std::set<RevisionId> held;
  const auto add = [&](const testing::SimDisk& disk, const char* path, bool is_centre) {
    const Result<std::set<RevisionId>> ids = ReadIds(disk.vfs(), path, is_centre);
    if (ids.ok()) held.insert(ids->begin(), ids->end());
  };
  add(centre.disk, CentreMachine::kDatabase, true);
  for (const auto& edge : edges) {
    if (!revoked.contains(edge->edge())) add(edge->disk, EdgeMachine::kDatabase, false);
  }
  for (const auto& clone : clones) add(clone->disk, EdgeMachine::kDatabase, false);
  return held;
}

void World::Excuse(const std::set<RevisionId>& before) {
  const std::set<RevisionId> after = HeldByAnyone();
  for (const RevisionId& id : before) {
    if (!after.contains(id) && excused.insert(id).second) history.Reached("revisions known lost");
  }
}

void World::StartAll() {
  for (std::size_t i = 0; i < CentreMachine::kGatewayCountMax; ++i) {
    if (centre.running(i)) centre.loop(i).Hang(false);
  }
  if (!centre.running(0)) {
    const Status started = centre.Start(0);
    if (!started.ok()) Note("gateway-1 does not start: " + started.error().ToString(), "centre");
  }
  for (const auto& edge : edges) {
    if (edge->running()) {
      edge->loop().Hang(false);
      (void)edge->SetPaused(false);
      continue;
    }
    const Status started = edge->Start();
    if (!started.ok()) Note("does not start: " + started.error().ToString(), edge->name());
  }
}

bool World::Heal(std::string& why) {
  Note("the world heals");
  broker.weather = {};
  centre.clock.Set(0, 0);
  centre.dies_at_publish = 0;
  centre.disk.Mend();
  centre.disk.SetCapacity(std::nullopt);
  for (const auto& line : centre.lines) {
    *line = Broker::Line::kGood;
    broker.LineChanged(line);
  }
  EndTheDead();
  const std::set<RevisionId> before = HeldByAnyone();
  for (auto& clone : clones) {
    if (clone->running()) clone->Kill();
    scrapped.push_back(std::move(clone));
  }
  clones.clear();
  Excuse(before);
  for (const auto& edge : edges) {
    edge->disk.Mend();
    edge->disk.SetCapacity(std::nullopt);
    edge->dies_at_publish = 0;
    edge->clock.Set(0, 0);
    *edge->line = Broker::Line::kGood;
    broker.LineChanged(edge->line);
  }
  for (std::int64_t passed = 0; passed < kRestUsMax; passed += 60 * kSecond) {
    StartAll();
    PersonsRound();
    for (int step = 0; step < 30; ++step) {
      Pass(2 * kSecond);
      if (!AtRest(why)) continue;
      // And stays so. An idle edge learns only from its next pull, within a minute, that a clone
      // has spoken for it.
      Pass((scrapped.empty() ? 5 : 75) * kSecond);
      if (AtRest(why)) return true;
    }
  }
  return false;
}

// What waits for a person gets one: locks are lifted, quarantine is decided, suspended edges are
// readmitted, refused databases begin a new incarnation, certificates are renewed.
void World::PersonsRound() {
  central::CentralStore* store = centre.Commands();
  if (store == nullptr) return Note("the central store does not open", "centre");
  RenewCertificates();
  std::vector<central::LockRow> locks;
  std::vector<central::EdgeRow> rows;
  std::vector<central::QuarantineRow> quarantine;
  (void)store->Read([&](central::CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(locks, reader.ListLocks());
    EDCSYNC_ASSIGN(rows, reader.ListEdges());
    EDCSYNC_ASSIGN(quarantine, reader.ListQuarantine(false, 1000));
    return Ok();
  });
  for (const central::LockRow& lock : locks) {
    (void)central::ClearLock(*store, lock, "dm", "the trial goes on");
  }
  for (const central::EdgeRow& row : rows) {
    if (!revoked.contains(row.edge) && row.standing == central::EdgeStanding::kRevoked) {
      // The command that revoked it failed at its commit, which stood all the same: a crash came
      // before the log of the commit was overwritten. Whoever gave it looks again.
      Note("was revoked after all", row.edge.str());
      const std::set<RevisionId> before = HeldByAnyone();
      revoked.insert(row.edge);
      Excuse(before);
      continue;
    }
    if (revoked.contains(row.edge) && row.standing != central::EdgeStanding::kRevoked) {
      (void)store->Write([&](central::CentralWriter& writer) {
        return writer.SetEdgeStanding(row.edge, central::EdgeStanding::kRevoked, "stolen");
      });
      continue;
    }
    if (row.standing != central::EdgeStanding::kSuspended) continue;
    Note("readmitted by a person", row.edge.str());
    (void)central::ReadmitEdge(*store, row.edge, "admin", "looked into");
    history.Reached("edges readmitted");
  }
  for (const auto& edge : edges) {
    if (!edge->running() || revoked.contains(edge->edge())) continue;
    if (edge->status().state != edge::SyncState::kStopped) continue;
    if (Chance(50)) {  // Perhaps it was enough that somebody at the centre decided.
      edge->SyncNow();
      continue;
    }
    const Status begun = edge->BeginNewIncarnation();
    Note("a new incarnation: " + (begun.ok() ? "begun" : begun.error().ToString()), edge->name());
    if (begun.ok()) history.Reached("new incarnations");
  }
}

void World::RenewCertificates() {
  for (const auto& edge : edges) {
    if (revoked.contains(edge->edge())) continue;
    const bool ended = edge->identity().certificate.NotAfter() < WallTime{clock.Wall().ms + 3'600'000};
    if (ended) {
      edge->SetIdentity(authority.Issue(edge->edge().str(), edge->site().str(), clock.Wall(), 365));
      if (edge->running()) edge->Kill();
      const Status started = edge->Start();
      Note(started.ok() ? "has a new certificate" : "does not start", edge->name());
      history.Reached("certificates renewed");
    }
    // Also one that a restored centre has forgotten.
    const std::string pem = edge->identity().certificate.ToPem();
    (void)centre.Commands()->Write([&](central::CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(const auto row, writer.FindEdge(edge->edge()));
      if (!row) return Ok();
      for (const std::string& known : row->certificates_pem) {
        if (known == pem) return Ok();
      }
      EDCSYNC_TRY(writer.AddCertificate(edge->edge(), pem));
      return writer.AppendAudit("admin", "edge.certificate", edge->edge().str(), "renewed");
    });
  }
}

bool World::AtRest(std::string& why) {
  FeedCursor head;
  HistoryId of_centre;
  central::CentralStore* store = centre.Commands();
  if (store == nullptr || !centre.running(0)) {
    why = "the centre does not start";
    return false;
  }
  const Status read = store->Read([&](central::CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(head, reader.FeedHead());
    EDCSYNC_ASSIGN(of_centre, reader.History());
    return Ok();
  });
  if (!read.ok()) {
    why = "the centre cannot be read: " + read.error().ToString();
    return false;
  }
  for (const auto& edge : edges) {
    if (revoked.contains(edge->edge())) continue;
    std::string behind = edge->Behind(head);
    // A restored centre's feed may be as long as the one before (seed 9287).
    if (behind.empty()) {  // So it runs.
      const std::optional<edge::Checkpoint> checkpoint = edge->Checkpoint();
      if (checkpoint && checkpoint->history != of_centre) {
        behind = "has not given a restored centre back what it knew: history " +
                 checkpoint->history.ToHex() + ", the centre's " + of_centre.ToHex();
      }
    }
    if (behind.empty()) continue;
    why = edge->name() + " " + behind;
    return false;
  }
  return true;
}

}  // namespace edcsync::simulation
