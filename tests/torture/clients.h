// One person at a site's front end: enters forms, changes them with a reason, saves them again,
// decides on what is stale, removes, errs; over the edge's HTTP API, one request at a time. What
// no answer came for is sent again, as a front end does it, or let be.
//
// Threads: Run on one of its own.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "tests/torture/forms.h"
#include "tests/torture/world.h"

namespace edcsync::torture {

class Client {
 public:
  Client(const World& world, std::size_t edge, SiteForms& forms, Ledger& ledger, Tally& tally,
         std::string name, std::uint64_t seed);
  void Run(const std::atomic<bool>& stop);

 private:
  struct Line {
    std::string token;
    SortedJson submission;
    bool never = false;  // It must not be taken.
  };

  Line Next();
  Line Entry();
  Line Change(bool shared);
  Line Again();
  Line Stale();
  Line Removal();
  Line WithoutReason();
  Line OfAnotherSite();
  Line Senseless();
  Line Signed(SortedJson submission, bool reason);
  // The current revision of the record, as the edge shows it; null if there is none or no answer.
  SortedJson Current(const SortedJson& form);

  bool Reach();
  void Submit(std::vector<Line> lines);
  // False if no answer came.
  bool Send(std::vector<Line>& lines);
  void TakeOutcome(const Line& line, const SortedJson& outcome);

  const World& world_;
  const std::size_t edge_;
  SiteForms& forms_;
  Ledger& ledger_;
  Tally& tally_;
  const std::string name_;
  SeededRandom random_;
  std::unique_ptr<HttpClient> http_;
  std::map<std::string, std::string> old_;  // A revision of each record, seen some time ago.
  std::uint64_t count_ = 0;
};

}  // namespace edcsync::torture
