// The proof at the end of a run: once everything is healed and delivered, what stands at the centre
// and at the edges is held against what people were told, and against what follows from the
// revisions themselves (heads, current revision, open conflicts), computed here anew.
//
// Threads: the main thread's.
#pragma once

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/torture/ledger.h"
#include "tests/torture/world.h"

namespace edcsync::torture {

// One revision of an export with history; values are kept as hashes only.
struct Exported {
  std::string id, key, site, origin, user, edited_at;
  std::vector<std::string> parents;
  std::uint64_t version = 0, counter = 0;
  std::size_t content = 0;  // Of what a person entered.
  std::size_t whole = 0;    // Of everything both sides export.
  bool current = false;
};
using Export = std::map<std::string, Exported>;  // By revision id.

class Comparison {
 public:
  // `stop`: Ctrl-C; waiting is given up.
  Comparison(World& world, const Ledger& ledger, Tally& tally, const std::atomic<bool>& stop);
  // False, with a finding, if it could not be compared because something did not come to its end;
  // what does not fit is a finding each. REQUIRES: faults are healed and nobody submits any more.
  bool Run(const std::set<std::string>& held_by_backups);

 private:
  // Until nothing is missing; gives up once what is missing was the same for so long.
  bool Await(const std::string& what, int wait_s, const std::function<std::string()>& missing);
  std::string StandOf(std::size_t index, const SortedJson& status);
  std::string NotDelivered();
  std::string NotFilled();
  std::string NotReleased();
  bool ReadCentre();
  Export Read(const Ran& ran, const std::string& whose);
  void CompareWithTold();
  void CompareOrigins();
  void CompareHeads();
  void CompareEdge(std::size_t index);
  void CheckAll();
  // A finding with some of `ids`, unless there are none.
  void FindSome(const std::string& what, const std::vector<std::string>& ids);

  World& world_;
  const Ledger& ledger_;
  Tally& tally_;
  const std::atomic<bool>& stop_;
  const std::map<std::string, Told> told_;
  Export centre_;
  SortedJson open_conflicts_;
  std::map<std::string, std::uint64_t> revisions_of_site_, conflicts_of_site_;
};

}  // namespace edcsync::torture
