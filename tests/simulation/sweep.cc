// Many seeds, each world in a process of its own.
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tests/simulation/planted_defects.h"
#include "tests/simulation/simulation.h"

namespace edcsync::simulation {
namespace {

using SortedJson = nlohmann::json;

constexpr std::size_t kPrintedBytesMax = 4000;  // Of what a crashed process printed.

struct Child {
  pid_t pid = 0;
  SeedRun run;
  std::FILE* answer = nullptr;   // The verdict, as JSON.
  std::FILE* printed = nullptr;  // Its standard error.
};

SortedJson ToJson(const Verdict& verdict) {
  return {{"violations", verdict.violations}, {"tail", verdict.tail},
          {"faults", verdict.faults},         {"reached", verdict.reached},
          {"checked", verdict.checked},       {"virtualSeconds", verdict.virtual_seconds}};
}

std::string ReadAll(std::FILE* file) {
  std::string text;
  std::rewind(file);
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) {
    text.append(buffer, n);
  }
  std::fclose(file);
  return text;
}

[[noreturn]] void RunChild(const Child& child) {
  ::dup2(::fileno(child.printed), STDERR_FILENO);
  // Of its own work, so that a busy machine hangs no world; a world waits for nothing.
  const ::rlimit work{child.run.seconds_max, child.run.seconds_max + 1};
  CHECK(::setrlimit(RLIMIT_CPU, &work) == 0);
  ::signal(SIGINT, SIG_IGN);  // Ctrl-C reaches it too: it comes to its end.
  PlantDefect(child.run.defect);
  const Verdict verdict = Simulate(child.run.world);
  const std::string text =
      ToJson(verdict).dump(-1, ' ', false, SortedJson::error_handler_t::replace);
  std::fwrite(text.data(), 1, text.size(), child.answer);
  std::fflush(child.answer);
  ::_exit(0);
}

Child Begin(const SeedRun& run) {
  Child child;
  child.run = run;
  child.answer = std::tmpfile();
  child.printed = std::tmpfile();
  CHECK(child.answer != nullptr && child.printed != nullptr);
  std::fflush(nullptr);
  child.pid = ::fork();
  CHECK(child.pid >= 0);
  if (child.pid == 0) RunChild(child);
  return child;
}

// `status`: of waitpid.
Verdict End(Child& child, int status) {
  const std::string answer = ReadAll(child.answer);
  std::string printed = ReadAll(child.printed);
  Verdict verdict;
  verdict.seed = child.run.world.seed;
  verdict.ticks = child.run.world.ticks;
  const SortedJson json = SortedJson::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && json.is_object()) {
    verdict.violations = json["violations"];
    verdict.tail = json["tail"];
    verdict.faults = json["faults"];
    verdict.reached = json["reached"];
    verdict.checked = json["checked"];
    verdict.virtual_seconds = json["virtualSeconds"];
    return verdict;
  }
  if (printed.size() > kPrintedBytesMax) printed.erase(0, printed.size() - kPrintedBytesMax);
  std::string how = "exit code " + std::to_string(WEXITSTATUS(status));
  if (WIFSIGNALED(status)) {
    how = WTERMSIG(status) == SIGXCPU
              ? "it hangs: ended after " + std::to_string(child.run.seconds_max) + " s of work"
              : "signal " + std::to_string(WTERMSIG(status));
  }
  verdict.violations.push_back("crash " + how);
  verdict.tail = printed + "\n";
  return verdict;
}

volatile sig_atomic_t asked_to_end = 0;

void Add(History::Counts& sum, const History::Counts& more) {
  for (const auto& [name, count] : more) sum[name] += count;
}

}  // namespace

Verdict SimulateApart(const SeedRun& run) {
  Child child = Begin(run);
  int status = 0;
  CHECK(::waitpid(child.pid, &status, 0) == child.pid);
  return End(child, status);
}

SweepResult Sweep(const SweepOptions& options) {
  SweepResult result;
  const auto begun = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  struct sigaction ending {};
  ending.sa_handler = [](int) { asked_to_end = 1; };
  ::sigaction(SIGINT, &ending, nullptr);
  ::sigaction(SIGTERM, &ending, nullptr);
  std::map<pid_t, Child> children;
  std::uint64_t next = options.first_seed;
  while (true) {
    const bool late =
        asked_to_end != 0 ||
        (options.seconds_max > 0 && seconds() > static_cast<double>(options.seconds_max));
    const bool enough = result.failures.size() >= options.failures_max;
    while (!late && !enough && next <= options.last_seed && children.size() < options.jobs) {
      SeedRun run;
      run.world.seed = next++;
      run.world.ticks = options.ticks;
      run.defect = options.defect;
      Child child = Begin(run);
      children.emplace(child.pid, std::move(child));
    }
    if (children.empty()) break;
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    const auto found = children.find(ended);
    if (found == children.end()) continue;
    const Verdict verdict = End(found->second, status);
    children.erase(found);
    ++result.seeds;
    Add(result.faults, verdict.faults);
    Add(result.reached, verdict.reached);
    Add(result.checked, verdict.checked);
    result.virtual_seconds += verdict.virtual_seconds;
    if (!verdict.ok()) result.failures.push_back(verdict);
    if (options.each) options.each(verdict);
  }
  result.seconds = seconds();
  return result;
}

Verdict Shorten(const SeedRun& run, Verdict failed) {
  unsigned low = 1;
  unsigned high = failed.ticks;
  while (low < high) {
    SeedRun shorter = run;
    shorter.world.ticks = low + (high - low) / 2;
    Verdict verdict = SimulateApart(shorter);
    if (verdict.ok() || verdict.invariant() != failed.invariant()) {
      low = shorter.world.ticks + 1;
    } else {
      high = shorter.world.ticks;
      failed = std::move(verdict);
    }
  }
  return failed;
}

}  // namespace edcsync::simulation
