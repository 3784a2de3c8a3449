// The people of a trial: nurses who enter and correct forms at the sites, editors online at the
// centre, data managers who resolve conflicts, lock records and decide on quarantine. Few records
// and few values, so that real conflicts and real convergence happen. All that is handed in stands
// in the world's history with what they were told.
#pragma once

#include "central-gateway/desk/conflict_desk.h"
#include "tests/simulation/claims_model.h"

namespace edcsync::simulation {

class People {
 public:
  // `real_lines`: submissions of real CRF records (tests/data), entered beside the made-up ones;
  // may be empty.
  People(World& world, const std::vector<std::string>& real_lines);

  // One move of one of them.
  void Act();

 private:
  void SubmitAtSite(EdgeMachine& machine);
  void SubmitReal(EdgeMachine& machine);
  void Burst(EdgeMachine& machine);
  void EditOnline();
  void Resolve();
  // Claims the conflict first, as the page does; false if somebody else holds it.
  bool Claim(central::CentralStore& store, central::Decision& decision);
  void LetRunOut(central::Decision decision);
  void Propose(central::CentralStore& store, const central::CentreWriter& writer,
               const central::Decision& decision, std::uint64_t number);
  // False if nothing waits for it.
  bool Endorse(EdgeMachine& machine);
  void Lock();
  void Unlock();
  void DecideQuarantine();

  RecordKey SomeRecord(const std::string& site);
  // What a person makes of what they see.
  Submission Compose(const RecordKey& key, const std::optional<KnownRevision>& current);
  void HandIn(EdgeMachine& machine, Submission submission);
  std::uint64_t Write(const EdgeId& edge, const std::string& machine, Submission& submission);
  void Told(std::uint64_t number, const CaptureOutcome& outcome, bool answer_lost);

  World& world_;
  ClaimsModel claims_;
  const std::vector<std::string>& real_lines_;
  std::optional<central::Decision> put_off_;  // Read earlier, signed only now.
  std::uint64_t put_off_number_ = 0;
};

}  // namespace edcsync::simulation
