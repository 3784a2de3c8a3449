#include "edge-agent/app/submit_command.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "edge-agent/app/local_agent.h"
#include "shared/base/exit_code.h"
#include "shared/base/json.h"
#include "shared/base/limits.h"
#include "shared/model/submission.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kBatchBytesMax = 8 * 1024 * 1024;
constexpr int kReasonsShownMax = 20;

struct Line {
  std::uint64_t number = 0;
  std::string text;
};

struct Counts {
  std::uint64_t submitted = 0, captured = 0, unchanged = 0, stale = 0, refused = 0;
};

class Submitter {
 public:
  Submitter(const Config& config, const SubmitOptions& options)
      : config_(config), options_(options) {}

  int Run(std::istream& in) {
    if (!options_.rejects_file.empty()) {
      rejects_.open(options_.rejects_file, std::ios::trunc);
      if (!rejects_) {
        std::fprintf(stderr, "Cannot write %s\n", options_.rejects_file.c_str());
        return kExitUsage;
      }
    }
    std::vector<Line> batch;
    std::set<RecordKey> keys;
    std::size_t bytes = 0;
    std::uint64_t number = 0;
    for (std::string text; std::getline(in, text);) {
      ++number;
      if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
      // One line of a record a request: if its answer is lost, sending it again finds each record
      // before or after that line, never at a later one that an earlier line would undo.
      const Result<Submission> parsed = ParseSubmission(text);
      if (parsed.ok() && keys.contains(parsed->key)) {
        if (!Send(std::move(batch))) return Finish(kExitUnavailable);
        batch.clear();
        keys.clear();
        bytes = 0;
      }
      if (parsed.ok()) keys.insert(parsed->key);
      bytes += text.size();
      batch.push_back({number, std::move(text)});
      if (batch.size() < static_cast<std::size_t>(options_.batch) && bytes < kBatchBytesMax) {
        continue;
      }
      if (!Send(std::move(batch))) return Finish(kExitUnavailable);
      batch.clear();
      keys.clear();
      bytes = 0;
    }
    if (!batch.empty() && !Send(std::move(batch))) return Finish(kExitUnavailable);
    return Finish(counts_.stale + counts_.refused > 0 ? kExitRefused : kExitOk);
  }

