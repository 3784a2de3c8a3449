// torture: the real programs, broker and disks of a small trial, while processes are killed and
// paused, links break and disks fill; at the end, what stands at the centre and at the sites is
// compared with what people were told. Ends with 0 only if all of it fits.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/support/slowdown.h"
#include "tests/torture/centre_staff.h"
#include "tests/torture/clients.h"
#include "tests/torture/comparison.h"
#include "tests/torture/faults.h"

namespace edcsync::torture {
namespace {

constexpr int kClientsOfAnEdge = 2;
constexpr int kDataManagers = 2;
constexpr Milliseconds kTick{5};
constexpr std::chrono::seconds kProgressEvery{10};
constexpr std::chrono::seconds kAllBackWithin{60 * testing::kSlowdown};
constexpr double kFullRunMinutes = 3;  // From here on every kind of fault must have struck.
// A sanitizer's shadow takes memory as it takes time.
constexpr std::uint64_t kGatewayRssMibMax = 512 * testing::kSlowdown;
constexpr std::uint64_t kEdgeRssMibMax = 256 * testing::kSlowdown;
constexpr std::size_t kLogBytesShown = 4'000;

std::atomic<bool> interrupted{false};

struct Options {
  double minutes = 5;
  std::uint64_t seed = 0;
  int edges = 4;
  int pace_ms = 900;
  bool keep = false;
  std::string json_file;
};

// Everybody who works on the running world, each on a thread of their own.
class People {
 public:
  People(const World& world, std::uint64_t seed, Ledger& ledger, Tally& tally)
      : operator_(world, tally, seed ^ 0x0b) {
    for (std::size_t edge = 0; edge < world.edge_count(); ++edge) {
      const std::string& site = world.edge(edge).site;
      const auto known = std::find_if(sites_.begin(), sites_.end(),
                                      [&](const SiteForms& forms) { return forms.site() == site; });
      SiteForms& forms = known == sites_.end() ? sites_.emplace_back(site) : *known;
      for (int i = 0; i < kClientsOfAnEdge; ++i) {
        const std::uint64_t number = clients_.size();
        clients_.emplace_back(world, edge, forms, ledger, tally, "nurse-" + std::to_string(number),
                              seed * 1000 + number);
      }
    }
    for (int i = 0; i < kDataManagers; ++i) {
      managers_.emplace_back(world, sites_, ledger, tally, "dm-" + std::to_string(i),
                             seed * 1000 + 900 + static_cast<std::uint64_t>(i));
    }
  }
  ~People() { Leave(); }

  void Begin() {
    for (Client& client : clients_) threads_.emplace_back([&] { client.Run(stop_); });
    for (DataManager& manager : managers_) threads_.emplace_back([&] { manager.Run(stop_); });
    threads_.emplace_back([this] { operator_.Run(stop_); });
  }
  void Stop() { stop_ = true; }
  void Leave() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  Operator& it() { return operator_; }

