#include "tests/torture/comparison.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <sstream>
#include <thread>
#include <tuple>

#include "tests/support/slowdown.h"
#include "tests/torture/forms.h"

namespace edcsync::torture {
namespace {

constexpr int kDeliveredWaitSeconds = 180;  // Past the breaker's minute and the longest backoff.
constexpr int kChangesMax = 5;  // A wait in which something changes may be so much longer.
constexpr int kReleasedWaitSeconds = 120;
constexpr int kFilledWaitSeconds = 180;  // Past the idle Pull.
constexpr int kStatusWaitSeconds = 10;
constexpr Milliseconds kPoll{250};
constexpr std::size_t kShownMax = 5;

Exported Parse(SortedJson json) {
  Exported revision;
  revision.id = json.value("revisionId", "");
  revision.key = KeyOf(json);
  revision.site = json.value("siteOID", "");
  revision.origin = json.value("origin", "");
  revision.user = json.value("user", "");
  revision.edited_at = json.value("editedAt", "");
  revision.parents = json["parents"].get<std::vector<std::string>>();
  revision.version = json.value("version", std::uint64_t{0});
  revision.counter = json.value("editedAtCounter", std::uint64_t{0});
  revision.content = ContentHash(json);
  revision.current = json.value("current", false);
  for (const char* centres_own : {"receivedAt", "nonconformance", "clockSuspect", "current"}) {
    json.erase(centres_own);
  }
  revision.whole = std::hash<std::string>{}(json.dump());
  return revision;
}

// What a data manager's or the gateway's own revision is; the others come from people's forms.
bool IsEntered(const Exported& revision) {
  return revision.origin == "site" || revision.origin == "online";
}

}  // namespace

Comparison::Comparison(World& world, const Ledger& ledger, Tally& tally,
                       const std::atomic<bool>& stop)
    : world_(world), ledger_(ledger), tally_(tally), stop_(stop), told_(ledger.told()) {}

bool Comparison::Run(const std::set<std::string>& held_by_backups) {
  if (!Await("every outbox is delivered", kDeliveredWaitSeconds,
             [this] { return NotDelivered(); }) ||
      !Await("nothing waits in quarantine", kReleasedWaitSeconds,
             [this] { return NotReleased(); }) ||
      !ReadCentre() ||
      !Await("every edge has read its feed", kFilledWaitSeconds, [this] { return NotFilled(); })) {
    return false;
  }
  std::printf("        comparing %zu revisions\n", centre_.size());
  std::fflush(stdout);
  CompareWithTold();
  CompareOrigins();
  CompareHeads();
  for (std::size_t i = 0; i < world_.edge_count(); ++i) CompareEdge(i);
  std::vector<std::string> gone;
  for (const std::string& id : held_by_backups) {
    if (!centre_.contains(id)) gone.push_back(id);
  }
  FindSome("revisions stood in a backup and are not at the centre", gone);
  CheckAll();
  return true;
}

bool Comparison::Await(const std::string& what, int wait_s,
                       const std::function<std::string()>& missing) {
  const std::chrono::seconds patience(wait_s * testing::kSlowdown);
  const Time begun = std::chrono::steady_clock::now();
  Time changed = begun;
  for (std::string before; !stop_;) {
    world_.Supervise();
    const std::string left = missing();
    const Time now = std::chrono::steady_clock::now();
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(now - begun);
    if (left.empty()) {
      std::printf("        %s after %lld s\n", what.c_str(), static_cast<long long>(took.count()));
      std::fflush(stdout);
      tally_.Count("seconds until", what, static_cast<std::uint64_t>(took.count()));
      return true;
    }
    if (left != before) changed = now;
    before = left;
    if (now - changed > patience || took > patience * kChangesMax) {
      tally_.Found("Waited " + std::to_string(took.count()) + " s in vain until " + what + ":\n" +
                   left);
      return false;
    }
    std::this_thread::sleep_for(kPoll);
  }
  return false;
}

std::string Comparison::StandOf(std::size_t index, const SortedJson& status) {
  std::string text = "  " + world_.edge(index).name + ": ";
  if (!status.is_object()) return text + "no answer\n";
  text += status["sync"].value("state", "") + " (" + status["sync"].value("lastError", "") + ")";
  for (const char* name : {"waiting", "revisions", "conflictsOpen", "heldFromFeed", "quarantined",
                           "feedCursor", "stoppedFor"}) {
    text += std::string(", ") + name + " " + status[name].dump();
  }
  return text + "\n";
}

std::string Comparison::NotDelivered() {
  std::string left;
  for (std::size_t i = 0; i < world_.edge_count(); ++i) {
    const SortedJson status = world_.EdgeStatus(i, kStatusWaitSeconds);
    if (status.is_object() && status["waiting"] == 0 && status["sync"]["state"] == "live") continue;
    left += StandOf(i, status);
  }
  return left;
}

// Clears the locks and releases what they held back; what builds on it follows by itself.
std::string Comparison::NotReleased() {
  const SortedJson locks = world_.CentreJson({"lock", "list"});
  const SortedJson waiting = world_.CentreJson({"quarantine", "list"});
  if (!locks.is_array() || !waiting.is_array()) return "the centre does not list them";
  std::string left;
  for (const SortedJson& lock : locks) {
    (void)world_.Centre({"lock", "clear", lock["scope"], lock["studyOID"], lock["object"], "--user",
                         "dm", "--reason", "All is answered"});
    left += "  a lock of " + lock.value("object", "") + "\n";
  }
  for (const SortedJson& row : waiting) {
    left += "  " + row.value("revisionId", "") + " (" + row.value("reason", "") + ")\n";
  }
  if (!locks.empty() || waiting.empty()) return left;
  const SortedJson outcomes = world_.CentreJson(
      {"quarantine", "release", "--all", "--user", "dm", "--reason", "Entered before the lock"});
  for (const SortedJson& outcome : outcomes) {
    if (outcome.value("released", false))
      tally_.Count("locks", "revisions released from quarantine");
  }
  return left;
}

std::string Comparison::NotFilled() {
  std::string left;
  for (std::size_t i = 0; i < world_.edge_count(); ++i) {
    const SortedJson status = world_.EdgeStatus(i, kStatusWaitSeconds);
    const std::string& site = world_.edge(i).site;
    if (status.is_object() && status["revisions"] == revisions_of_site_[site] &&
        status["conflictsOpen"] == conflicts_of_site_[site] && status["heldFromFeed"] == 0 &&
        status["quarantined"] == 0) {
      continue;
    }
    left += StandOf(i, status) + "  the centre has " + std::to_string(revisions_of_site_[site]) +
            " revisions and " + std::to_string(conflicts_of_site_[site]) + " open conflicts of " +
            site + "\n";
  }
  return left;
}

Export Comparison::Read(const Ran& ran, const std::string& whose) {
  Export revisions;
  if (ran.exit_code != 0) {
    tally_.Found("The export of " + whose + " failed: " + ran.err);
    return revisions;
  }
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);) {
    SortedJson json = SortedJson::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) {
      tally_.Found("The export of " + whose + " has a line that is no JSON");
      continue;
    }
    Exported revision = Parse(std::move(json));
    const std::string id = revision.id;
    if (!revisions.emplace(id, std::move(revision)).second) {
      tally_.Found("Revision " + id + " stands twice in the export of " + whose);
    }
  }
  return revisions;
}

