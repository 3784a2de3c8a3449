// Table `proposal`: what data managers proposed for this site's conflicts, and the site's answers
// until the centre has them (schema/edge/0002_proposals.sql). What was proposed and why it was
// answered so are sealed.
//
//   written by   edge-agent/downlink/feed_applier.h, edge-agent/site/endorsement.h,
//                edge-agent/uplink/endorsement_sender.h
//
// Threads: as its Database.
#pragma once

#include "shared/crypto/field_cipher.h"
#include "shared/model/proposal_state.h"
#include "shared/model/revision.h"
#include "shared/storage/database.h"

namespace edcsync::edge {

// kSuperseded here: over before anybody answered, for whatever reason.
struct ProposalHere {
  std::uint64_t proposal_id = 0;
  std::uint64_t conflict_id = 0;
  std::string record_key;
  std::string proposed_by;
  RevisionId revision;
  Bytes canonical;  // The resolution proposed.
  WallTime received_at;
  ProposalState state = ProposalState::kWaiting;
  std::string answered_by = {};
  std::string answer_reason = {};
  std::optional<WallTime> answered_at = {};
  bool told = false;                         // The centre has the answer,
  std::optional<ProposalState> outcome = {};  // and this is what it made of it.
};

class ProposalTable {
 public:
  ProposalTable(Database& database, FieldCipher& cipher) : database_(database), cipher_(cipher) {}

  Result<std::optional<ProposalHere>> Find(std::uint64_t proposal_id) const;
  // Newest first; without `all` only those that wait for an answer.
  Result<std::vector<ProposalHere>> List(bool all, std::size_t count_max) const;
  Result<std::uint64_t> CountWaiting() const;
  // The oldest answer that the centre does not have.
  Result<std::optional<ProposalHere>> NextToTell() const;

  // It waits at the centre for this site's answer: one that was over waits again, and an answer given
  // before is told again. FieldCipher::Reserve was called; likewise for Answer.
  Status Put(const ProposalHere& proposal);
  // Those of the record that wait, but for `kept` (0: none), are over.
  Status EndWaitingOf(const std::string& record_key, std::uint64_t kept);
  // State and answer of one that waits; kStale otherwise.
  Status Answer(const ProposalHere& proposal);
  Status SetTold(std::uint64_t proposal_id, ProposalState outcome);
  // All that wait are over, until the feed tells of them anew.
  Status EndAllWaiting();

 private:
  Result<ProposalHere> Read(const Statement& statement) const;
  Result<std::optional<ProposalHere>> ReadOne(Statement& statement) const;

  Database& database_;
  FieldCipher& cipher_;
};

}  // namespace edcsync::edge
