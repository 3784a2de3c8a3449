#include "tests/torture/clients.h"

#include <thread>

namespace edcsync::torture {
namespace {

constexpr int kAnswerSecondsMax = 14;  // Longer than an edge is stopped.
constexpr std::uint64_t kThinkMsMax = 300;
constexpr Milliseconds kAwayMs{100};

// Of a disk that fails, also how: with SQLite's code.
std::string NameOf(const SortedJson& reason) {
  const std::string name = reason.value("name", "");
  const std::string message = reason.value("message", "");
  const std::size_t code = message.find("(SQLite ");
  if (name != "io" || code == std::string::npos) return name;
  return name + ", " + message.substr(code + 1, message.find(',', code) - code - 1);
}

}  // namespace

Client::Client(const World& world, std::size_t edge, SiteForms& forms, Ledger& ledger, Tally& tally,
               std::string name, std::uint64_t seed)
    : world_(world),
      edge_(edge),
      forms_(forms),
      ledger_(ledger),
      tally_(tally),
      name_(std::move(name)),
      random_(seed) {}

void Client::Run(const std::atomic<bool>& stop) {
  while (!stop) {
    std::this_thread::sleep_for(Milliseconds(10 + random_.Below(kThinkMsMax)));
    if (!Reach()) {
      std::this_thread::sleep_for(kAwayMs);
      continue;
    }
    std::vector<Line> lines;
    const std::uint64_t count = random_.Below(4) == 0 ? 1 + random_.Below(8) : 1;
    while (lines.size() < count && http_ != nullptr) lines.push_back(Next());
    if (http_ != nullptr) Submit(std::move(lines));
  }
}

bool Client::Reach() {
  if (http_ == nullptr) http_ = world_.Connect(edge_, kAnswerSecondsMax);
  return http_ != nullptr;
}

Client::Line Client::Next() {
  const std::uint64_t draw = random_.Below(100);
  if (draw < 24) return Entry();
  if (draw < 62) return Change(/*shared=*/false);
  if (draw < 70) return Change(/*shared=*/true);
  if (draw < 77) return Again();
  if (draw < 85) return Stale();
  if (draw < 90) return Removal();
  if (draw < 94) return WithoutReason();
  if (draw < 97) return OfAnotherSite();
  return Senseless();
}

Client::Line Client::Signed(SortedJson submission, bool reason) {
  Line line;
  line.token = name_ + "-" + std::to_string(++count_);
  submission["user"] = line.token;
  if (reason) submission["reasonForChange"] = "Seen in the source by " + name_;
  line.submission = std::move(submission);
  return line;
}

Client::Line Client::Entry() { return Signed(forms_.Fresh(random_), /*reason=*/false); }

Client::Line Client::Change(bool shared) {
  const SortedJson form = forms_.Known(random_);
  const SortedJson current = Current(form);
  Line line = Signed(Changed(form, current, shared, random_), /*reason=*/true);
  if (!shared && !current.is_null() && random_.Below(2) == 0) {
    line.submission["baseRevisionId"] = current["revisionId"];
  }
  return line;
}

Client::Line Client::Again() {
  const SortedJson form = forms_.Known(random_);
  return Signed(WithItemsOf(form, Current(form)), /*reason=*/true);
}

Client::Line Client::Stale() {
  const SortedJson form = forms_.Known(random_);
  const auto old = old_.find(KeyOf(form));
  const SortedJson current = Current(form);
  Line line = Signed(Changed(form, current, /*shared=*/false, random_), /*reason=*/true);
  if (old != old_.end()) line.submission["baseRevisionId"] = old->second;
  return line;
}

Client::Line Client::Removal() {
  SortedJson form = forms_.Known(random_);
  form["itemGroups"] = SortedJson::array();
  form["remove"] = true;
  return Signed(std::move(form), /*reason=*/true);
}

Client::Line Client::WithoutReason() {
  const SortedJson form = forms_.Known(random_);
  return Signed(Changed(form, Current(form), /*shared=*/false, random_), /*reason=*/false);
}

Client::Line Client::OfAnotherSite() {
  SortedJson form = forms_.Known(random_);
  form["siteOID"] = "SITE.999";
  Line line = Signed(std::move(form), /*reason=*/true);
  line.never = true;
  return line;
}

Client::Line Client::Senseless() {
  SortedJson form = forms_.Known(random_);
  form["itemGroups"][0]["items"].begin().value() = 17;  // A number where text belongs.
  Line line = Signed(std::move(form), /*reason=*/true);
  line.never = true;
  return line;
}

SortedJson Client::Current(const SortedJson& form) {
  if (http_ == nullptr) return {};
  const std::string key = KeyOf(form);
  const Result<HttpResponse> answer = http_->Get("/v1/records/" + key);
  if (!answer.ok()) {
    http_.reset();
    return {};
  }
  if (answer->status != 200) return {};
  const SortedJson json = SortedJson::parse(answer->body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("current")) return {};
  SortedJson current = json["current"];
  const std::string id = current["revisionId"];
  ledger_.Seen(id);
  if (random_.Below(4) == 0 || !old_.contains(key)) old_[key] = id;
  return current;
}

void Client::Submit(std::vector<Line> lines) {
  for (const Line& line : lines) {
    if (line.never) continue;  // Left out of the ledger: unknown at the centre is a finding.
    ledger_.Send(line.token, KeyOf(line.submission), ContentHash(line.submission));
  }
  while (!Send(lines)) {
    // An impatient person lets it be; the others send again.
    if (random_.Below(2) == 0) return;
    for (int attempt = 0; !Reach() && attempt < 50; ++attempt) {
      std::this_thread::sleep_for(kAwayMs);
    }
    if (http_ == nullptr) return;
    for (const Line& line : lines) {
      if (!line.never) {
        ledger_.Send(line.token, KeyOf(line.submission), ContentHash(line.submission));
      }
    }
  }
}

bool Client::Send(std::vector<Line>& lines) {
  std::string body;
  for (const Line& line : lines) body += line.submission.dump() + "\n";
  const Result<HttpResponse> answer = http_->Post("/v1/submissions", body, "application/x-ndjson");
  if (!answer.ok()) {
    // As shared/http/http_client.h words it: then nothing was sent, and nothing may be stored.
    const bool reached = !answer.error().message.starts_with("Nobody listens");
    tally_.Count("submissions", reached ? "no answer" : "not sent", lines.size());
    for (const Line& line : lines) {
      if (!reached && !line.never) ledger_.NotTaken(line.token);
    }
    http_.reset();
    return false;
  }
  const SortedJson json = SortedJson::parse(answer->body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("outcomes")) {
    // Refused as a whole: another agent's port by now (401), or too many callers.
    tally_.Count("submissions", "request refused, " + std::to_string(answer->status), lines.size());
    for (const Line& line : lines) {
      if (!line.never) ledger_.NotTaken(line.token);
    }
    http_.reset();
    return true;
  }
  const SortedJson& outcomes = json["outcomes"];
  if (outcomes.size() != lines.size()) {
    tally_.Found("An answer of " + world_.edge(edge_).name + " has " +
                 std::to_string(outcomes.size()) + " outcomes for " + std::to_string(lines.size()) +
                 " submissions");
    return true;
  }
  for (std::size_t i = 0; i < lines.size(); ++i) TakeOutcome(lines[i], outcomes[i]);
  return true;
}

void Client::TakeOutcome(const Line& line, const SortedJson& outcome) {
  const std::string kind = outcome.value("outcome", "");
  std::string name = kind;
  if (kind == "refused") name += ", " + NameOf(outcome["reasons"][0]);
  tally_.Count("submissions", name);
  if (line.never) {
    if (kind != "refused") tally_.Found(line.token + " had to be refused and was " + kind);
    return;
  }
  if (kind != "captured") ledger_.NotTaken(line.token);
  if (kind == "unchanged") ledger_.Seen(outcome["revisionId"]);
  if (kind != "captured") return;
  const std::string id = outcome["revisionId"];
  ledger_.Captured(line.token, id);
  const std::string& edge = world_.edge(edge_).name;
  if (!ledger_.Place(edge, outcome["sequence"].get<std::uint64_t>(), id)) {
    tally_.Found("Two answers of " + edge + " give one place in its outbox to two revisions, " +
                 id + " is one");
  }
}

}  // namespace edcsync::torture
