#include "tests/simulation/simulation.h"

#include "tests/simulation/checkers.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/people.h"
#include "tests/simulation/planted_defects.h"
#include "tests/simulation/reconciling.h"
#include "tests/simulation/rogue.h"
#include "tests/simulation/watch.h"
#include "tests/support/submissions.h"

namespace edcsync::simulation {
namespace {

constexpr std::size_t kTailLines = 40;

// Real records of one site of the study, read once for all worlds.
const std::vector<std::string>& RealLines() {
  static const std::vector<std::string> lines =
      testing::Slice(testing::RecordsOf("SITE.702"), 0, 60);
  return lines;
}

void MakeTrial(World& world) {
  const std::size_t site_count = 1 + world.random.Below(3);
  for (std::size_t i = 0; i < site_count; ++i) {
    world.sites.push_back("SITE.70" + std::to_string(i + 1));
  }
  const std::size_t edge_count = site_count + world.random.Below(3);
  for (std::size_t i = 0; i < edge_count; ++i) {
    static const char* const kNames[] = {"kisumu", "tororo", "mbale", "jinja", "gulu"};
    const int minutes =
        world.Chance(15) ? static_cast<int>(1 + world.random.Below(10)) : 0;
    world.AddEdge(kNames[i], world.sites[i % site_count], minutes);
    if (minutes != 0) world.Fault("edge certificate ends soon", kNames[i]);
  }
}

std::int64_t SomeTime(World& world) {
  const std::uint64_t roll = world.random.Below(100);
  const std::int64_t most = roll < 60 ? kSecond / 5 : roll < 92 ? 5 * kSecond : 60 * kSecond;
  return static_cast<std::int64_t>(world.random.Below(static_cast<std::uint64_t>(most)));
}

void Live(World& world) {
  static const std::vector<std::string> kNoLines;
  People people(world, world.Chance(20) ? RealLines() : kNoLines);
  Faults faults(world);
  std::unique_ptr<Rogue> rogue = world.Chance(30) ? std::make_unique<Rogue>(world) : nullptr;
  for (unsigned tick = 0; tick < world.options.ticks && world.violations.empty(); ++tick) {
    people.Act();
    if (world.Chance(50)) people.Act();
    faults.Act();
    if (rogue != nullptr && world.Chance(30)) rogue->Act();
    world.Pass(SomeTime(world));
  }
  std::string why;
  if (world.violations.empty() && !world.Heal(why)) {
    world.Violate("settles", "an hour after all faults ended: " + why, {});
  }
  if (world.violations.empty()) Reconcile(world);
  if (world.violations.empty()) CheckWorld(world);
}

std::string TextOf(const Violation& violation) {
  std::string text = violation.invariant + " " + violation.text;
  for (std::size_t i = 0; i < violation.about.size(); ++i) {
    text += (i == 0 ? " [" : ", ") + violation.about[i];
  }
  return text + (violation.about.empty() ? "" : "]");
}

}  // namespace

std::string Verdict::invariant() const {
  return ok() ? "" : violations[0].substr(0, violations[0].find(' '));
}

Verdict Simulate(const WorldOptions& options) {
  World world(options);
  MakeTrial(world);
  {
    Watch watch(world);
    Live(world);
    world.broker.before_taken = world.broker.after_taken = world.broker.on_publish = nullptr;
    world.after_step.clear();
  }
  Verdict verdict;
  verdict.seed = options.seed;
  verdict.ticks = options.ticks;
  for (const Violation& violation : world.violations) {
    verdict.violations.push_back(TextOf(violation));
  }
  if (!world.violations.empty()) {
    verdict.tail = world.history.Tail(world.violations[0].about, kTailLines);
  }
  verdict.faults = world.history.faults();
  verdict.reached = world.history.reached();
  verdict.checked = world.history.checked();
  const Broker::Figures& figures = world.broker.figures();
  verdict.faults["message lost"] = figures.lost;
  verdict.faults["message repeated"] = figures.repeated;
  verdict.faults["message stalled"] = figures.stalled;
  verdict.reached["planted defect met"] = DefectMet();
  const auto add_losses = [&](const testing::SimDisk& disk) {
    verdict.faults["disk write dropped"] += disk.losses().writes_dropped;
    verdict.faults["disk write torn"] += disk.losses().writes_torn;
  };
  add_losses(world.centre.disk);
  for (const auto& edge : world.edges) add_losses(edge->disk);
  verdict.virtual_seconds = static_cast<double>(world.now_us()) / 1e6;
  return verdict;
}

std::string Report(const Verdict& verdict, const std::string& defect) {
  std::string text = "seed " + std::to_string(verdict.seed) + " fails:\n";
  for (std::size_t i = 0; i < verdict.violations.size() && i < 10; ++i) {
    text += "  " + verdict.violations[i] + "\n";
  }
  if (verdict.violations.size() > 10) {
    text += "  and " + std::to_string(verdict.violations.size() - 10) + " more\n";
  }
  text += "what led to the first, as far as it matters:\n" + verdict.tail;
  text += "replay it:\n  simulate --seed " + std::to_string(verdict.seed) + " --ticks " +
          std::to_string(verdict.ticks) + (defect.empty() ? "" : " --defect " + defect) +
          " --trace\n";
  return text;
}

}  // namespace edcsync::simulation
