#include "tests/support/site_network.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/support/free_port.h"
#include "tests/support/slowdown.h"
#include "tests/support/test_broker.h"

namespace edcsync::testing {
namespace {

constexpr int kStopWaitSeconds = 30 * kSlowdown;
constexpr std::size_t kDifferencesShownMax = 5;
constexpr std::size_t kLogBytesShownMax = 6000;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool Listens(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool taken = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return taken;
}

std::vector<std::string> Joined(std::vector<std::string> first,
                                const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::string Named(const std::vector<std::string>& arguments) {
  std::string text;
  for (const std::string& argument : arguments) text += argument + " ";
  return text;
}

SortedJson ParsedOrFailure(const Ran& ran, const std::vector<std::string>& arguments) {
  EXPECT_EQ(ran.exit_code, 0) << Named(arguments) << "\n" << ran.err;
  return SortedJson::parse(ran.out, nullptr, /*allow_exceptions=*/false);
}

// Says which texts are in `a` but not in `b`, some of them.
template <class Set>
void ExpectNoneBeyond(const Set& a, const Set& b, const std::string& what) {
  std::vector<std::string> beyond;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(beyond));
  std::string shown;
  for (std::size_t i = 0; i < beyond.size() && i < kDifferencesShownMax; ++i) {
    shown += "\n  " + beyond[i];
  }
  EXPECT_TRUE(beyond.empty()) << beyond.size() << " " << what << ":" << shown;
}

}  // namespace

bool Await(const std::string& what, const std::function<bool()>& holds, int wait_s) {
  wait_s *= kSlowdown;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(wait_s);
  while (!holds()) {
    if (::testing::Test::HasFailure()) return false;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "Waited " << wait_s << " s in vain until " << what;
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20 * kSlowdown));
  }
  return true;
}

Site::Site(Trial& trial, std::string edge, std::string site, Origin origin)
    : trial_(trial),
      edge_(std::move(edge)),
      site_(std::move(site)),
      dir_(trial.PathOf(edge_)),
      link_(std::make_unique<TcpProxy>(trial_.broker_port())) {
  if (origin == Origin::kInvitation) {
    Enrol(trial_.Invite(edge_, {"--site", site_}));
    return;
  }
  const Ran added = trial_.Centre({"edge", "add", edge_, "--site", site_, "--out", dir_});
  EXPECT_EQ(added.exit_code, 0) << added.err;
  PutLinkBetween();
}

void Site::Enrol(const std::string& token) {
  const Ran enrolled = Agent({"enroll", token});
  EXPECT_EQ(enrolled.exit_code, 0) << enrolled.err;
  PutLinkBetween();
}

void Site::PutLinkBetween() {
  const std::string file = dir_ + "/edge-agent.toml";
  std::string config = ReadAll(file);
  const std::string port = "port = " + std::to_string(trial_.broker_port());
  const std::size_t at = config.find(port);
  if (at == std::string::npos) {
    ADD_FAILURE() << file << " does not name the broker's port";
    return;
  }
  config.replace(at, port.size(), "port = " + std::to_string(link_->port()));
  std::ofstream(file, std::ios::trunc) << config;
}

void Site::Start() {
  std::filesystem::remove(DataFile("http.port"));
  agent_ = std::make_unique<Process>(CommandLine({"run"}), trial_.LogOf(edge_));
  Await("the agent of " + edge_ + " answers", [this] {
    if (!agent_->IsRunning()) {
      ADD_FAILURE() << "The agent of " << edge_ << " ended";
      return false;
    }
    return std::filesystem::exists(DataFile("http.port"));
  });
}

void Site::Stop() {
  const std::optional<int> code = agent_->Terminate(kStopWaitSeconds);
  EXPECT_EQ(code.value_or(-1), 0) << "The agent of " << edge_ << " did not end in order";
  agent_.reset();
}

void Site::Kill() { agent_.reset(); }

void Site::Restore() {
  link().Restore();
  if (IsRunning()) SyncNow();
}

std::vector<std::string> Site::CommandLine(std::vector<std::string> arguments) const {
  return Joined({EDCSYNC_BINARY_DIR "/bin/edge-agent", "--dir", dir_}, arguments);
}

Ran Site::Agent(std::vector<std::string> arguments) { return Run(CommandLine(arguments)); }

