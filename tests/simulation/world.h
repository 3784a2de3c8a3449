// A whole trial in one process: sites with their edge machines, the centre with one or two
// gateways, the broker between them, people who work and faults that befall them, all from one
// seed. A tick is one move of the people, one of the faults, and a stretch of virtual time. After
// the last tick the world heals and must come to rest; then the checkers look at the databases.
//
//   people.h, faults.h, rogue.h   what acts on a world
//   watch.h, checkers.h           what judges it
#pragma once

#include <set>

#include "tests/simulation/centre_machine.h"
#include "tests/simulation/history.h"

namespace edcsync::simulation {

struct WorldOptions {
  std::uint64_t seed = 1;
  unsigned ticks = 60;
  bool print = false;  // Each event, as it happens.
};

// What a checker found to be wrong.
struct Violation {
  std::string invariant;  // "I1" to "I9", or "settles".
  std::string text;
  std::vector<std::string> about;  // Record keys, revision ids, edges: what the story is about.
};

inline constexpr char kStudyOID[] = "CDISCPILOT01";
// Heads of this form that changed different items are merged by rule; those of others are not.
inline constexpr char kMergedForm[] = "F.MERGED";

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();

  // Lets `us` pass in small steps; carries out what disks and publishes did to machines.
  void Pass(std::int64_t us);
  // Carries that out now.
  void EndTheDead();
  // Ends every fault, brings everything up, lets the people do what only people can (readmit, new
  // incarnations, renewals), and waits until all is delivered. False if it never comes to rest;
  // `why` then says who did not.
  bool Heal(std::string& why);
  // True if everything captured is acknowledged and everything fed is applied, at every edge that
  // is not revoked; else `why` says who is behind.
  bool AtRest(std::string& why);

  std::int64_t now_us() const { return clock.Mono().us; }
  void Note(std::string what, std::string about = "") {
    history.Note(now_us(), std::move(what), std::move(about));
  }
  void Fault(const std::string& kind, const std::string& about = "") {
    history.Fault(now_us(), kind, about);
  }
  void Violate(std::string invariant, std::string text, std::vector<std::string> about = {}) {
    violations.push_back({std::move(invariant), std::move(text), std::move(about)});
  }
  bool Chance(unsigned percent) { return random.Below(100) < percent; }
  template <class T>
  T& OneOf(std::vector<T>& choices) {
    return choices.at(random.Below(choices.size()));
  }

  // The machine that is the edge (not a clone of it).
  EdgeMachine& AddEdge(const std::string& name, const std::string& site, int valid_minutes);
  EdgeMachine* Running(bool also_hanging = false);  // One at random; nullptr if none.
  // What no one holds any more once the holder has gone, because a person or a lost disk took it:
  // excused from what must arrive. Call before and after a change of what machines hold.
  std::set<RevisionId> HeldByAnyone() const;
  void Excuse(const std::set<RevisionId>& before);

  const WorldOptions options;
  History history;
  WorldClock clock;
  WorldScheduler scheduler{clock};
  SeededRandom random;
  Broker broker;
  std::string folder;
  Surroundings surroundings;
  Authority authority;
  CentreMachine centre;
  std::vector<std::string> sites;
  std::vector<std::unique_ptr<EdgeMachine>> edges;
  std::vector<std::unique_ptr<EdgeMachine>> clones;
  std::vector<std::unique_ptr<EdgeMachine>> scrapped;  // Kept: not all of it must have arrived.
  std::set<EdgeId> revoked;
  std::set<RevisionId> excused;
  bool centre_was_restored = false;
  std::vector<Violation> violations;
  // Called by Pass() after each small step.
  std::vector<std::function<void()>> after_step;

 private:
  void StartAll();
  void PersonsRound();
  void RenewCertificates();
};

// "SITE.701" of a subject "SITE.701-2".
SiteOID SiteOf(const SubjectKey& subject);

}  // namespace edcsync::simulation
