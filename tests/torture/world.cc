#include "tests/torture/world.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "central-gateway/admin/broker_supervisor.h"
#include "tests/support/free_port.h"
#include "tests/support/test_broker.h"

namespace edcsync::torture {
namespace {

namespace fs = std::filesystem;

constexpr int kExitUnavailable = 3;
constexpr Milliseconds kRestartAfter{500};
constexpr Milliseconds kMeasureEvery{250};
constexpr std::size_t kEdgesOfASite = 2;
const char* const kSites[] = {"SITE.703", "SITE.705", "SITE.714"};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string FirstWord(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

Time Now() { return std::chrono::steady_clock::now(); }

std::vector<std::string> Joined(std::vector<std::string> first,
                                const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::string MakeFolder() {
  std::string pattern = (fs::temp_directory_path() / "edcsync-torture-XXXXXX").string();
  return ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
}

bool Replace(const std::string& file, const std::string& from, const std::string& to) {
  std::string text = ReadAll(file);
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return false;
  text.replace(at, from.size(), to);
  std::ofstream(file, std::ios::trunc) << text;
  return true;
}

}  // namespace

std::string TailOf(const std::string& file, std::size_t bytes) {
  const std::string all = ReadAll(file);
  return all.substr(all.size() - std::min(all.size(), bytes));
}

void Node::Start(const std::vector<std::string>& command) {
  process_ = std::make_unique<testing::Process>(command, log_);
  paused_ = false;
  ++life_;
}

void Node::Kill(Milliseconds down) {
  process_.reset();
  paused_ = false;
  start_at_ = Now() + down;
}

void Node::Pause() {
  if (!running()) return;
  process_->Signal(SIGSTOP);
  paused_ = true;
}

void Node::Continue() {
  if (!paused_) return;
  process_->Signal(SIGCONT);
  paused_ = false;
}

std::optional<int> Node::Terminate(int wait_s, Milliseconds down) {
  const std::optional<int> code = process_->Terminate(wait_s);
  Kill(down);
  return code;
}

std::optional<int> Node::Ended() {
  if (process_ == nullptr || process_->IsRunning()) return std::nullopt;
  const std::optional<int> code = process_->Wait(0);
  Kill(kRestartAfter);
  return code;
}

std::uint64_t Node::peak_rss_mib() {
  if (!running()) return 0;
  std::ifstream status("/proc/" + std::to_string(pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10) / 1024;
  }
  return 0;
}

World::World(const WorldOptions& options, Tally& tally)
    : tally_(tally),
      random_(options.seed ^ 0x3077),
      options_(options),
      folder_(MakeFolder()),
      gateway_("gateway", folder_ + "/log-gateway"),
      broker_("broker", folder_ + "/log-broker") {
  // A managed broker whose gateway was killed comes to us, so that it can be waited for.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

World::~World() {
  EndAll();
  if (keep_) return;
  gateway_disk_.reset();
  edges_.clear();
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

bool World::Prepare() {
  const auto done = [this](const Ran& ran) {
    if (ran.exit_code != 0) tally_.Found("The world could not be made: " + ran.err);
    return ran.exit_code == 0;
  };
  // A build beside the run does not change the programs under it.
  std::error_code failed;
  fs::copy(EDCSYNC_BINARY_DIR "/bin", folder_ + "/bin", failed);
  if (options_.small_disks) {
    gateway_disk_ = std::make_unique<testing::SmallDisk>(GatewayDir());
    if (!gateway_disk_->mounted()) gateway_disk_.reset();
  }
  broker_port_ = testing::FreePort();
  if (!done(Centre({"init", "--broker-port", std::to_string(broker_port_), "--enrolment-port",
                    "0"})) ||
      !done(Centre({"study", "import", testing::DataFile("cdiscpilot/metadata.xml")})) ||
      !done(Centre({"study", "policy", testing::kStudy, "merge_disjoint", "--form", "F.VS"}))) {
    return false;
  }
  edges_.reserve(static_cast<std::size_t>(options_.edge_count));
  for (int number = 0; number < options_.edge_count; ++number) {
    if (!AddEdge(number)) return false;
  }
  broker_.Hold();
  return true;
}

bool World::AddEdge(int number) {
  Edge edge;
  // Two edges to a site until the sites are used up, then as it comes.
  const std::size_t site = static_cast<std::size_t>(number) / kEdgesOfASite % std::size(kSites);
  edge.site = kSites[site];
  edge.name = "edge-" + std::to_string(number + 1);
  edge.dir = folder_ + "/" + edge.name;
  const Ran added = Centre({"edge", "add", edge.name, "--site", edge.site, "--out", edge.dir});
  if (added.exit_code != 0) {
    tally_.Found("The world could not be made: " + added.err);
    return false;
  }
  edge.link = std::make_unique<testing::TcpProxy>(broker_port_);
  if (!Replace(edge.dir + "/edge-agent.toml", "port = " + std::to_string(broker_port_),
               "port = " + std::to_string(edge.link->port()))) {
    tally_.Found("A bundle does not name the broker's port");
    return false;
  }
  // The other edge of the site keeps the ordinary disk.
  if (options_.small_disks && number % 2 == 0) {
    edge.disk = std::make_unique<testing::SmallDisk>(edge.dir + "/data");
    if (!edge.disk->mounted()) edge.disk.reset();
  }
  edge.node = std::make_unique<Node>(edge.name, folder_ + "/log-" + edge.name);
  edges_.push_back(std::move(edge));
  return true;
}

void World::StartGateway() {
  broker_managed_ = random_.Below(2) == 0;
  std::vector<std::string> options = {"run"};
  if (broker_managed_) {
    broker_.Kill({});
    broker_.Hold();
  } else {
    options.emplace_back("--outside-broker");
    if (!broker_.running()) broker_.LetGo();
  }
  gateway_.Start(GatewayCommand(options));
  tally_.Count("starts", broker_managed_ ? "gateway, managed broker" : "gateway, outside broker");
}

void World::KillGateway(Milliseconds down) {
  tally_.Raise("peak RSS, MiB", "gateway", gateway_.peak_rss_mib());
  gateway_.Kill(down);
}

std::optional<pid_t> World::BrokerPid() {
  if (!broker_managed_) {
    return broker_.running() ? std::optional<pid_t>(broker_.pid()) : std::nullopt;
  }
  if (!gateway_.running()) return std::nullopt;
  const std::vector<pid_t> children = testing::ChildrenOf(gateway_.pid());
  return children.size() == 1 ? std::optional<pid_t>(children.front()) : std::nullopt;
}

void World::NoteEnd(Node& node) {
  const std::optional<int> code = node.Ended();
  if (!code) return;
  // Exit code 3: it cannot run now (a full disk, a port still taken). Mosquitto is not ours.
  const bool says_so = *code == kExitUnavailable || &node == &broker_;
  tally_.Count("ended by itself", node.name() + ", exit code " + std::to_string(*code));
  if (says_so) return;
  tally_.Found(node.name() + " ended by itself with exit code " + std::to_string(*code) +
               "; its last words:\n" + TailOf(node.log(), 1500));
}

void World::Supervise() {
  if (Now() - measured_ > kMeasureEvery) {
    measured_ = Now();
    MeasureMemory();
    ReapOrphans();
  }
  NoteEnd(gateway_);
  NoteEnd(broker_);
  if (gateway_.Due()) StartGateway();
  const std::string config = GatewayDir() + "/broker/mosquitto.conf";
  if (broker_.Due() && !broker_managed_ && fs::exists(config)) {
    const Result<std::string> program = FindBrokerProgram("mosquitto", "/usr/bin");
    if (program.ok()) broker_.Start({*program, "-c", config});
  }
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    Edge& edge = edges_[i];
    NoteEnd(*edge.node);
    if (!edge.node->Due()) continue;
    std::error_code ignored;
    fs::remove(edge.dir + "/data/http.port", ignored);  // Of an earlier life.
    edge.node->Start(EdgeCommand(i, {"run"}));
    tally_.Count("starts", "edge agent");
  }
}

void World::MeasureMemory() {
  tally_.Raise("peak RSS, MiB", "gateway", gateway_.peak_rss_mib());
  for (const Edge& edge : edges_) {
    tally_.Raise("peak RSS, MiB", "edge agent", edge.node->peak_rss_mib());
  }
}

// Managed brokers whose gateway was killed.
void World::ReapOrphans() {
  for (const pid_t child : testing::ChildrenOf(::getpid())) {
    std::ifstream name("/proc/" + std::to_string(child) + "/comm");
    std::string text;
    std::getline(name, text);
    if (text == "mosquitto" && !(broker_.running() && broker_.pid() == child)) {
      (void)::waitpid(child, nullptr, WNOHANG);
    }
  }
}

void World::EndAll() {
  MeasureMemory();
  gateway_.Kill({});
  gateway_.Hold();
  broker_.Kill({});
  broker_.Hold();
  for (const Edge& edge : edges_) {
    edge.node->Kill({});
    edge.node->Hold();
  }
  // Managed brokers became our children with their gateway's end; a stopped one hears no SIGTERM.
  for (const pid_t child : testing::ChildrenOf(::getpid())) {
    if (::waitpid(child, nullptr, WNOHANG) != 0) continue;
    ::kill(child, SIGKILL);
    (void)::waitpid(child, nullptr, 0);
  }
}

void World::Keep() {
  EndAll();
  keep_ = true;
  if (gateway_disk_) gateway_disk_->KeepContent();
  for (const Edge& edge : edges_) {
    if (edge.disk) edge.disk->KeepContent();
  }
}

std::vector<std::string> World::GatewayCommand(std::vector<std::string> arguments) const {
  return Joined({folder_ + "/bin/central-gateway", "--dir", GatewayDir()}, arguments);
}

std::vector<std::string> World::EdgeCommand(std::size_t index,
                                            std::vector<std::string> arguments) const {
  return Joined({folder_ + "/bin/edge-agent", "--dir", edges_[index].dir}, arguments);
}

Ran World::Centre(std::vector<std::string> arguments) const {
  return testing::Run(GatewayCommand(std::move(arguments)));
}

Ran World::Agent(std::size_t index, std::vector<std::string> arguments) const {
  return testing::Run(EdgeCommand(index, std::move(arguments)));
}

SortedJson World::CentreJson(std::vector<std::string> arguments) const {
  arguments.emplace_back("--json");
  const Ran ran = Centre(std::move(arguments));
  if (ran.exit_code != 0) return {};
  SortedJson json = SortedJson::parse(ran.out, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? SortedJson() : json;
}

std::unique_ptr<HttpClient> World::Connect(std::size_t index, int timeout_s) const {
  const std::string data = edges_[index].dir + "/data/";
  const std::string port = FirstWord(data + "http.port");
  HttpClientOptions options;
  options.bearer_token = FirstWord(data + "http.token");
  if (port.empty() || options.bearer_token.empty()) return nullptr;
  options.base_url = "http://127.0.0.1:" + port;
  options.timeout_s = timeout_s;
  return std::make_unique<HttpClient>(options);
}

SortedJson World::EdgeStatus(std::size_t index, int timeout_s) const {
  const std::unique_ptr<HttpClient> client = Connect(index, timeout_s);
  if (client == nullptr) return {};
  const Result<HttpResponse> answer = client->Get("/v1/status");
  if (!answer.ok() || answer->status != 200) return {};
  SortedJson json = SortedJson::parse(answer->body, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : SortedJson();
}

}  // namespace edcsync::torture
