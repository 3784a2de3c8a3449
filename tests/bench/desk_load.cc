#include "tests/bench/desk_load.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "central-gateway/admin/installation.h"
#include "central-gateway/people/accounts.h"
#include "central-gateway/store/sqlite_central_store.h"
#include "tests/bench/desk_client.h"
#include "tests/support/long_queue.h"

namespace edcsync::bench {
namespace {

constexpr int kManagers = 50;
constexpr char kPassword[] = "quiet lantern over Winam gulf";
// Three times a conflict: about 18 s, as somebody practised takes by keyboard.
constexpr double kThinkMinS = 3;
constexpr double kThinkMaxS = 9;
constexpr std::uint64_t kDrainFactor = 4;  // So that the drain outlasts a few conflicts.
constexpr char kSigning[] = "decide and sign";
constexpr double kQuietS = 15;  // Measured after the drain.

using Latencies = std::map<std::string, std::vector<double>>;  // Seconds by kind of call.

std::string NameOf(int number) { return "dm" + std::to_string(number); }

// Conflicts, accounts, and a desk on a port of its own without TLS.
void Prepare(const std::string& dir, std::uint64_t conflicts) {
  const SystemClock clock;
  SystemRandom random;
  const central::Installation installation(dir);
  central::SqliteCentralStoreOptions options;
  options.path = installation.DatabaseFile();
  options.key_file = installation.KeyFile();
  options.holder = "bench";
  options.start_writer = false;
  const std::unique_ptr<central::CentralStore> store =
      Need(central::OpenSqliteCentralStore(options, clock, random));
  const Status added = testing::AddOpenConflicts(*store, clock, random, conflicts);
  if (!added.ok()) Abandon(added.error().ToString());
  central::PasswordHasher hasher;
  for (int i = 0; i < kManagers; ++i) {
    (void)Need(central::AddAccount(
        *store, hasher, random,
        {NameOf(i), "Manager " + std::to_string(i), {{central::Role::kDataManager, {}, {}, false}}},
        "bench"));
    (void)Need(central::ChangePassword(*store, hasher, NameOf(i), kPassword));
  }
  const std::string file = dir + "/central-gateway.toml";
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t at = text.find("[desk]\n");
  if (at == std::string::npos) Abandon("no [desk] in " + file);
  std::string rest = text.substr(at + 7);
  const std::size_t port = rest.find("port = ");
  rest.replace(port, rest.find('\n', port) - port, "port = 0");
  std::ofstream(file, std::ios::trunc) << text.substr(0, at + 7) << "https = false\n" << rest;
}

// One who works through the queue until `over`.
class Manager {
 public:
  Manager(int port, int number) : client_(port, number), number_(number), random_(number) {}

  void LogIn() { client_.LogIn(NameOf(number_), kPassword); }

  void Work(const std::atomic<bool>& over, const std::atomic<int>& phase, Latencies* latencies,
            std::mutex& mutex, std::atomic<int>& decided) {
    while (!over) {
      Think(over);
      if (over) return;
      const Json page = Timed("page", phase, latencies, mutex, "GET",
                              "/conflicts?limit=50&sort=" + std::string(Chance(50) ? "due" : "-severity"));
      (void)Timed("counts", phase, latencies, mutex, "GET", "/conflicts/counts");
      if (over || page["conflicts"].empty()) continue;
      const Json& row = page["conflicts"][random_() % page["conflicts"].size()];
      const std::string path = "/conflicts/" + row["conflictId"].get<std::string>();
      const Json shown = Timed("conflict", phase, latencies, mutex, "GET", path);
      const Json claim = Timed("claim", phase, latencies, mutex, "POST", path + "/claim", Json::object());
      Think(over);
      if (over || !claim.contains("fencingToken") || !shown.contains("heads")) continue;
      const Json take = shown["heads"][random_() % shown["heads"].size()];
      (void)Timed("preview", phase, latencies, mutex, "POST", path + "/preview", {{"take", take}});
      Think(over);
      const Json done = Timed(kSigning, phase, latencies, mutex, "POST", path + "/resolve",
                              {{"take", take},
                               {"seenHeads", shown["heads"]},
                               {"fencingToken", claim["fencingToken"]},
                               {"reason", {{"text", "as on the source"}}},
                               {"signature", {{"password", kPassword}, {"meaning", "decided"}}}});
      if (done.contains("revisionId")) ++decided;
    }
  }

