#include "central-gateway/merge/proposals.h"

#include "shared/base/log.h"
#include "shared/base/planted_defect.h"

namespace edcsync::central {
namespace {

Status End(CentralWriter& writer, const ConflictRow& conflict, ProposalRow& proposal,
           ProposalState state, const std::string& actor) {
  proposal.state = state;
  proposal.ended_at = writer.Now();
  EDCSYNC_TRY(writer.EndProposal(proposal));
  return writer.AppendAudit(actor, "proposal." + std::string(ToString(state)),
                            ToString(conflict.key),
                            "conflict=" + std::to_string(conflict.id.value()) +
                                " proposal=" + std::to_string(proposal.id.value()) +
                                " revision=" + proposal.revision.ToHex() +
                                (proposal.edge.empty() ? "" : " by=" + proposal.ended_by));
}

// Endorsed: the resolution goes the way of the centre's own revisions.
Status Accept(CentralWriter& writer, Merger& merger, const ConflictRow& conflict,
              ProposalRow& proposal, const std::string& actor) {
  EDCSYNC_ASSIGN(const Revision revision, DecodeRevision(proposal.canonical));
  EDCSYNC_TRY(merger.CheckOwn(revision));
  // Before it is applied: what ends its conflict would supersede it.
  EDCSYNC_TRY(End(writer, conflict, proposal, ProposalState::kAccepted, actor));
  EDCSYNC_TRY(merger.ApplyOwn(revision));
  return Ok();
}

}  // namespace

Result<bool> EndWaitingProposal(CentralWriter& writer, const ConflictRow& conflict,
                                ProposalState state, const std::string& actor) {
  EDCSYNC_ASSIGN(std::optional<ProposalRow> proposal, writer.WaitingProposalOf(conflict.id));
  if (!proposal) return false;
  if (state == ProposalState::kWithdrawn) proposal->ended_by = actor;
  EDCSYNC_TRY(End(writer, conflict, *proposal, state, actor));
  return true;
}

Status SupersedeProposal(CentralWriter& writer, const ConflictRow& conflict) {
  if (EDCSYNC_DEFECT("proposal-outlives-conflict")) return Ok();
  EDCSYNC_TRY(EndWaitingProposal(writer, conflict, ProposalState::kSuperseded, "gateway"));
  return Ok();
}

Result<ProposalState> SettleProposal(CentralWriter& writer, RegistryCache& registry,
                                     const EdgeId& edge, const SiteOID& site,
                                     const wire::Endorsement& endorsement) {
  EDCSYNC_ASSIGN(std::optional<ProposalRow> proposal,
                 writer.FindProposal(SnowflakeId(endorsement.proposal_id)));
  if (!proposal) return ProposalState::kUnknown;
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> conflict,
                 writer.FindConflict(proposal->conflict));
  if (!conflict || conflict->site != site || proposal->revision != endorsement.revision) {
    Log(LogLevel::kWarn, "endorsement.of_no_proposal", {{"edge", edge.str()}});
    return ProposalState::kUnknown;
  }
  if (proposal->state != ProposalState::kWaiting) return proposal->state;
  proposal->ended_by = endorsement.user;
  proposal->edge = edge;
  proposal->answered_at = endorsement.answered_at;
  proposal->answer_reason = endorsement.reason;
  const std::string actor = "edge:" + edge.str();
  EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
  if (endorsement.accepted) {
    const Status accepted = Accept(writer, merger, *conflict, *proposal, actor);
    if (accepted.ok()) return ProposalState::kAccepted;
    const ErrorCode why = accepted.error().code;
    if (why != ErrorCode::kLocked && why != ErrorCode::kStudyDefinition) {
      return tl::unexpected<Error>(accepted.error());
    }
    // May not be applied now: nothing was written, and the conflict stays for the data managers.
    EDCSYNC_TRY(End(writer, *conflict, *proposal, ProposalState::kSuperseded, actor));
  } else {
    EDCSYNC_TRY(End(writer, *conflict, *proposal, ProposalState::kRejected, actor));
  }
  EDCSYNC_TRY(merger.TellConflict(*conflict));
  return proposal->state;
}

}  // namespace edcsync::central
