// simulate: runs worlds by seed, one again with its whole story, or as many as time allows.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/simulation/planted_defects.h"
#include "tests/simulation/simulation.h"

namespace edcsync::simulation {
namespace {

struct Arguments {
  std::uint64_t seed = 0;
  std::uint64_t first = 1;
  std::uint64_t count = 200;
  unsigned ticks = 60;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  std::string defect;
  bool trace = false;
  bool forever = false;
  bool json = false;
  bool list_defects = false;
  unsigned failures_max = 1;
  std::int64_t seconds = 0;
};

void PrintCounts(const char* title, const History::Counts& counts) {
  std::printf("%s:", title);
  for (const auto& [name, count] : counts) {
    std::printf(" %s %llu,", name.c_str(), static_cast<unsigned long long>(count));
  }
  std::printf("\n");
}

void PrintSummary(const SweepResult& result, bool json) {
  if (json) {
    const nlohmann::json out{{"seeds", result.seeds},
                             {"failures", result.failures.size()},
                             {"seconds", result.seconds},
                             {"virtualSeconds", result.virtual_seconds},
                             {"faults", result.faults},
                             {"reached", result.reached},
                             {"checked", result.checked}};
    std::printf("%s\n", out.dump().c_str());
    return;
  }
  std::printf("%llu seeds, %zu failed, %.0f s for %.1f days of virtual time\n",
              static_cast<unsigned long long>(result.seeds), result.failures.size(),
              result.seconds, result.virtual_seconds / 86'400);
  PrintCounts("faults", result.faults);
  PrintCounts("reached", result.reached);
  PrintCounts("checked", result.checked);
}

int Trace(const Arguments& arguments) {
  PlantDefect(arguments.defect);
  const Verdict verdict = Simulate({arguments.seed, arguments.ticks, arguments.trace});
  if (verdict.ok()) {
    std::printf("seed %llu holds\n", static_cast<unsigned long long>(verdict.seed));
    PrintCounts("faults", verdict.faults);
    PrintCounts("reached", verdict.reached);
    PrintCounts("checked", verdict.checked);
    return 0;
  }
  std::printf("%s", Report(verdict, arguments.defect).c_str());
  return 1;
}

int Many(const Arguments& arguments) {
  SweepOptions options;
  options.first_seed = arguments.first;
  options.last_seed = arguments.forever ? UINT64_MAX : arguments.first + arguments.count - 1;
  options.ticks = arguments.ticks;
  options.defect = arguments.defect;
  options.jobs = arguments.jobs;
  options.seconds_max = arguments.seconds;
  options.failures_max = arguments.failures_max;
  std::uint64_t done = 0;
  options.each = [&](const Verdict& verdict) {
    ++done;
    if (!verdict.ok()) {
      SeedRun run;
      run.world.seed = verdict.seed;
      run.defect = arguments.defect;
      std::printf("%s\n", Report(Shorten(run, verdict), arguments.defect).c_str());
    }
    if (done % 100 == 0 && !arguments.json) {
      std::fprintf(stderr, "%llu seeds\n", static_cast<unsigned long long>(done));
    }
    std::fflush(stdout);
  };
  const SweepResult result = Sweep(options);
  PrintSummary(result, arguments.json);
  return result.failures.empty() ? 0 : 1;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Runs whole simulated trials, each from one seed, and checks what must hold.\n"
               "Exit code 0: all held; 1: one did not; others: usage.",
               "simulate");
  app.add_option("--seed", arguments.seed, "One world only, in this process");
  app.add_option("--first", arguments.first, "The first seed of many")->capture_default_str();
  app.add_option("--seeds", arguments.count, "How many")->capture_default_str();
  app.add_option("--ticks", arguments.ticks, "Moves of people and faults before all heals")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  app.add_option("--jobs", arguments.jobs, "Worlds at a time")->check(CLI::Range(1, 64));
  app.add_option("--seconds", arguments.seconds, "Begin no further seed after so many");
  app.add_option("--failures", arguments.failures_max, "End after so many failures")
      ->capture_default_str();
  app.add_option("--defect", arguments.defect, "Plant this defect (--list-defects)");
  app.add_flag("--trace", arguments.trace, "With --seed: print each event as it happens");
  app.add_flag("--forever", arguments.forever, "Until a failure, --seconds or Ctrl-C");
  app.add_flag("--json", arguments.json, "The summary as JSON");
  app.add_flag("--list-defects", arguments.list_defects, "List the defects that can be planted");
  CLI11_PARSE(app, argc, argv);
  if (arguments.list_defects) {
    for (const PlantedDefect& defect : PlantedDefects()) {
      std::printf("%-24s %s  %s\n", defect.name, defect.invariant, defect.what);
    }
    return 0;
  }
  return arguments.seed != 0 ? Trace(arguments) : Many(arguments);
}

}  // namespace
}  // namespace edcsync::simulation

int main(int argc, char** argv) { return edcsync::simulation::Main(argc, argv); }
