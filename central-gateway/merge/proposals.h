// What becomes of a proposal: applied when the site endorses it, ended when the site rejects it or
// when its conflict moves on.
//
//   used by   central-gateway/merge/merger.h, central-gateway/intake, central-gateway/desk
//
// Threads: inside a work of the store.
#pragma once

#include "central-gateway/merge/merger.h"
#include "shared/wire/frames.h"

namespace edcsync::central {

// Ends the proposal that waits for the site; false if there is none. `actor` stands in the audit
// trail. The feed is told by the caller (Merger::TellConflict).
Result<bool> EndWaitingProposal(CentralWriter& writer, const ConflictRow& conflict,
                                ProposalState state, const std::string& actor);
// The same when it no longer settles the conflict.
Status SupersedeProposal(CentralWriter& writer, const ConflictRow& conflict);

// Takes a site's answer in: an endorsed proposal becomes the record's resolution, a rejected one
// leaves the conflict to the data managers. Says how it stands with the proposal then; an answer that
// came before, or too late, changes nothing (kUnknown: none of this site's). A record that was locked
// since keeps its conflict, and the proposal is superseded.
Result<ProposalState> SettleProposal(CentralWriter& writer, RegistryCache& registry,
                                     const EdgeId& edge, const SiteOID& site,
                                     const wire::Endorsement& endorsement);

}  // namespace edcsync::central
