// What was sent and what was answered: the other side of the comparison. Every submission carries
// a token of its own as its user, so that its revision is found again in an export, whatever
// became of the answer.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tests/support/submissions.h"

namespace edcsync::torture {

using testing::SortedJson;

struct Told {
  std::string key;                     // Of its record, for the report.
  std::size_t content = 0;             // Hash of testing::ContentOf; 0: written by the centre.
  std::vector<std::string> revisions;  // Of each answer "captured".
  int unanswered = 0;                  // Times it was sent and no answer came: each may be there.
};

class Ledger {
 public:
  // About to be sent, perhaps again. Until it is answered it may be there or not.
  void Send(const std::string& token, const std::string& key, std::size_t content) {
    const std::lock_guard lock(mutex_);
    Told& told = told_[token];
    told.key = key;
    told.content = content;
    ++told.unanswered;
  }
  void Captured(const std::string& token, const std::string& revision) {
    const std::lock_guard lock(mutex_);
    Told& told = told_[token];
    --told.unanswered;
    told.revisions.push_back(revision);
  }
  // Answered, and nothing was stored for it.
  void NotTaken(const std::string& token) {
    const std::lock_guard lock(mutex_);
    --told_[token].unanswered;
  }
  // An answer named this revision as standing there.
  void Seen(const std::string& revision) {
    const std::lock_guard lock(mutex_);
    seen_.insert(revision);
  }
  // The place in an edge's outbox that an answer named; false if another revision has it.
  bool Place(const std::string& edge, std::uint64_t sequence, const std::string& revision) {
    const std::lock_guard lock(mutex_);
    return places_[edge].emplace(sequence, revision).first->second == revision;
  }

  std::map<std::string, Told> told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  std::set<std::string> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Told> told_;
  std::set<std::string> seen_;
  std::map<std::string, std::map<std::uint64_t, std::string>> places_;
};

}  // namespace edcsync::torture
