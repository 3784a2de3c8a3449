#include "tests/bench/scrape.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <thread>

#include "central-gateway/admin/installation.h"
#include "central-gateway/store/sqlite_central_store.h"
#include "shared/storage/database.h"
#include "tests/bench/world.h"
#include "tests/support/long_queue.h"

namespace edcsync::bench {
namespace {

constexpr int kScrapes = 5;
constexpr std::uint64_t kLittle = 10;
constexpr auto kKept = std::chrono::milliseconds(1100);  // Figures are gathered once a second.

void RunSql(Database& database, const std::string& sql) {
  Statement statement = database.Prepare(sql);
  Need(statement.Run());
}

// Rows as the store would hold them; what they say is read by nobody here.
void FillStore(const std::string& file, int edges, std::uint64_t conflicts) {
  DatabaseOptions options;
  options.path = file;
  const std::unique_ptr<Database> database = Need(Database::Open(options));
  const std::string edge_count = std::to_string(edges), count = std::to_string(conflicts);
  const auto numbers = [](const std::string& to) {
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + to + ") ";
  };
  Need(database->Begin());
  RunSql(*database, numbers(edge_count) +
                        "INSERT INTO edge SELECT 1000 + i, 'many-' || i, e.site_id, 1, '', "
                        "e.added_at_ms, NULL, 0, '', 0, NULL, NULL, '' FROM n, edge e "
                        "WHERE e.edge_id = 'edge-1'");
  RunSql(*database, numbers(edge_count) +
                        "INSERT INTO edge_certificate (edge_rowid, pem) SELECT 1000 + i, c.pem "
                        "FROM n, edge_certificate c WHERE c.certificate_rowid = 1");
  RunSql(*database, numbers(edge_count) +
                        "INSERT INTO reconciliation SELECT i, 'SITE.1', 'many-' || i, 'bench', '', "
                        "0, 3, '', 1, 0, 0, 1, 0, 0, 0, 0, 0, '', x'', x'', '', '' FROM n");
  RunSql(*database, numbers(count) +
                        "INSERT INTO conflict SELECT i, r.record_id, e.site_id, 1, "
                        "zeroblob(64), NULL, '', 0, 1, zeroblob(32), 1, 'bench' "
                        "FROM n JOIN record r ON r.record_id = i, edge e WHERE e.edge_id = 'edge-1'");
  RunSql(*database, numbers(count) +
                        "INSERT INTO quarantine (revision_id, sealed, edge_id, incarnation, "
                        "sequence, record_key, site_id, reason, detail, received_at_ms, state, "
                        "decided_by) SELECT randomblob(32), randomblob(1000), 'edge-1', "
                        "zeroblob(16), i, NULL, e.site_id, 600, '', i, 1, '' FROM n, edge e "
                        "WHERE e.edge_id = 'edge-1'");
  Need(database->Commit());
}

void ServeHealth(const fs::path& dir) {
  const fs::path file = dir / "central-gateway.toml";
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t section = text.find("\n[health]\n");
  const std::size_t port = section == std::string::npos ? section : text.find("\nport = ", section);
  if (port == std::string::npos) {
    text += "\n[health]\nport = 0\n";
  } else {
    text.replace(port, text.find('\n', port + 1) - port, "\nport = 0");
  }
  std::ofstream(file, std::ios::trunc) << text;
}

// The median of several scrapes, in milliseconds.
double ScrapeMs(const std::string& bin, int edges, std::uint64_t conflicts) {
  World world(bin, 1);
  ServeHealth(world.GatewayDir());
  const central::Installation installation(world.GatewayDir().string());
  {
    const SystemClock clock;
    SystemRandom random;
    central::SqliteCentralStoreOptions options;
    options.path = installation.DatabaseFile();
    options.key_file = installation.KeyFile();
    options.holder = "bench";
    options.start_writer = false;
    const auto store = Need(central::OpenSqliteCentralStore(options, clock, random));
    Need(testing::AddOpenConflicts(*store, clock, random, conflicts));
  }
  FillStore(installation.DatabaseFile(), edges, conflicts);
  world.StartGateway();
  std::string port;
  AwaitTrue("the gateway's health", 60, 0.05, [&] {
    std::ifstream(world.GatewayDir() / "health.port") >> port;
    return !port.empty();
  });
  HttpClientOptions http;
  http.base_url = "http://127.0.0.1:" + port;
  HttpClient client(http);
  std::vector<double> times;
  for (int i = 0; i <= kScrapes; ++i) {
    std::this_thread::sleep_for(kKept);
    const double begun = NowS();
    const HttpResponse response = Need(client.Get("/metrics"));
    if (i > 0) times.push_back(NowS() - begun);  // The first fills caches.
    const std::string open = "edcsync_gateway_quarantine_waiting " + std::to_string(conflicts);
    if (response.body.find(open) == std::string::npos) Abandon("a scrape without its figures");
  }
  std::sort(times.begin(), times.end());
  return std::round(times[times.size() / 2] * 1e5) / 100;
}

}  // namespace

nlohmann::ordered_json MeasureScrape(const std::string& bin, int edges, std::uint64_t conflicts) {
  const double little_ms = ScrapeMs(bin, edges, kLittle);
  const double much_ms = ScrapeMs(bin, edges, conflicts);
  return {{"edges", edges},
          {"conflictsOpenEndedQuarantined", conflicts},
          {"scrapeMs", much_ms},
          {"withLittleInTheStoreMs", little_ms},
          {"shareOfCeiling", much_ms > 0 ? little_ms / much_ms : 0}};
}

}  // namespace edcsync::bench