 private:
  std::deque<SiteForms> sites_;
  std::deque<Client> clients_;
  std::deque<DataManager> managers_;
  Operator operator_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

double Seconds(Time from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

void PrintProgress(const Tally& tally, Time begun) {
  std::printf(
      "%4.0f s  %llu faults, %llu submissions (%llu captured, %llu unanswered), "
      "%llu online edits, %llu resolutions, %zu problems\n",
      Seconds(begun), static_cast<unsigned long long>(tally.Sum("faults")),
      static_cast<unsigned long long>(tally.Sum("submissions")),
      static_cast<unsigned long long>(tally.Of("submissions", "captured")),
      static_cast<unsigned long long>(tally.Of("submissions", "no answer")),
      static_cast<unsigned long long>(tally.Of("online edits", "captured")),
      static_cast<unsigned long long>(tally.Of("resolutions", "done")), tally.problems().size());
  std::fflush(stdout);
}

// While something takes its time, processes still start, and lines still tell of it.
template <class Done>
void Attend(World& world, const Tally& tally, Time begun, const Done& done) {
  Time next = std::chrono::steady_clock::now() + kProgressEvery;
  while (!interrupted && !done()) {
    world.Supervise();
    if (std::chrono::steady_clock::now() >= next) {
      PrintProgress(tally, begun);
      next += kProgressEvery;
    }
    std::this_thread::sleep_for(kTick);
  }
}

void CheckMemory(Tally& tally) {
  const auto bound = [&](const char* program, std::uint64_t mib_max) {
    const std::uint64_t peak = tally.Of("peak RSS, MiB", program);
    if (peak <= mib_max) return;
    tally.Found(std::string("The memory of the ") + program + " reached " + std::to_string(peak) +
                " MiB; " + std::to_string(mib_max) + " is the bound");
  };
  bound("gateway", kGatewayRssMibMax);
  bound("edge agent", kEdgeRssMibMax);
}

// A run that tested nothing must not pass.
void CheckCoverage(const Options& options, std::vector<std::string> kinds, Tally& tally) {
  if (tally.Of("compared", "revisions at the centre") == 0 ||
      tally.Of("compared", "answered captured") == 0) {
    tally.Found("The run tested nothing: no revision was compared");
  }
  if (options.minutes < kFullRunMinutes) return;
  const auto require = [&](const std::string& group, const std::string& name) {
    if (tally.Of(group, name) == 0) {
      tally.Found("The run tested nothing of \"" + name + "\" (" + group + ")");
    }
  };
  for (const std::string& kind : Operator::Kinds()) kinds.push_back(kind);
  kinds.emplace_back("kill command");
  for (const std::string& kind : kinds) require("faults", kind);
  for (const char* outcome :
       {"captured", "unchanged", "stale", "no answer", "refused, reason_required",
        "refused, wrong_site", "refused, locked"}) {
    require("submissions", outcome);
  }
  require("locks", "revisions released from quarantine");
  for (const char* origin : {"site", "online", "resolution", "convergence", "merge"}) {
    require("revisions by origin", origin);
  }
  require("compared", "backups verified");
  require("compared", "checks while running");
  if (tally.Figures("skipped").empty()) require("submissions", "refused, disk_full");
}

SortedJson ReportOf(const Options& options, const Tally& tally, double wall_s) {
  SortedJson report = {{"seed", options.seed},
                       {"minutes", options.minutes},
                       {"edges", options.edges},
                       {"wallSeconds", wall_s},
                       {"passed", tally.problems().empty() && !interrupted},
                       {"problems", tally.problems()}};
  for (const auto& [group, figures] : tally.All()) report["figures"][group] = figures;
  return report;
}

void PrintReport(const Options& options, const Tally& tally, double wall_s) {
  for (const auto& [group, figures] : tally.All()) {
    std::printf("\n%s\n", group.c_str());
    for (const auto& [name, figure] : figures) {
      std::printf("  %-44s %10llu\n", name.c_str(), static_cast<unsigned long long>(figure));
    }
  }
  std::printf("\n%.0f s in all, seed %llu, %d edges\n", wall_s,
              static_cast<unsigned long long>(options.seed), options.edges);
}

void PrintProblems(const Options& options, const Tally& tally, const World& world) {
  for (const std::string& problem : tally.problems())
    std::printf("\nPROBLEM: %s\n", problem.c_str());
  for (const char* name : {"gateway", "broker"}) {
    std::printf("\n--- the end of log-%s ---\n%s\n", name,
                TailOf(world.folder() + "/log-" + name, kLogBytesShown).c_str());
  }
  for (std::size_t i = 0; i < world.edge_count(); ++i) {
    const Edge& edge = world.edge(i);
    std::printf("\n--- the end of log-%s ---\n%s\n", edge.name.c_str(),
                TailOf(edge.node->log(), kLogBytesShown).c_str());
  }
  std::printf("\nFAILED with seed %llu: %zu problems. Everything is kept in %s\n",
              static_cast<unsigned long long>(options.seed), tally.problems().size(),
              world.folder().c_str());
}

void RunWorld(const Options& options, World& world, Tally& tally) {
  if (!world.Prepare()) return;
  const Time begun = std::chrono::steady_clock::now();
  Ledger ledger;
  Faults faults(world, options.seed, Milliseconds(options.pace_ms), tally);
  People people(world, options.seed, ledger, tally);
  people.Begin();
  const Time end = begun + Milliseconds(static_cast<std::int64_t>(options.minutes * 60'000));
  Attend(world, tally, begun, [&] {
    faults.Tick();
    return std::chrono::steady_clock::now() >= end;
  });
  std::printf("%4.0f s  faults end, everything comes back\n", Seconds(begun));
  faults.Heal();
  people.Stop();
  std::atomic<bool> left{false};
  std::thread leaving([&] { people.Leave(), left = true; });
  Attend(world, tally, begun, [&] { return left.load(); });
  leaving.join();
  if (interrupted) return;
  const Time all_back_by = std::chrono::steady_clock::now() + kAllBackWithin;
  Attend(world, tally, begun, [&] {
    if (std::chrono::steady_clock::now() > all_back_by) return true;  // The comparison tells it.
    for (std::size_t i = 0; i < world.edge_count(); ++i) {
      if (world.EdgeStatus(i, 1).is_null()) return false;
    }
    return true;
  });
  people.it().ResumeAll();
  Comparison comparison(world, ledger, tally, interrupted);
  const bool compared = comparison.Run(people.it().held_by_backups());
  CheckMemory(tally);
  if (compared) CheckCoverage(options, faults.Kinds(), tally);
}

int Run(const Options& options) {
  const Time begun = std::chrono::steady_clock::now();
  ::setenv("TZ", "UTC", 1);  // Times in exports are then ordered as their text is.
  WorldOptions world_options;
  world_options.edge_count = options.edges;
  world_options.seed = options.seed;
  world_options.small_disks = testing::EnterPrivateMounts();
  std::printf("torture: seed %llu, %.1f minutes, %d edges%s\n",
              static_cast<unsigned long long>(options.seed), options.minutes, options.edges,
              world_options.small_disks ? "" : "; full disks are SKIPPED: no mount is permitted");
  Tally tally;
  World world(world_options, tally);
  std::printf("  in %s\n", world.folder().c_str());
  RunWorld(options, world, tally);
  const double wall_s = Seconds(begun);
  if (!options.json_file.empty()) {
    std::ofstream(options.json_file) << ReportOf(options, tally, wall_s).dump(2) << '\n';
  }
  PrintReport(options, tally, wall_s);
  const bool failed = !tally.problems().empty();
  if (failed) PrintProblems(options, tally, world);
  if (failed || options.keep) world.Keep();
  if (interrupted) {
    std::printf("Interrupted.\n");
    return 130;
  }
  if (!failed) std::printf("passed\n");
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace edcsync::torture

int main(int argc, char** argv) {
  edcsync::torture::Options options;
  CLI::App app(
      "Tortures the built edge-agent and central-gateway, with a real Mosquitto and real files: "
      "kills, pauses, broken links, full disks. Compares at the end what was answered with what "
      "stands. The seed draws people and faults; the moments they meet are the machine's.");
  app.add_option("--minutes", options.minutes, "Of faults; healing and comparison come on top (5)")
      ->check(CLI::Range(0.1, 10'000.0));
  app.add_option("--seed", options.seed, "0: a new one");
  app.add_option("--edges", options.edges, "Edge agents, two to a site (4)")
      ->check(CLI::Range(2, 12));
  app.add_option("--pace", options.pace_ms,
                 "Milliseconds between faults of edges and links, on average (900)")
      ->check(CLI::Range(20, 60'000));
  app.add_flag("--keep", options.keep, "Keep the folder also if all is well");
  app.add_option("--json", options.json_file, "Write the figures to this file, too");
  CLI11_PARSE(app, argc, argv);
  if (options.seed == 0) options.seed = edcsync::SystemRandom().Below(1'000'000'000) + 1;
  struct sigaction action {};
  action.sa_handler = [](int) { edcsync::torture::interrupted = true; };
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return edcsync::torture::Run(options);
}
