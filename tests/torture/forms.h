// The forms of one site that the people of a run work on: the real records of CDISCPILOT01, entered
// one after another, a few of which are changed again and again by everybody, so that they meet;
// and the ways in which a form is changed.
//
// Threads: any.
#pragma once

#include <atomic>
#include <string>

#include "shared/base/random.h"
#include "tests/torture/ledger.h"

namespace edcsync::torture {

class SiteForms {
 public:
  explicit SiteForms(std::string site);

  const std::string& site() const { return site_; }
  // The next record nobody has entered; sometimes one that another is just entering, too.
  SortedJson Fresh(Random& random);
  // One to change: mostly of the few that everybody changes.
  SortedJson Known(Random& random) const;

 private:
  SortedJson At(std::size_t index) const;

  const std::string site_;
  const testing::Lines lines_;
  std::atomic<std::size_t> entered_;
};

// `current` (a submission, or one as `record show` gives it) with another value for one of its
// items; without identity, user and reason. `shared`: a value that others write too at this time.
SortedJson Changed(const SortedJson& form, const SortedJson& current, bool shared, Random& random);
// `form` with the items of `current`.
SortedJson WithItemsOf(const SortedJson& form, const SortedJson& current);

std::string KeyOf(const SortedJson& form);  // As the programs print it.
std::size_t ContentHash(const SortedJson& submission);

}  // namespace edcsync::torture
