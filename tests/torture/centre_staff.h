// The people at the centre and the site's IT: a data manager who edits online, settles conflicts
// and locks subjects for a while, and an operator who takes backups, verifies them, checks
// databases and pauses lines; all through the programs' own commands, beside the running services.
// Some commands are killed midway.
//
// Threads: each Run on one of its own.
#pragma once

#include <atomic>
#include <deque>
#include <set>
#include <string>

#include "tests/torture/forms.h"
#include "tests/torture/world.h"

namespace edcsync::torture {

class DataManager {
 public:
  DataManager(const World& world, std::deque<SiteForms>& sites, Ledger& ledger, Tally& tally,
              std::string name, std::uint64_t seed);
  void Run(const std::atomic<bool>& stop);

 private:
  void EditOnline();
  void SettleSome();
  void Settle(const SortedJson& conflict);
  void LockForAWhile(const std::atomic<bool>& stop);
  // Runs it to its end, or kills it midway now and then; nullopt if killed.
  std::optional<Ran> RunOrKill(std::vector<std::string> command);
  std::string Token() { return name_ + "-" + std::to_string(++count_); }
  std::string FileOf(const SortedJson& content);

  const World& world_;
  std::deque<SiteForms>& sites_;
  Ledger& ledger_;
  Tally& tally_;
  const std::string name_;
  SeededRandom random_;
  std::uint64_t count_ = 0;
};

class Operator {
 public:
  Operator(const World& world, Tally& tally, std::uint64_t seed);
  void Run(const std::atomic<bool>& stop);
  // Once the run is over: no edge stays paused.
  void ResumeAll();
  // Those of the backups verified last: what they held must stand at the end.
  const std::set<std::string>& held_by_backups() const { return held_; }
  static std::vector<std::string> Kinds() {
    return {"sync paused", "backup of an edge", "backup of the gateway"};
  }

 private:
  // False if it could not be done now: nobody answered.
  bool PauseSync(const std::atomic<bool>& stop);
  bool BackUpEdge();
  bool BackUpGateway();
  bool CheckRunning();
  void Verify(const std::string& what, const std::string& program, const std::string& folder);

  const World& world_;
  Tally& tally_;
  SeededRandom random_;
  std::set<std::string> held_;
  std::uint64_t count_ = 0;
};

}  // namespace edcsync::torture