SortedJson Site::AgentJson(std::vector<std::string> arguments) {
  arguments.push_back("--json");
  return ParsedOrFailure(Agent(arguments), arguments);
}

SortedJson Site::Status() { return AgentJson({"status"}); }

SortedJson Site::Record(const std::string& line) {
  return AgentJson({"record", "show", KeyOf(line)});
}

std::string Site::FileOf(const Lines& lines) {
  const std::string file = trial_.PathOf("submit-" + trial_.Unique());
  std::ofstream out(file);
  for (const std::string& line : lines) out << line << '\n';
  return file;
}

void Site::Capture(const Lines& lines) {
  const SortedJson counts = AgentJson({"submit", FileOf(lines)});
  EXPECT_EQ(counts.value("captured", std::size_t{0}), lines.size()) << counts;
  trial_.Expect(lines);
}

void Site::AwaitLive() {
  Await(edge_ + " is live", [this] { return Status()["sync"]["state"] == "live"; });
}

void Site::AwaitDelivered() {
  Await(
      edge_ + " has delivered everything", [this] { return Status()["waiting"] == 0; }, 120);
}

void Site::AwaitStopped(const std::string& reason) {
  SortedJson stopped;
  Await(edge_ + " was told to stop", [&] {
    stopped = Status()["stoppedFor"];
    return stopped.is_object();
  });
  EXPECT_EQ(stopped["name"], reason) << stopped;
}

Trial::Trial() {
  std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-trial-XXXXXX").string();
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  dir_ = pattern;
  broker_port_ = FreePort();
  enrolment_port_ = FreePort();
  const Ran made = Centre({"init", "--broker-port", std::to_string(broker_port_),
                           "--enrolment-port", std::to_string(enrolment_port_)});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  const Ran imported = Centre({"study", "import", DataFile("cdiscpilot/metadata.xml")});
  EXPECT_EQ(imported.exit_code, 0) << imported.err;
}