bool Comparison::ReadCentre() {
  centre_ = Read(world_.Centre({"export", "--history"}), "the centre");
  open_conflicts_ = world_.CentreJson({"conflict", "list"});
  if (!open_conflicts_.is_array()) {
    tally_.Found("The centre does not list its conflicts");
    return false;
  }
  for (const auto& [id, revision] : centre_) ++revisions_of_site_[revision.site];
  for (const SortedJson& conflict : open_conflicts_) {
    ++conflicts_of_site_[conflict.value("siteOID", "")];
  }
  tally_.Count("conflicts", "open at the end", open_conflicts_.size());
  const SortedJson status = world_.CentreJson({"status"});
  if (status.is_object()) {
    tally_.Count("conflicts", "ended", status.value("conflictsEnded", std::uint64_t{0}));
    tally_.Count("compared", "duplicates dropped by the centre",
                 status.value("duplicatesDropped", std::uint64_t{0}));
  }
  return true;
}

// Each answer "captured" once, what went unanswered at most once, nothing else.
void Comparison::CompareWithTold() {
  std::vector<std::string> lost, altered, doubled, strange;
  std::map<std::string, std::size_t> found;  // By token.
  for (const auto& [id, revision] : centre_) {
    if (!IsEntered(revision) && revision.origin != "resolution") continue;
    const auto told = told_.find(revision.user);
    if (told == told_.end()) {
      strange.push_back(id);
      continue;
    }
    ++found[revision.user];
    if (IsEntered(revision) && told->second.content != revision.content) altered.push_back(id);
    if (revision.key != told->second.key) altered.push_back(id);
  }
  for (const auto& [token, told] : told_) {
    for (const std::string& id : told.revisions) {
      const auto there = centre_.find(id);
      if (there == centre_.end() || there->second.user != token) lost.push_back(id);
    }
    const std::size_t count = found[token];
    const std::size_t unanswered = static_cast<std::size_t>(std::max(told.unanswered, 0));
    if (count > told.revisions.size() + unanswered) doubled.push_back(token);
    tally_.Count("compared", "answered captured", told.revisions.size());
    if (told.unanswered <= 0) continue;
    tally_.Count("compared", "unanswered", unanswered);
    if (count > told.revisions.size()) {
      tally_.Count("compared", "unanswered, and stored", count - told.revisions.size());
    }
  }
  FindSome("revisions were answered captured and are not at the centre", lost);
  FindSome("revisions at the centre are not what was submitted", altered);
  FindSome("submissions stand at the centre more often than they were taken", doubled);
  FindSome("revisions at the centre were never submitted", strange);
  std::vector<std::string> vanished;
  for (const std::string& id : ledger_.seen()) {
    if (!centre_.contains(id)) vanished.push_back(id);
  }
  FindSome("revisions were shown at an edge and are not at the centre", vanished);
  tally_.Count("compared", "revisions at the centre", centre_.size());
}