 private:
  // False if the agent cannot take it now. What it may have taken without our hearing is
  // recognised when it is sent again: the same content makes no revision.
  bool Send(std::vector<Line> batch) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options_.wait_s);
    while (true) {
      const Status sent = TrySend(batch);
      if (sent.ok()) return true;
      client_.reset();
      if (std::chrono::steady_clock::now() >= deadline) {
        std::fprintf(stderr, "\nerror: %s\n", sent.error().ToString().c_str());
        next_line_ = batch.front().number;
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(250));
    }
  }

  // What the agent cannot take now (disk full, busy) stays in `batch`.
  Status TrySend(std::vector<Line>& batch) {
    std::string body;
    for (const Line& line : batch) body += line.text + "\n";
    if (client_ == nullptr) {
      EDCSYNC_ASSIGN(client_, ConnectToAgent(config_));
    }
    EDCSYNC_ASSIGN(const HttpResponse response,
                   client_->Post("/v1/submissions", body, "application/x-ndjson"));
    Json json = Json::parse(response.body, nullptr, false);
    // Not one line is a JSON object, or the like: it is no use to send them again.
    if (json.is_object() && !json.contains("outcomes") &&
        (response.status == 400 || response.status == 413)) {
      const Json reason = {{"name", "refused"}, {"message", json.value("detail", "")}};
      const Json refused = {{"outcome", "refused"}, {"reasons", Json::array({reason})}};
      json = {{"outcomes", Json(batch.size(), refused)}};
    }
    if (!json.is_object() || !json.contains("outcomes") ||
        json["outcomes"].size() != batch.size()) {
      return Fail(ErrorCode::kUnavailable,
                  json.is_object() ? json.value("detail", "The agent refused the request")
                                   : "The agent's answer cannot be read");
    }
    std::vector<Line> left;
    std::string why;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Json& outcome = json["outcomes"][i];
      if (!IsTransient(outcome)) {
        Count(batch[i], outcome);
        continue;
      }
      why = ReasonOf(outcome);
      left.push_back(std::move(batch[i]));
    }
    batch = std::move(left);
    Progress(false);
    return batch.empty() ? Ok() : Status(Fail(ErrorCode::kUnavailable, why));
  }

  static bool IsTransient(const Json& outcome) {
    if (!outcome.contains("reasons") || outcome["reasons"].empty()) return false;
    const ErrorInfo* info = FindError(outcome["reasons"][0].value("code", std::uint16_t{0}));
    return info != nullptr && info->retry == Retry::kTransient;
  }

  static std::string ReasonOf(const Json& outcome) {
    if (!outcome.contains("reasons") || outcome["reasons"].empty()) return "no reason given";
    const Json& reason = outcome["reasons"][0];
    return reason.value("name", "") + ": " + reason.value("message", "");
  }

  void Count(const Line& line, const Json& outcome) {
    ++counts_.submitted;
    const std::string kind = outcome.value("outcome", "refused");
    if (kind == "captured") {
      ++counts_.captured;
    } else if (kind == "unchanged") {
      ++counts_.unchanged;
    } else {
      ++(kind == "stale" ? counts_.stale : counts_.refused);
      if (rejects_.is_open()) rejects_ << line.text << '\n';
      if (shown_++ < kReasonsShownMax) {
        std::fprintf(stderr, "%sline %llu %s%s%s\n", terminal_ ? "\r\033[K" : "",
                     static_cast<unsigned long long>(line.number), kind.c_str(),
                     kind == "stale" ? "" : ": ",
                     kind == "stale" ? ": baseRevisionId is no longer the current revision"
                                     : ReasonOf(outcome).c_str());
      }
    }
  }

  void Progress(bool last) {
    if (!terminal_ || options_.json) return;
    std::fprintf(stderr, "\r%llu submitted%s", static_cast<unsigned long long>(counts_.submitted),
                 last ? "\n" : "");
  }

  int Finish(int code) {
    Progress(true);
    if (shown_ > kReasonsShownMax) {
      std::fprintf(stderr, "... and %d more; --rejects FILE keeps the lines\n",
                   shown_ - kReasonsShownMax);
    }
    const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    if (options_.json) {
      std::printf(
          "{\"submitted\":%llu,\"captured\":%llu,\"unchanged\":%llu,\"stale\":%llu,"
          "\"refused\":%llu}\n",
          number(counts_.submitted), number(counts_.captured), number(counts_.unchanged),
          number(counts_.stale), number(counts_.refused));
    } else {
      std::printf("%llu submitted: %llu captured, %llu unchanged, %llu stale, %llu refused\n",
                  number(counts_.submitted), number(counts_.captured), number(counts_.unchanged),
                  number(counts_.stale), number(counts_.refused));
    }
    if (code == kExitUnavailable) {
      std::fprintf(stderr,
                   "Not everything was sent. Go on from line %llu: what was captured of "
                   "it is recognised and not doubled.\n",
                   number(next_line_));
    }
    return code;
  }

  const Config& config_;
  const SubmitOptions& options_;
  std::unique_ptr<HttpClient> client_;
  std::ofstream rejects_;
  Counts counts_;
  int shown_ = 0;
  std::uint64_t next_line_ = 0;  // The first not known to be taken, when the agent went away.
  bool terminal_ = isatty(STDERR_FILENO) == 1;
};

}  // namespace

int RunSubmit(const Config& config, const SubmitOptions& options) {
  Submitter submitter(config, options);
  if (options.file == "-") return submitter.Run(std::cin);
  std::ifstream in(options.file);
  if (!in) {
    std::fprintf(stderr, "error: cannot read %s\n", options.file.c_str());
    return kExitUsage;
  }
  return submitter.Run(in);
}

}  // namespace edcsync::edge
