#include "tests/bench/desk.h"

#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>

#include "central-gateway/desk/conflict_view.h"
#include "central-gateway/store/sqlite_central_store.h"
#include "shared/base/json.h"
#include "shared/storage/database.h"
#include "tests/bench/service.h"
#include "tests/support/long_queue.h"

namespace edcsync::bench {
namespace {

using central::CentralStore;

constexpr int kRepeats = 9;

// The median of several runs, in milliseconds.
double MedianMs(const std::function<void()>& run) {
  std::vector<double> times;
  for (int i = 0; i < kRepeats; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
    times.push_back(took.count());
  }
  std::sort(times.begin(), times.end());
  return std::round(times[times.size() / 2] * 100) / 100;
}

class LongQueue {
 public:
  explicit LongQueue(std::uint64_t count) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "edcsync-bench-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    options_.path = folder_ + "/central.db";
    options_.key_file = folder_ + "/central.key";
    options_.start_writer = false;
    options_.holder = "bench";
    Need(central::CreateSqliteCentralStore(options_, clock_, random_));
    store_ = Need(central::OpenSqliteCentralStore(options_, clock_, random_));
    Need(testing::AddOpenConflicts(*store_, clock_, random_, count));
  }
  ~LongQueue() {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  CentralStore& store() { return *store_; }
  const std::string& path() const { return options_.path; }
  WallTime now() const { return clock_.Wall(); }

 private:
  SystemClock clock_;
  SystemRandom random_;
  std::string folder_;
  central::SqliteCentralStoreOptions options_;
  std::unique_ptr<CentralStore> store_;
};

// One walk through the rows of the queue: what no page can beat that counts or sorts them.
double CeilingMs(const std::string& path) {
  DatabaseOptions options;
  options.path = path;
  options.read_only = true;
  const std::unique_ptr<Database> database = Need(Database::Open(options));
  return MedianMs([&] {
    Statement statement = database->Prepare(
        "SELECT count(*), max(r.subject_key) FROM conflict c JOIN record r "
        "ON r.record_id = c.record_id WHERE c.state = 0");
    (void)Need(statement.Step());
  });
}

}  // namespace

Json MeasureDesk(std::uint64_t conflict_count) {
  LongQueue queue(conflict_count);
  central::StudyCatalogue catalogue;
  const central::Viewer viewer = central::Everything("dm.okello");
  Json report{{"conflicts", conflict_count}};
  const double ceiling_ms = CeilingMs(queue.path());
  report["ceilingMs"] = ceiling_ms;
  double slowest_ms = 0;
  const auto page = [&](const std::string& name, const central::QueueRequest& request) {
    const double took_ms = MedianMs([&] {
      std::optional<central::QueuePlace> next;
      (void)Need(central::QueueJson(queue.store(), catalogue, viewer, request, queue.now(), next));
    });
    report["pages"][name] = took_ms;
    slowest_ms = std::max(slowest_ms, took_ms);
  };
  using central::QueueSort;
  const std::pair<const char*, QueueSort> sorts[] = {
      {"due", QueueSort::kDue},          {"severity", QueueSort::kSeverity},
      {"site", QueueSort::kSite},        {"subject", QueueSort::kSubject},
      {"event", QueueSort::kEvent},      {"form", QueueSort::kForm},
      {"items", QueueSort::kItems},      {"openedAt", QueueSort::kOpenedAt},
      {"assignee", QueueSort::kAssignee}};
  for (const auto& [name, sort] : sorts) {
    central::QueueRequest request;
    request.order = {sort, false};
    page(std::string("sort ") + name, request);
    request.order.descending = true;
    page(std::string("sort -") + name, request);
  }
  const std::pair<const char*, std::function<void(central::QueueFilter&)>> filters[] = {
      {"severity", [](auto& filter) { filter.severity = Severity::kHard; }},
      {"site", [](auto& filter) { filter.site = "SITE.7"; }},
      {"subject", [](auto& filter) { filter.subject = "S77"; }},
      {"event", [](auto& filter) { filter.event = "SE.WEEK_2"; }},
      {"form", [](auto& filter) { filter.form = "F.VS"; }},
      {"item", [](auto& filter) { filter.item = "IT.VS.PULSE"; }},
      {"assignee", [](auto& filter) { filter.assignee = "dm.okello"; }},
      {"nobody's", [](auto& filter) { filter.assignee = ""; }},
      {"overdue", [&](auto& filter) { filter.due_before = queue.now(); }},
      {"words",
       [](auto& filter) {
         filter.words = {"week_2", "site.7"};
       }},
      {"one site's rights", [](auto& filter) {
         filter.scopes = {{StudyOID(), SiteOID("SITE.7")}};
       }}};
  for (const auto& [name, set] : filters) {
    central::QueueRequest request;
    set(request.filter);
    page(std::string("filter ") + name, request);
  }
  report["countsMs"] = MedianMs(
      [&] { (void)Need(central::QueueCountsJson(queue.store(), viewer, {}, queue.now())); });
  report["slowestPageMs"] = slowest_ms;
  report["slowestPageOfCeiling"] = std::round(slowest_ms / std::max(ceiling_ms, 0.01) * 100) / 100;
  return report;
}

}  // namespace edcsync::bench