Trial::~Trial() {
  sites_.clear();
  gateway_.reset();
  if (::testing::Test::HasFailure()) {
    for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
      if (!entry.path().filename().string().starts_with("log-")) continue;
      const std::string log = ReadAll(entry.path());
      const std::size_t skipped = log.size() - std::min(log.size(), kLogBytesShownMax);
      std::printf("--- %s ---\n%s\n", entry.path().filename().c_str(), log.c_str() + skipped);
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

void Trial::StartGateway() { gateway_ = RunGateway({}, "gateway"); }

std::unique_ptr<Process> Trial::RunGateway(const std::vector<std::string>& options,
                                           const std::string& log) {
  const std::size_t before = ReadAll(LogOf(log)).size();
  auto process = std::make_unique<Process>(Joined(CommandLine({"run"}), options), LogOf(log));
  Await("the gateway hears the broker", [&] {
    if (!process->IsRunning()) ADD_FAILURE() << "The gateway ended";
    return ReadAll(LogOf(log)).find("broker.connected", before) != std::string::npos;
  });
  return process;
}

void Trial::StopGateway() {
  const std::optional<int> code = gateway_->Terminate(kStopWaitSeconds);
  EXPECT_EQ(code.value_or(-1), 0) << "The gateway did not end in order";
  gateway_.reset();
}

void Trial::KillGateway() {
  gateway_.reset();
  Await("the broker has gone with its gateway", [this] { return !Listens(broker_port_); });
}

pid_t Trial::BrokerProcess() {
  std::vector<pid_t> children;
  Await("the broker runs", [&] {
    children = ChildrenOf(gateway_->pid());
    return children.size() == 1;
  });
  return children.empty() ? -1 : children.front();
}

Site& Trial::AddSite(const std::string& edge, const std::string& site) {
  return sites_.emplace_back(*this, edge, site);
}

Site& Trial::EnrolSite(const std::string& edge, const std::string& site) {
  return sites_.emplace_back(*this, edge, site, Site::Origin::kInvitation);
}

std::string Trial::Invite(const std::string& edge, const std::vector<std::string>& options) {
  const SortedJson invitation = CentreJson(Joined({"edge", "invite", edge}, options));
  return invitation.is_object() ? invitation.value("token", "") : "";
}

void Trial::Configure(const std::string& section, const std::string& line) {
  const std::string file = GatewayDir() + "/central-gateway.toml";
  std::string config = ReadAll(file);
  const std::string header = "\n[" + section + "]\n";
  const std::size_t at = config.find(header);
  if (at == std::string::npos) {
    config += header + line + "\n";
  } else {
    config.insert(at + header.size(), line + "\n");
  }
  std::ofstream(file, std::ios::trunc) << config;
}

std::vector<std::string> Trial::CommandLine(std::vector<std::string> arguments) const {
  return Joined({EDCSYNC_BINARY_DIR "/bin/central-gateway", "--dir", GatewayDir()}, arguments);
}

Ran Trial::Centre(std::vector<std::string> arguments) { return Run(CommandLine(arguments)); }

SortedJson Trial::CentreJson(std::vector<std::string> arguments) {
  arguments.push_back("--json");
  return ParsedOrFailure(Centre(arguments), arguments);
}

SortedJson Trial::Edge(const std::string& edge) {
  for (const SortedJson& row : CentreJson({"edge", "list"})) {
    if (row["edgeId"] == edge) return row;
  }
  ADD_FAILURE() << "The gateway does not list " << edge;
  return {};
}

void Trial::EditOnline(const Lines& lines) {
  const std::string file = PathOf("online-" + Unique());
  std::ofstream out(file);
  for (const std::string& line : lines) out << line << '\n';
  out.close();
  const Ran ran = Centre({"submit", file});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find(" " + std::to_string(lines.size()) + " captured"), std::string::npos)
      << ran.out;
  Expect(lines);
}

void Trial::Expect(const Lines& lines) {
  for (const std::string& line : lines) expected_.insert(ContentOf(SortedJson::parse(line)));
}

void Trial::Forget(const Lines& lines) {
  for (const std::string& line : lines) {
    const auto found = expected_.find(ContentOf(SortedJson::parse(line)));
    if (found != expected_.end()) expected_.erase(found);
  }
}

std::set<std::string> Trial::RevisionsOf(const std::string& ndjson) const {
  std::set<std::string> ids;
  for (const SortedJson& revision : ParseLines(ndjson)) {
    EXPECT_TRUE(ids.insert(revision["revisionId"].get<std::string>()).second)
        << "A revision stands twice: " << revision;
  }
  return ids;
}

void Trial::ExpectCentreHolds(std::size_t made_there) {
  std::multiset<std::string> found;
  std::size_t made = 0;
  const Ran exported = Centre({"export", "--history"});
  EXPECT_EQ(exported.exit_code, 0) << exported.err;
  (void)RevisionsOf(exported.out);
  for (const SortedJson& revision : ParseLines(exported.out)) {
    if (revision["origin"] == "site" || revision["origin"] == "online") {
      found.insert(ContentOf(revision));
    } else {
      ++made;
    }
  }
  ExpectNoneBeyond(expected_, found, "revisions are missing at the centre");
  ExpectNoneBeyond(found, expected_, "revisions at the centre were never submitted, or doubled");
  EXPECT_EQ(made, made_there) << "revisions that the centre made itself";
  const Ran checked = Centre({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
}

void Trial::CompareSite(Site& site) {
  std::string here, there;
  Await(site.edge() + " holds what the centre holds of " + site.site(), [&] {
    if (site.Status()["waiting"] != 0) return false;
    here = site.Agent({"export", "--history"}).out;
    there = Centre({"export", "--history", "--site", site.site()}).out;
    return RevisionsOf(here) == RevisionsOf(there);
  });
  ExpectNoneBeyond(RevisionsOf(here), RevisionsOf(there), "revisions only at " + site.edge());
  ExpectNoneBeyond(RevisionsOf(there), RevisionsOf(here), "revisions not at " + site.edge());
  EXPECT_EQ(site.Agent({"export"}).out, Centre({"export", "--site", site.site()}).out)
      << "The centre and " << site.edge() << " differ on the current revision of some record";
  const Ran checked = site.Agent({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
}

void Trial::ExpectEverythingOnce(std::size_t made_there, const std::set<std::string>& but) {
  for (Site& site : sites_) {
    if (!but.contains(site.edge())) CompareSite(site);
  }
  ExpectCentreHolds(made_there);
}

}  // namespace edcsync::testing
