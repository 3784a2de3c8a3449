// A data manager's decisions: resolving a conflict, proposing to the site how to, opening one again;
// releasing or rejecting what waits in quarantine. Each is one work of the store, with its audit
// entry. What becomes of a proposal is central-gateway/merge/proposals.h's.
//
//   used by   central-gateway/app (conflict, quarantine), central-gateway/web
#pragma once

#include "central-gateway/desk/online_edit.h"

namespace edcsync::central {

// Who signs, as it stands in the record (21 CFR 11.50).
struct Signing {
  std::string full_name;
  std::string meaning;  // As in SignatureRow.
};

struct Decision {
  SnowflakeId conflict;
  std::optional<RevisionId> take;  // The head (or any revision of the record) whose content wins,
  std::optional<FormItems> items;  // or the content composed; exactly one of the two.
  std::vector<RevisionId> seen_heads;  // Those decided upon, ascending; empty: today's.
  std::string reason;              // Required.
  std::string user;                // Required.
  std::optional<std::uint64_t> fencing_token = {};  // Set: only with this claim of the user's;
                                                    // else unless somebody else has claimed it.
  std::optional<Signing> signing = {};
};

// kStale, naming the heads that a conflict has now.
Error MovedOn(const std::vector<RevisionId>& heads);

// Writes a revision whose parents are all heads the conflict lists, and returns its id. Fails
// with kStale if the record has other heads by now (the message names them), kClaimed, kNotFound,
// kFieldMissing, kLocked, kStudyDefinition; kNeedsConsent if the study's sites endorse decisions.
Result<RevisionId> Resolve(CentralStore& store, const CentreWriter& centre,
                           const Decision& decision);

// Proposes the same to the site, which gets it with the feed; the conflict stays open until the site
// endorses it. Allowed in every study. Fails as Resolve; kAlreadyExists if a proposal waits.
struct Proposed {
  SnowflakeId proposal;
  RevisionId revision;
};
Result<Proposed> Propose(CentralStore& store, const CentreWriter& centre,
                         const Decision& decision);
// Takes back the proposal that waits for the site. kNotFound.
Status WithdrawProposal(CentralStore& store, SnowflakeId conflict, const std::string& user);

// A conflict that has ended is decided anew: opens another of the same record, which shows what was
// decided upon then, and returns its id. kNotFound, kFieldMissing; kAlreadyExists if one is open,
// kStale if it has not ended.
Result<SnowflakeId> Reopen(CentralStore& store, SnowflakeId conflict, const std::string& user,
                           const std::string& reason);

// Merges a waiting revision in spite of its reason. Fails with the reason if it is one no person
// can lift (a wrong site, a broken version, an unknown parent).
Result<MergeResult> ReleaseQuarantine(CentralStore& store, const RevisionId& revision,
                                      const std::string& user, const std::string& reason,
                                      const std::optional<Signing>& signing = std::nullopt);

// Those in quarantine that no missing parent holds: a person decides. Oldest first.
Result<std::vector<RevisionId>> WaitingForAPerson(CentralStore& store);

// Ends its waiting for good; it stays readable.
Status RejectQuarantine(CentralStore& store, const RevisionId& revision, const std::string& user,
                        const std::string& reason,
                        const std::optional<Signing>& signing = std::nullopt);

}  // namespace edcsync::central
