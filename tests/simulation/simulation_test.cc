#include "tests/simulation/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "tests/simulation/faults.h"
#include "tests/simulation/planted_defects.h"
#include "tests/support/slowdown.h"

namespace edcsync::simulation {
namespace {

// Fewer where a sanitizer makes each world slow: EDCSYNC_SIMULATION_SEEDS.
std::uint64_t SeedCount() {
  const char* given = std::getenv("EDCSYNC_SIMULATION_SEEDS");
  return given == nullptr ? 200 : std::strtoull(given, nullptr, 10);
}

unsigned Jobs() { return std::max(1u, std::thread::hardware_concurrency()); }

TEST(Simulation, TheSameSeedReplaysTheSameWorld) {
  SeedRun run;
  run.world.seed = 7;
  const Verdict once = SimulateApart(run);
  const Verdict again = SimulateApart(run);
  EXPECT_EQ(once.violations, again.violations);
  EXPECT_EQ(once.faults, again.faults);
  EXPECT_EQ(once.reached, again.reached);
  EXPECT_EQ(once.checked, again.checked);
  EXPECT_EQ(once.virtual_seconds, again.virtual_seconds);
}

TEST(Simulation, EveryInvariantHoldsInEveryWorld) {
  SweepOptions options;
  options.last_seed = SeedCount();
  options.jobs = Jobs();
  const SweepResult result = Sweep(options);
  for (const Verdict& failed : result.failures) {
    SeedRun run;
    run.world.seed = failed.seed;
    ADD_FAILURE() << Report(Shorten(run, failed), "");
  }
  std::printf("%llu worlds in %.0f s\n", static_cast<unsigned long long>(result.seeds),
              result.seconds);
  // A run that tested nothing must be seen.
  if (result.seeds < 100) return;
  for (const std::string& kind : Faults::Kinds()) {
    EXPECT_GT(result.faults.count(kind), 0u) << "no world met: " << kind;
  }
  for (const char* state :
       {"captured", "conflicts", "conflicts resolved", "quarantine released", "edges readmitted",
        "new incarnations", "rogue pushes", "proposals endorsed", "proposals rejected", "claims", "claims refused",
        "claims taken over", "claims that ran out", "gateways woken too late", "reconciled equal",
        "reconciled mended", "silent losses mended", "silent damage mended"}) {
    EXPECT_GT(result.reached.count(state), 0u) << "no world reached: " << state;
  }
}

constexpr std::uint64_t kPlantedSeedMax = 200;  // Within so many each must be found.

class Planted : public ::testing::TestWithParam<PlantedDefect> {};

TEST_P(Planted, IsFound) {
  if (testing::kSlowdown > 1) GTEST_SKIP() << "what the checkers find does not hang on sanitizers";
  ASSERT_LE(GetParam().seed, kPlantedSeedMax);
  SweepOptions options;
  options.first_seed = options.last_seed = GetParam().seed;
  options.jobs = Jobs();
  options.defect = GetParam().name;
  SweepResult result = Sweep(options);
  if (result.failures.empty()) {
    options.first_seed = 1;
    options.last_seed = kPlantedSeedMax;
    result = Sweep(options);
  }
  ASSERT_FALSE(result.failures.empty())
      << "not found in " << result.seeds << " seeds: " << GetParam().what;
  EXPECT_GT(result.reached.at("planted defect met"), 0u);
  std::printf("%s (%s): found by seed %llu: %s\n", GetParam().name, GetParam().invariant,
              static_cast<unsigned long long>(result.failures[0].seed),
              result.failures[0].violations[0].c_str());
  RecordProperty("seeds", static_cast<int>(result.failures[0].seed));
}

INSTANTIATE_TEST_SUITE_P(EachDefect, Planted, ::testing::ValuesIn(PlantedDefects()),
                         [](const auto& parameter) {
                           std::string name = parameter.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace edcsync::simulation
