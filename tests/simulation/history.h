// What happened in a world: every event with its virtual time, what people were told, and counts
// by kind, so that a failure can be told as a story and a run that tested nothing is seen.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/model/submission.h"

namespace edcsync::simulation {

// What a person wrote, and what they were told. `reason_for_change` holds the number, so that a
// revision found anywhere leads back to what was written.
struct Written {
  enum class Told { kCaptured, kNothing, kRefused };
  std::uint64_t number = 0;
  EdgeId edge;           // Empty: online at the centre.
  std::string machine;
  Submission submission;  // As handed in; a resolution's: key, content and reason.
  Told told = Told::kNothing;  // Also of errors after which it may still be there.
  std::optional<RevisionId> revision;  // If captured.
  std::string signed_by;  // A decision's: whose signature was taken with it; empty: none.
  std::optional<RevisionId> proposed;  // What a proposal would make `revision`.
};

struct Event {
  std::int64_t at_us = 0;
  std::string what;
  std::string about;  // A record key, an edge, a machine; empty: everything.
};

class History {
 public:
  explicit History(bool print) : print_(print) {}

  void Note(std::int64_t at_us, std::string what, std::string about);
  // An event that counts: a fault done to the world, a state it reached, a thing checked.
  void Fault(std::int64_t at_us, const std::string& kind, const std::string& about);
  void Reached(const std::string& state, std::uint64_t more = 1) { reached_[state] += more; }
  void Checked(const std::string& what, std::uint64_t more = 1) { checked_[what] += more; }

  // Adds what was handed in; the number is its place, from 1.
  std::uint64_t Add(Written written);
  Written& written(std::uint64_t number) { return written_.at(number - 1); }
  const std::vector<Written>& all_written() const { return written_; }
  // "#17" -> 17 if the text is such a reason.
  static std::optional<std::uint64_t> NumberOf(const std::string& reason);

  using Counts = std::map<std::string, std::uint64_t>;
  const Counts& faults() const { return faults_; }
  const Counts& reached() const { return reached_; }
  const Counts& checked() const { return checked_; }
  const std::vector<Event>& events() const { return events_; }
  // The last `count_max` events that are about one of `subjects` or about everything; one a line.
  std::string Tail(const std::vector<std::string>& subjects, std::size_t count_max) const;

 private:
  bool print_;
  std::vector<Event> events_;
  std::vector<Written> written_;
  Counts faults_;
  Counts reached_;
  Counts checked_;
};

}  // namespace edcsync::simulation
