#include "tests/torture/centre_staff.h"

#include <filesystem>
#include <fstream>
#include <thread>

namespace edcsync::torture {
namespace {

namespace fs = std::filesystem;

constexpr int kExitUnavailable = 3;
constexpr std::size_t kSettledAtOnce = 6;

void SleepUnless(const std::atomic<bool>& stop, Milliseconds time) {
  const Time end = std::chrono::steady_clock::now() + time;
  while (!stop && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(Milliseconds(20));
  }
}

// The last line of what a command said, for a count by reason.
std::string NameOfError(const std::string& text) {
  const std::size_t at = text.find("error: ");
  if (at == std::string::npos) return "refused";
  const std::size_t end = text.find_first_of(":\n", at + 7);
  return text.substr(at + 7, end - at - 7);
}

}  // namespace

DataManager::DataManager(const World& world, std::deque<SiteForms>& sites, Ledger& ledger,
                         Tally& tally, std::string name, std::uint64_t seed)
    : world_(world),
      sites_(sites),
      ledger_(ledger),
      tally_(tally),
      name_(std::move(name)),
      random_(seed) {}

void DataManager::Run(const std::atomic<bool>& stop) {
  while (!stop) {
    SleepUnless(stop, Milliseconds(100 + random_.Below(500)));
    if (stop) return;
    const std::uint64_t draw = random_.Below(100);
    if (draw < 5) {
      LockForAWhile(stop);
    } else if (draw < 50) {
      EditOnline();
    } else {
      SettleSome();
    }
  }
}

std::string DataManager::FileOf(const SortedJson& content) {
  const std::string file = world_.folder() + "/" + name_ + ".json";
  std::ofstream(file, std::ios::trunc) << content.dump() << '\n';
  return file;
}

std::optional<Ran> DataManager::RunOrKill(std::vector<std::string> command) {
  if (random_.Below(12) != 0) return testing::Run(command);
  testing::Process process(command, world_.folder() + "/log-" + name_);
  std::this_thread::sleep_for(Milliseconds(random_.Below(60)));
  process.Kill();
  tally_.Count("faults", "kill command");
  return std::nullopt;
}

void DataManager::EditOnline() {
  SiteForms& forms = sites_[random_.Below(sites_.size())];
  const SortedJson form = forms.Known(random_);
  const SortedJson shown = world_.CentreJson({"record", "show", KeyOf(form)});
  if (!shown.is_object()) return;  // Not entered yet.
  const std::string token = Token();
  SortedJson line = Changed(form, shown["current"], random_.Below(5) == 0, random_);
  line["user"] = token;
  line["reasonForChange"] = "Answer to a query";
  if (random_.Below(3) == 0) line["baseRevisionId"] = shown["current"]["revisionId"];
  ledger_.Send(token, KeyOf(form), ContentHash(line));
  const std::optional<Ran> ran =
      RunOrKill(world_.GatewayCommand({"submit", FileOf(line), "--json"}));
  if (!ran) return;
  const SortedJson outcome = SortedJson::parse(ran->out, nullptr, /*allow_exceptions=*/false);
  if (outcome.is_object() && outcome["outcome"] == "captured") {
    ledger_.Captured(token, outcome["revisionId"]);
  } else {
    ledger_.NotTaken(token);
  }
  tally_.Count("online edits",
               outcome.is_object() ? outcome.value("outcome", "") : NameOfError(ran->err));
}

void DataManager::SettleSome() {
  const SortedJson open = world_.CentreJson({"conflict", "list"});
  if (!open.is_array() || open.empty()) return;
  tally_.Raise("conflicts", "open at once, at most", open.size());
  const std::size_t first = random_.Below(open.size());
  for (std::size_t i = 0; i < std::min(open.size(), kSettledAtOnce); ++i) {
    Settle(open[(first + i) % open.size()]);
  }
}

void DataManager::Settle(const SortedJson& conflict) {
  const std::string token = Token();
  const SortedJson& heads = conflict["heads"];
  tally_.Raise("conflicts", "heads of one, at most", heads.size());
  std::vector<std::string> command = {"conflict", "resolve",  conflict["conflictId"], "--user",
                                      token,      "--reason", "Source document",      "--json"};
  if (random_.Below(4) == 0) {
    const SortedJson shown = world_.CentreJson({"conflict", "show", conflict["conflictId"]});
    if (!shown.is_object() || shown["headRevisions"].empty()) return;
    const SortedJson& head = shown["headRevisions"][0];
    if (head["itemGroups"].empty()) return;  // A removal is taken, not composed.
    command.insert(command.end(),
                   {"--items", FileOf(Changed(SortedJson::object(), head, false, random_))});
  } else {
    command.insert(command.end(), {"--take", heads[random_.Below(heads.size())]});
  }
  if (random_.Below(2) == 0) {
    command.emplace_back("--seen");
    for (const SortedJson& head : heads) command.push_back(head);
  }
  ledger_.Send(token, conflict["key"], 0);
  const std::optional<Ran> ran = RunOrKill(world_.GatewayCommand(command));
  if (!ran) return;
  const SortedJson settled = SortedJson::parse(ran->out, nullptr, /*allow_exceptions=*/false);
  if (ran->exit_code == 0 && settled.is_object()) {
    ledger_.Captured(token, settled["revisionId"]);
    tally_.Count("resolutions", "done");
    return;
  }
  ledger_.NotTaken(token);
  tally_.Count("resolutions", NameOfError(ran->err));
}

// What an edge captures before it knows of the lock waits in quarantine, and what builds on it.
void DataManager::LockForAWhile(const std::atomic<bool>& stop) {
  const SortedJson form = sites_[random_.Below(sites_.size())].Known(random_);
  const auto command = [&](const char* what) {
    return world_.Centre({"lock", what, "subject", testing::kStudy, form["subjectKey"], "--user",
                          name_, "--reason", "A question about this subject"});
  };
  if (command("set").exit_code != 0) return;
  tally_.Count("locks", "set");
  SleepUnless(stop, Milliseconds(500 + random_.Below(3'000)));
  // Another may have cleared it; if the centre cannot now, it is cleared at the end.
  for (int attempt = 0; attempt < 20 && command("clear").exit_code == kExitUnavailable; ++attempt) {
    SleepUnless(stop, Milliseconds(200));
  }
}

Operator::Operator(const World& world, Tally& tally, std::uint64_t seed)
    : world_(world), tally_(tally), random_(seed) {}

void Operator::Run(const std::atomic<bool>& stop) {
  std::uint64_t turn = random_.Below(4);
  while (!stop) {
    SleepUnless(stop, Milliseconds(300 + random_.Below(2'000)));
    if (stop) return;
    const bool done = turn % 4 == 0   ? PauseSync(stop)
                      : turn % 4 == 1 ? BackUpEdge()
                      : turn % 4 == 2 ? BackUpGateway()
                                      : CheckRunning();
    if (done) ++turn;
  }
}

bool Operator::PauseSync(const std::atomic<bool>& stop) {
  const std::size_t edge = random_.Below(world_.edge_count());
  if (world_.Agent(edge, {"sync", "pause"}).exit_code != 0) return false;
  tally_.Count("faults", "sync paused");
  SleepUnless(stop, Milliseconds(500 + random_.Below(5'000)));
  while (!stop && world_.Agent(edge, {"sync", "resume"}).exit_code != 0) {
    SleepUnless(stop, Milliseconds(200));
  }
  return true;
}

void Operator::ResumeAll() {
  for (std::size_t edge = 0; edge < world_.edge_count(); ++edge) {
    (void)world_.Agent(edge, {"sync", "resume"});
  }
}

bool Operator::BackUpEdge() {
  const std::size_t edge = random_.Below(world_.edge_count());
  const std::string folder = world_.folder() + "/backup-" + std::to_string(++count_);
  fs::create_directories(folder + "/data");
  const bool done = world_.Agent(edge, {"backup", folder + "/data/edge.db"}).exit_code == 0;
  if (done) {
    tally_.Count("faults", "backup of an edge");
    std::error_code ignored;
    const fs::path from = world_.edge(edge).dir;
    fs::copy(from / "edge-agent.toml", folder, ignored);
    fs::copy(from / "data/edge.key", folder + "/data", ignored);
    Verify("A backup of " + world_.edge(edge).name, "edge-agent", folder);
  }
  fs::remove_all(folder);
  return done;
}

bool Operator::BackUpGateway() {
  const std::string folder = world_.folder() + "/backup-" + std::to_string(++count_);
  fs::create_directories(folder);
  const bool done = world_.Centre({"backup", folder + "/central.db"}).exit_code == 0;
  if (done) {
    tally_.Count("faults", "backup of the gateway");
    std::error_code ignored;
    const fs::path from = world_.GatewayDir();
    fs::copy(from / "central-gateway.toml", folder, ignored);
    fs::copy(from / "central.key", folder, ignored);
    Verify("A backup of the gateway", "central-gateway", folder);
  }
  fs::remove_all(folder);
  return done;
}

void Operator::Verify(const std::string& what, const std::string& program,
                      const std::string& folder) {
  const std::string path = world_.folder() + "/bin/" + program;
  const Ran checked = testing::Run({path, "--dir", folder, "check"});
  if (checked.exit_code != 0) {
    tally_.Found(what + " is not sound: " + checked.out + checked.err);
    return;
  }
  const Ran exported = testing::Run({path, "--dir", folder, "export", "--history"});
  for (const SortedJson& revision : testing::ParseLines(exported.out)) {
    held_.insert(revision.value("revisionId", ""));
  }
  tally_.Count("compared", "backups verified");
}

// A check beside the running service, in the middle of whatever it does.
bool Operator::CheckRunning() {
  const std::uint64_t which = random_.Below(world_.edge_count() + 1);
  const bool centre = which == world_.edge_count();
  const Ran checked = centre ? world_.Centre({"check"}) : world_.Agent(which, {"check"});
  if (checked.exit_code == kExitUnavailable) return false;
  if (checked.exit_code == 0) {
    tally_.Count("compared", "checks while running");
  } else {
    tally_.Found("A check of " + (centre ? "the gateway" : world_.edge(which).name) +
                 " while it ran, exit code " + std::to_string(checked.exit_code) + ": " +
                 checked.out + checked.err);
  }
  return true;
}

}  // namespace edcsync::torture