void Comparison::CompareOrigins() {
  std::vector<std::string> wrong, orphans;
  for (const auto& [id, revision] : centre_) {
    tally_.Count("revisions by origin", revision.origin);
    std::uint64_t version = 0;
    for (const std::string& parent : revision.parents) {
      const auto found = centre_.find(parent);
      if (found == centre_.end() || found->second.key != revision.key) {
        orphans.push_back(id);
        continue;
      }
      version = std::max(version, found->second.version);
    }
    const bool joins = revision.origin == "merge" || revision.origin == "convergence";
    if (revision.version != version + 1 || (joins && revision.parents.size() < 2)) {
      wrong.push_back(id);
    }
  }
  FindSome("revisions have a parent that is not there", orphans);
  FindSome("revisions have another version than their parents give", wrong);
}

// A conflict is open exactly where several heads are, and the greatest head is current.
void Comparison::CompareHeads() {
  std::set<std::string> parents;
  std::map<std::string, std::set<std::string>> heads;
  for (const auto& [id, revision] : centre_) {
    parents.insert(revision.parents.begin(), revision.parents.end());
  }
  for (const auto& [id, revision] : centre_) {
    if (!parents.contains(id)) heads[revision.key].insert(id);
  }
  std::vector<std::string> not_current;
  std::map<std::string, std::set<std::string>> unsettled;
  for (const auto& [key, ids] : heads) {
    const auto rank = [this](const std::string& id) {
      const Exported& head = centre_.at(id);
      return std::tie(head.version, head.edited_at, head.counter, head.id);
    };
    const std::string greatest = *std::max_element(
        ids.begin(), ids.end(),
        [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
    if (!centre_.at(greatest).current) not_current.push_back(greatest);
    if (ids.size() > 1) unsettled[key] = ids;
  }
  FindSome("greatest heads are not their record's current revision", not_current);
  std::vector<std::string> differing;
  std::map<std::string, std::set<std::string>> open;
  for (const SortedJson& conflict : open_conflicts_) {
    const auto ids = conflict["heads"].get<std::set<std::string>>();
    if (!open.emplace(conflict.value("key", ""), ids).second) {
      differing.push_back(conflict.value("key", "") + " (two open conflicts)");
    }
  }
  for (const auto& [key, ids] : unsettled) {
    if (!open.contains(key)) differing.push_back(key + " (several heads, no conflict)");
    if (open.contains(key) && open[key] != ids) differing.push_back(key + " (other heads)");
  }
  for (const auto& [key, ids] : open) {
    if (!unsettled.contains(key)) differing.push_back(key + " (a conflict, one head)");
  }
  FindSome("records whose conflict is not as their heads are", differing);
  tally_.Count("compared", "records", heads.size());
}

void Comparison::CompareEdge(std::size_t index) {
  const Edge& edge = world_.edge(index);
  const Export here = Read(world_.Agent(index, {"export", "--history"}), edge.name);
  std::vector<std::string> only_here, not_here, differing;
  for (const auto& [id, revision] : here) {
    const auto there = centre_.find(id);
    if (there == centre_.end()) {
      only_here.push_back(id);
    } else if (there->second.whole != revision.whole || there->second.current != revision.current) {
      differing.push_back(id);
    }
  }
  for (const auto& [id, revision] : centre_) {
    if (revision.site == edge.site && !here.contains(id)) not_here.push_back(id);
  }
  FindSome("revisions stand at " + edge.name + " only", only_here);
  FindSome("revisions of " + edge.site + " are not at " + edge.name, not_here);
  FindSome("revisions differ between the centre and " + edge.name, differing);
  const Ran now_here = world_.Agent(index, {"export"});
  const Ran now_there = world_.Centre({"export", "--site", edge.site});
  if (now_here.exit_code != 0 || now_there.exit_code != 0 || now_here.out != now_there.out) {
    tally_.Found("The records of " + edge.site + " now are not the same at the centre and at " +
                 edge.name);
  }
  tally_.Count("compared", "revisions at the edges", here.size());
}

void Comparison::CheckAll() {
  const auto check = [this](const std::string& whose, const Ran& ran) {
    tally_.Count("compared", "checks at the end");
    if (ran.exit_code != 0) {
      tally_.Found("A check of " + whose + " fails: " + ran.out + ran.err);
    }
  };
  for (std::size_t i = 0; i < world_.edge_count(); ++i) {
    check(world_.edge(i).name, world_.Agent(i, {"check"}));
  }
  check("the gateway", world_.Centre({"check"}));
  check("the gateway's audit trail", world_.Centre({"audit", "verify"}));
}

void Comparison::FindSome(const std::string& what, const std::vector<std::string>& ids) {
  if (ids.empty()) return;
  std::string text = std::to_string(ids.size()) + " " + what + ":";
  for (std::size_t i = 0; i < std::min(ids.size(), kShownMax); ++i) {
    text += "\n  " + ids[i];
    const auto revision = centre_.find(ids[i]);
    if (revision != centre_.end()) text += " of " + revision->second.key;
    const auto told = told_.find(ids[i]);
    if (told != told_.end()) text += " of " + told->second.key;
  }
  tally_.Found(text);
}

}  // namespace edcsync::torture
