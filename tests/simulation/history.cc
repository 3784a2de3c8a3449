#include "tests/simulation/history.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace edcsync::simulation {
namespace {

std::string Line(const Event& event) {
  char time[32];
  std::snprintf(time, sizeof time, "%10.3f s  ", static_cast<double>(event.at_us) / 1e6);
  return time + event.what + (event.about.empty() ? "" : "  [" + event.about + "]");
}

}  // namespace

void History::Note(std::int64_t at_us, std::string what, std::string about) {
  events_.push_back({at_us, std::move(what), std::move(about)});
  if (print_) std::fprintf(stderr, "%s\n", Line(events_.back()).c_str());
}

void History::Fault(std::int64_t at_us, const std::string& kind, const std::string& about) {
  ++faults_[kind];
  Note(at_us, "fault: " + kind, about);
}

std::uint64_t History::Add(Written written) {
  written.number = written_.size() + 1;
  written_.push_back(std::move(written));
  return written_.back().number;
}

std::optional<std::uint64_t> History::NumberOf(const std::string& reason) {
  if (reason.empty() || reason[0] != '#') return std::nullopt;
  std::uint64_t number = 0;
  const char* end = reason.data() + reason.size();
  if (std::from_chars(reason.data() + 1, end, number).ptr != end) return std::nullopt;
  return number;
}

std::string History::Tail(const std::vector<std::string>& subjects, std::size_t count_max) const {
  std::vector<std::string> lines;
  for (auto event = events_.rbegin(); event != events_.rend() && lines.size() < count_max;
       ++event) {
    const bool matters =
        event->about.empty() || subjects.empty() ||
        std::any_of(subjects.begin(), subjects.end(), [&](const std::string& subject) {
          return event->about.find(subject) != std::string::npos ||
                 event->what.find(subject) != std::string::npos;
        });
    if (matters) lines.push_back(Line(*event));
  }
  std::string text;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) text += *line + "\n";
  return text;
}

}  // namespace edcsync::simulation
