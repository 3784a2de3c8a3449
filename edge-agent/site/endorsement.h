// The site's word on what data managers propose (ICH E6(R3) 3.16.1(i)): nothing of the site's data is
// changed by a resolution that its investigator has not endorsed, where the study wants that.
//
//   used by   edge-agent/site/site_api.h, edge-agent/app/endorse_commands.cc
//
// Threads: any, but not inside a work of the store.
#pragma once

#include <string>

#include "edge-agent/store/edge_store.h"

namespace edcsync::edge {

struct SiteAnswer {
  std::uint64_t proposal_id = 0;
  bool accepted = false;
  std::string user;    // Required.
  std::string reason;  // Required of a rejection.
};

// Keeps the answer, with its audit entry; it goes to the centre by itself. kNotFound, kFieldMissing,
// kTooLarge, kLocked (an acceptance, while the record is locked), kStale if the proposal does not wait
// any more. An answer that is already there is done: Ok.
Status AnswerProposal(EdgeStore& store, const SiteAnswer& answer);

// {"proposals":[{"proposalId","conflictId","key","proposedBy","proposedAt","reason","state",
//  "answeredBy","answeredAt","answerReason","told","outcome"}]}, newest first, at most 1000. Without
// `all` those that wait.
Result<std::string> ProposalListJson(EdgeStore& store, bool all);

// One of them, with "removes" and "items":[{"path","before","after"}]: what would change of the state
// that counts here now. kNotFound.
Result<std::string> ProposalJson(EdgeStore& store, std::uint64_t proposal_id);

}  // namespace edcsync::edge