 private:
  bool Chance(unsigned percent) { return random_() % 100 < percent; }
  void Think(const std::atomic<bool>& over) {
    const double s = std::uniform_real_distribution<>(kThinkMinS, kThinkMaxS)(random_);
    for (double slept = 0; slept < s && !over; slept += 0.05) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  Json Timed(const std::string& what, const std::atomic<int>& phase, Latencies* latencies,
             std::mutex& mutex, const std::string& method, const std::string& path,
             const Json& body = nullptr) {
    const int in = phase;
    const double begun = NowS();
    DeskClient::Answer answer = client_.Call(method, path, body);
    const double took = NowS() - begun;
    if (answer.status >= 500) Abandon(what + " failed: " + answer.body.dump());
    const std::lock_guard lock(mutex);
    latencies[in][what].push_back(took);
    return std::move(answer.body);
  }

  DeskClient client_;
  const int number_;
  std::mt19937 random_;
};

double At(const std::vector<double>& sorted, double share) {
  const auto last = static_cast<double>(sorted.size() - 1);
  return std::round(sorted[static_cast<std::size_t>(share * last)] * 1e5) / 100;
}

Json Told(const Latencies& latencies) {
  Json json;
  std::vector<double> all, other;
  const auto add = [&json](const std::string& name, std::vector<double> seconds) {
    if (seconds.empty()) return;
    std::sort(seconds.begin(), seconds.end());
    json[name] = {{"calls", seconds.size()},
                  {"p50Ms", At(seconds, 0.5)},
                  {"p95Ms", At(seconds, 0.95)},
                  {"maxMs", At(seconds, 1)}};
  };
  for (const auto& [name, seconds] : latencies) {
    all.insert(all.end(), seconds.begin(), seconds.end());
    if (name != kSigning) other.insert(other.end(), seconds.begin(), seconds.end());
    add(name, seconds);
  }
  add("all", all);
  add("all but signing", other);  // A signature takes the time of a password's slow hash.
  return json;
}

}  // namespace

Json MeasureDeskLoad(const Scale& scale) {
  const std::uint64_t records_each = scale.many_records * kDrainFactor;
  World world(scale.bin, scale.many_edges);
  Prepare(world.GatewayDir().string(), scale.desk_conflicts);
  std::vector<EdgeService> edges;
  for (int i = 1; i <= scale.many_edges; ++i) {
    edges.push_back(world.StartEdge(i));
    edges.back().Sync("pause");
    edges.back().Capture(World::Site(i), 0, records_each);
  }
  world.StartGateway();
  int port = 0;
  AwaitTrue("the desk's start", 60, 0.02, [&] {
    return static_cast<bool>(std::ifstream(world.GatewayDir() / "desk.port") >> port);
  });
  std::vector<std::unique_ptr<Manager>> managers;
  for (int i = 0; i < kManagers; ++i) {
    managers.push_back(std::make_unique<Manager>(port, i));
    managers.back()->LogIn();
  }
  std::atomic<bool> over{false};
  std::atomic<int> phase{0};
  std::atomic<int> decided{0};
  std::mutex mutex;
  Latencies latencies[2];  // While the edges drain; after.
  std::vector<std::jthread> threads;
  for (const auto& manager : managers) {
    threads.emplace_back(
        [&, one = manager.get()] { one->Work(over, phase, latencies, mutex, decided); });
  }
  const double begun = NowS();
  for (EdgeService& edge : edges) edge.Sync("resume");
  std::size_t done = 0;
  AwaitTrue("the drain", 1800, 0.1, [&] {
    while (done < edges.size() && edges[done].AcknowledgedThrough() == records_each) ++done;
    return done == edges.size();
  });
  const double seconds = NowS() - begun;
  phase = 1;
  std::this_thread::sleep_for(std::chrono::duration<double>(kQuietS));
  over = true;
  threads.clear();
  const double records = static_cast<double>(records_each) * scale.many_edges;
  return {{"managers", kManagers},
          {"edges", scale.many_edges},
          {"conflicts", scale.desk_conflicts},
          {"drainRecordsPerS", std::round(records / seconds)},
          {"drainSeconds", std::round(seconds * 10) / 10},
          {"decided", decided.load()},
          {"whileDraining", Told(latencies[0])},
          {"afterwards", Told(latencies[1])}};
}

}  // namespace edcsync::bench
