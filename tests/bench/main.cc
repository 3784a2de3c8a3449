// bench: how fast the real programs are on this machine, beside what its disk and SQLite can do.
// Figures go out as JSON; a missed target is told there and never makes the exit code fail.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <thread>

#include "shared/base/file.h"
#include "tests/bench/desk.h"
#include "tests/bench/desk_load.h"
#include "tests/bench/measures.h"
#include "tests/bench/reconcile.h"

namespace edcsync::bench {
namespace {

struct Options {
  Scale scale;
  bool quick = false;
  bool million = false;
  std::string json_file;
  std::string only;
};

double LoadAverage() {
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  return load;
}

Json Machine() {
  char name[256] = {};
  std::string model = "unknown";
  std::ifstream cpus("/proc/cpuinfo");
  for (std::string line; std::getline(cpus, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    model = line.substr(line.find(':') + 2);
    break;
  }
  ::gethostname(name, sizeof name - 1);
  return {{"host", name},
          {"cpu", model},
          {"cores", std::thread::hardware_concurrency()},
          {"memoryMib", ::sysconf(_SC_PHYS_PAGES) / (1024 * 1024 / ::sysconf(_SC_PAGESIZE))},
          {"loadBefore", LoadAverage()}};
}

Json Target(const std::string& what, double limit, double figure, bool met) {
  return {{"target", what}, {"limit", limit}, {"measured", figure}, {"met", met}};
}

// The targets of which this run has figures.
Json Targets(const Json& figures) {
  Json targets = Json::array();
  if (figures.contains("drain")) {
    const Json& drain = figures["drain"];
    const double rate = drain["recordsPerS"];
    const double share = drain["shareOfCeiling"];
    targets.push_back(Target("drain, records/s, or 0.35 of the ceiling", 15'000, rate,
                             rate >= 15'000 || share >= 0.35));
    targets.push_back(Target("drain, share of the ceiling", 0.35, share, share >= 0.35));
    const double wire = drain["frameBytesPerRecord"];
    targets.push_back(Target("frame bytes on the wire a record", 260, wire, wire <= 260));
    const double rss = drain["gateway"]["peakRssMib"];
    targets.push_back(Target("gateway peak RSS, MiB", 256, rss, rss <= 256));
  }
  if (figures.contains("drainOfMany")) {
    const double rss = figures["drainOfMany"]["gateway"]["peakRssMib"];
    targets.push_back(Target("gateway peak RSS with many edges, MiB", 256, rss, rss <= 256));
  }
  if (figures.contains("live")) {
    const double p50 = figures["live"]["submissionToReceipt"]["p50Ms"];
    targets.push_back(Target("live p50, ms", 10, p50, p50 <= 10));
  }
  if (figures.contains("desk")) {
    const double page = figures["desk"]["slowestPageMs"];
    targets.push_back(Target("desk, slowest first page or filter, ms", 200, page, page <= 200));
  }
  if (figures.contains("deskLoad")) {
    const double p95 = figures["deskLoad"]["whileDraining"]["all"]["p95Ms"];
    targets.push_back(Target("desk, p95 of 50 data managers while edges drain, ms", 150, p95,
                             p95 <= 150));
  }
  if (figures.contains("reconcile")) {
    const double share = figures["reconcile"]["shareOfCeiling"];
    targets.push_back(Target("reconciliation's walk, share of the ceiling", 0.1, share,
                             share >= 0.1));
    const double bytes = figures["reconcile"]["equal"]["bytes"];
    targets.push_back(Target("bytes on the wire when site and centre are equal", 16'384, bytes,
                             bytes <= 16'384));
    const double mib = figures["reconcile"]["equal"]["memoryMib"];
    targets.push_back(Target("memory of both halves together, MiB", 64, mib, mib <= 64));
  }
  if (figures.contains("million")) {
    const double rss = figures["million"]["peakRssMib"];
    targets.push_back(Target("edge peak RSS with 1,000,000 waiting, MiB", 64, rss, rss <= 64));
  }
  return targets;
}

void Shrink(Scale& scale) {
  scale.capture_records = 2'000;
  scale.drain_records = 5'000;
  scale.many_records = 500;
  scale.many_edges = 4;
  scale.live_records = 200;
  scale.million_records = 20'000;
  scale.desk_conflicts = 500;
  scale.repeat = 1;
}

std::string ProgramsFolder() {
  std::error_code ignored;
  const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
  return (self.parent_path().parent_path() / "bin").string();
}

int Run(Options options) {
  if (options.quick) Shrink(options.scale);
  if (options.scale.bin.empty()) options.scale.bin = ProgramsFolder();
  for (const char* program : {"/edge-agent", "/central-gateway"}) {
    if (!fs::exists(options.scale.bin + program)) Abandon("no " + options.scale.bin + program);
  }
  const auto wanted = [&](const char* what) {
    if (!options.only.empty() && options.only != what) return false;
    std::fprintf(stderr, "%s\n", what);
    return true;
  };
  Json report = {{"machine", Machine()}, {"quick", options.quick}};
  if (wanted("capture")) report["capture"] = MeasureCapture(options.scale);
  if (wanted("drain")) {
    report["drain"] = MeasureDrain(options.scale);
    report["drainOfMany"] = MeasureDrainOfMany(options.scale);
  }
  if (wanted("live")) report["live"] = MeasureLive(options.scale);
  if (wanted("desk")) report["desk"] = MeasureDesk(options.quick ? 2'000 : 100'000);
  if (wanted("desk-load")) report["deskLoad"] = MeasureDeskLoad(options.scale);
  if (wanted("reconcile")) {
    report["reconcile"] =
        MeasureReconcile(options.quick ? 20'000 : options.million ? 1'000'000 : 200'000);
  }
  if (options.million && options.only.empty()) report["million"] = MeasureMillion(options.scale);
  report["machine"]["loadAfter"] = LoadAverage();
  report["targets"] = Targets(report);
  const std::string text = report.dump(2) + "\n";
  if (options.json_file.empty()) {
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  const Status written = WriteFile(options.json_file, text, 0644, /*exclusive=*/false);
  if (!written.ok()) Abandon(written.error().ToString());
  return 0;
}

}  // namespace
}  // namespace edcsync::bench

int main(int argc, char** argv) {
  edcsync::bench::Options options;
  CLI::App app("Measures capture, drain and live delivery of the real programs, and the desk's queue. Progress goes to "
               "standard error, figures as JSON to standard output or --json.");
  app.add_option("--json", options.json_file, "Write the figures to this file");
  app.add_flag("--quick", options.quick, "A small run of seconds");
  app.add_option("--only", options.only, "One measure")
      ->check(CLI::IsMember({"capture", "drain", "live", "desk", "desk-load", "reconcile"}));
  app.add_flag("--million", options.million, "Also the agent's memory with 1,000,000 waiting; and "
               "`reconcile` with 1,000,000 records");
  app.add_option("--records", options.scale.drain_records, "Backlog of the drain of one edge")
      ->check(CLI::Range(1'000, 10'000'000));
  app.add_option("--repeat", options.scale.repeat, "Drains of each backlog; the best counts")
      ->check(CLI::Range(1, 20));
  app.add_option("--bin", options.scale.bin, "Folder of the programs (default: beside bench)");
  CLI11_PARSE(app, argc, argv);
  return edcsync::bench::Run(std::move(options));
}
