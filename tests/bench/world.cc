#include "tests/bench/world.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "shared/base/file.h"
#include "tests/bench/forms.h"
#include "tests/support/free_port.h"

namespace edcsync::bench {
namespace {

constexpr std::uint64_t kBatch = 1000;

std::string FirstWord(const fs::path& file) {
  std::ifstream in(file);
  std::string word;
  in >> word;
  return word;
}

bool Contains(const fs::path& file, const std::string& text) {
  std::ifstream in(file);
  std::stringstream all;
  all << in.rdbuf();
  return all.str().find(text) != std::string::npos;
}

}  // namespace

double NowS() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void AwaitTrue(const std::string& what, double timeout_s, double poll_s,
               const std::function<bool()>& done) {
  const double end = NowS() + timeout_s;
  while (!done()) {
    if (NowS() > end) Abandon(what + " did not happen in time");
    std::this_thread::sleep_for(std::chrono::duration<double>(poll_s));
  }
}

EdgeService::EdgeService(const std::string& bin, const fs::path& dir)
    : dir_(dir), service_([&]() -> Service {
        std::error_code ignored;
        fs::remove(dir / "data/http.port", ignored);  // Of an earlier run.
        return Service({bin + "/edge-agent", "--dir", dir.string(), "run"},
                       (dir / "log").string());
      }()) {
  AwaitTrue("the start of " + dir.string(), 120, 0.01, [&] {
    if (!service_.Runs()) Abandon("an edge agent ended: see " + (dir_ / "log").string());
    return !FirstWord(dir_ / "data/http.port").empty();
  });
  client_ = NewClient();
}

std::unique_ptr<HttpClient> EdgeService::NewClient() const {
  HttpClientOptions options;
  options.base_url = "http://127.0.0.1:" + FirstWord(dir_ / "data/http.port");
  options.bearer_token = FirstWord(dir_ / "data/http.token");
  return std::make_unique<HttpClient>(options);
}

Json EdgeService::Status() {
  const Result<HttpResponse> response = client_->Get("/v1/status");
  if (!response.ok()) Abandon(response.error().ToString());
  return Json::parse(response->body);
}

std::uint64_t EdgeService::AcknowledgedThrough() {
  return Status()["acknowledgedThrough"].get<std::uint64_t>();
}

void EdgeService::Sync(const std::string& action) {
  const Result<HttpResponse> response =
      client_->Post("/v1/sync", Json{{"action", action}}.dump(), "application/json");
  if (!response.ok() || response->status != 200) Abandon("sync " + action + " was refused");
}

void EdgeService::Capture(const std::string& site, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t done = 0; done < count;) {
    const std::uint64_t size = std::min(kBatch, count - done);
    std::string lines;
    for (std::uint64_t i = 0; i < size; ++i) lines += Form(site, first + done + i) + "\n";
    const Result<HttpResponse> response =
        client_->Post("/v1/submissions", lines, "application/x-ndjson");
    if (!response.ok()) Abandon(response.error().ToString());
    const Json answer = Json::parse(response->body, nullptr, false);
    if (response->status != 200 || !answer.is_object()) Abandon(response->body.substr(0, 500));
    for (const Json& outcome : answer["outcomes"]) {
      if (outcome["outcome"] != "captured") Abandon("not captured: " + outcome.dump());
    }
    done += size;
  }
}

World::World(std::string bin, int edge_count) : bin_(std::move(bin)) {
  std::string name = (fs::temp_directory_path() / "edcsync-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) Abandon("no temporary folder can be made");
  root_ = name;
  const std::string log = (root_ / "commands.log").string();
  const std::string gateway = bin_ + "/central-gateway";
  RunCommand({gateway, "--dir", GatewayDir().string(), "init", "--broker-host", "127.0.0.1",
              "--broker-port", std::to_string(testing::FreePort())},
             log);
  const std::string odm = (root_ / "metadata.xml").string();
  if (!WriteFile(odm, StudyMetadata(), 0600, /*exclusive=*/false).ok()) Abandon("no " + odm);
  RunCommand({gateway, "--dir", GatewayDir().string(), "study", "import", odm}, log);
  folders_.push_back(GatewayDir());
  for (int i = 1; i <= edge_count; ++i) {
    RunCommand({gateway, "--dir", GatewayDir().string(), "edge", "add",
                "edge-" + std::to_string(i), "--site", Site(i), "--out", EdgeDir(i).string()},
               log);
    folders_.push_back(EdgeDir(i));
  }
}

World::~World() {
  StopGateway();
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

void World::StartGateway() {
  const fs::path log = GatewayDir() / "run.log";
  std::error_code ignored;
  fs::remove(log, ignored);
  gateway_ = std::make_unique<Service>(
      std::vector<std::string>{bin_ + "/central-gateway", "--dir", GatewayDir().string(), "run"},
      log.string());
  AwaitTrue("the gateway's start", 60, 0.02, [&] {
    if (!gateway_->Runs()) Abandon("the gateway ended: see " + log.string());
    return Contains(log, "broker.connected");
  });
}

void World::Keep() {
  for (const fs::path& folder : folders_) {
    fs::copy(folder, folder.string() + ".kept", fs::copy_options::recursive);
  }
}

void World::Restore() {
  for (const fs::path& folder : folders_) {
    fs::remove_all(folder);
    fs::copy(folder.string() + ".kept", folder, fs::copy_options::recursive);
  }
  ::sync();  // The copies' own writing is not the benchmark's.
}

}  // namespace edcsync::bench
