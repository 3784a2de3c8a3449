// What happened in a run, counted by group and name ("faults", "kill_edge"), and what was found to
// be wrong. Every part of the run counts here; the report is made of it.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace edcsync::torture {

class Tally {
 public:
  using Group = std::map<std::string, std::uint64_t>;

  void Count(const std::string& group, const std::string& name, std::uint64_t by = 1) {
    const std::lock_guard lock(mutex_);
    groups_[group][name] += by;
  }
  void Raise(const std::string& group, const std::string& name, std::uint64_t to) {
    const std::lock_guard lock(mutex_);
    std::uint64_t& value = groups_[group][name];
    if (value < to) value = to;
  }
  std::uint64_t Of(const std::string& group, const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = groups_.find(group);
    if (found == groups_.end()) return 0;
    const auto figure = found->second.find(name);
    return figure == found->second.end() ? 0 : figure->second;
  }
  std::uint64_t Sum(const std::string& group) const {
    std::uint64_t sum = 0;
    for (const auto& [name, figure] : Figures(group)) sum += figure;
    return sum;
  }
  Group Figures(const std::string& group) const {
    const std::lock_guard lock(mutex_);
    const auto found = groups_.find(group);
    return found == groups_.end() ? Group() : found->second;
  }
  std::map<std::string, Group> All() const {
    const std::lock_guard lock(mutex_);
    return groups_;
  }

  // The run has failed: names keys and revision ids, never a value.
  void Found(std::string problem) {
    const std::lock_guard lock(mutex_);
    problems_.push_back(std::move(problem));
  }
  std::vector<std::string> problems() const {
    const std::lock_guard lock(mutex_);
    return problems_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Group> groups_;
  std::vector<std::string> problems_;
};

}  // namespace edcsync::torture
