#include "central-gateway/intake/push_intake.h"

#include "central-gateway/merge/proposals.h"
#include "shared/base/log.h"
#include "shared/base/planted_defect.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kChainPage = 1000;
constexpr char kDiffers[] = "the edge's outbox differs from what was received from it";

wire::Refuse RefuseWith(ErrorCode reason, std::string message) {
  wire::Refuse refuse;
  refuse.reason = static_cast<std::uint16_t>(reason);
  refuse.message = std::move(message);
  return refuse;
}

Result<EdgeRow> GetEdge(CentralReader& reader, const EdgeId& edge) {
  EDCSYNC_ASSIGN(std::optional<EdgeRow> row, reader.FindEdge(edge));
  if (!row) return Fail(ErrorCode::kUnknownEdge, "Edge " + edge.str() + " is not registered");
  return std::move(*row);
}

// The refusal of a frame of an earlier session, or of an edge that may not go on: checked in the
// work itself, for an edge can be revoked while its frame waits. nullopt: it is of the edge's session.
Result<std::optional<wire::Refuse>> CheckFence(CentralWriter& writer,
                                               const SessionContext& context, Epoch epoch) {
  const Status fenced = writer.CheckEpoch(context.edge, epoch);
  if (fenced.ok()) {
    EDCSYNC_ASSIGN(const EdgeRow row, GetEdge(writer, context.edge));
    if (row.standing == EdgeStanding::kActive || EDCSYNC_DEFECT("revoked-accepted")) {
      return std::optional<wire::Refuse>();
    }
    return std::optional(RefuseWith(row.standing == EdgeStanding::kRevoked
                                        ? ErrorCode::kRevokedEdge
                                        : ErrorCode::kIncarnationMismatch,
                                    "This edge is " + std::string(ToString(row.standing))));
  }
  if (fenced.error().code != ErrorCode::kStaleEpoch) {
    return tl::unexpected<Error>(fenced.error());
  }
  wire::Refuse refuse = RefuseWith(ErrorCode::kStaleEpoch, fenced.error().message);
  refuse.epoch = epoch;
  return std::optional(std::move(refuse));
}

// The database behind the edge is not the one receipted: nothing is merged by guess.
Result<Answer> Suspend(CentralWriter& writer, const EdgeId& edge, const std::string& why) {
  EDCSYNC_TRY(writer.SetEdgeStanding(edge, EdgeStanding::kSuspended, why));
  EDCSYNC_TRY(writer.AppendAudit("gateway", "edge.suspended", edge.str(), why));
  Log(LogLevel::kError, "edge.suspended", {{"edge", edge.str()}, {"why", why}});
  return Answer(RefuseWith(ErrorCode::kIncarnationMismatch, why));
}

// True if the chain the edge claims through its own acknowledgement leads, over the revision ids
// received since, to the chain known here.
Result<bool> ChainLeadsHere(CentralReader& reader, const EdgeRow& row, const wire::Hello& hello) {
  Digest chain = hello.acknowledged_chain;
  Sequence at = hello.acknowledged_through;
  while (at < row.acknowledged_through) {
    EDCSYNC_ASSIGN(const std::vector<IntakeRow> page,
                   reader.ListIntake(row.edge, row.incarnation, at, kChainPage));
    if (page.empty()) return false;
    for (const IntakeRow& intake : page) {
      chain = ChainDigest(chain, intake.revision.view());
      at = intake.sequence;
    }
  }
  return chain == row.chain;
}

// Not this edge's database any more: nothing to suspend, the one after it speaks.
Answer RefuseEnded() {
  return RefuseWith(ErrorCode::kIncarnationMismatch,
                    "this database's incarnation has ended; at the site run: "
                    "edge-agent sync new-incarnation");
}

// Why the database that says Hello may not go on, or "".
Result<std::string> Mismatch(CentralReader& reader, const EdgeRow& row,
                             const wire::Hello& hello) {
  if (hello.incarnation != row.incarnation) {
    return std::string("another database (incarnation) speaks for this edge");
  }
  if (hello.chain_differs) {
    if (hello.next_sequence > row.acknowledged_through) return std::string(kDiffers);
    return std::string("the edge's outbox ends before what was received from it: an old copy");
  }
  // That it ends before what was received proves nothing by itself: a Hello may come late, after
  // the edge captured and delivered more in a later session. An old copy finds our chain at the
  // Welcome to be none of its own, and says so.
  // An acknowledgement beyond ours is one a restored centre forgot; the edge checks our chain.
  if (hello.acknowledged_through > row.acknowledged_through) return std::string();
  EDCSYNC_ASSIGN(const bool leads, ChainLeadsHere(reader, row, hello));
  return leads ? std::string() : std::string(kDiffers);
}

std::vector<wire::RevisionOutcome> Exception(Sequence sequence, Outcome outcome,
                                             std::uint16_t reason) {
  if (outcome == Outcome::kApplied) return {};
  return {{sequence, outcome, reason}};
}

}  // namespace

Result<Answer> TakeHello(CentralWriter& writer, const SessionContext& context,
                         const wire::Hello& hello) {
  EDCSYNC_ASSIGN(EdgeRow row, GetEdge(writer, context.edge));
  if (row.standing == EdgeStanding::kRevoked) {
    return Answer(RefuseWith(ErrorCode::kRevokedEdge, "This edge was revoked"));
  }
  if (row.standing == EdgeStanding::kSuspended) {
    return Answer(RefuseWith(ErrorCode::kIncarnationMismatch, row.standing_reason));
  }
  if (row.incarnation == Incarnation{}) {
    const Status taken = writer.SetIncarnation(context.edge, hello.incarnation);
    if (!taken.ok() && taken.error().code == ErrorCode::kIncarnationMismatch) {
      return RefuseEnded();
    }
    EDCSYNC_TRY(taken);
    EDCSYNC_TRY(writer.AppendAudit("gateway", "edge.incarnation", context.edge.str(),
                                   "incarnation=" + hello.incarnation.ToHex()));
    EDCSYNC_ASSIGN(row, GetEdge(writer, context.edge));
  }
  if (hello.incarnation != row.incarnation) {
    EDCSYNC_ASSIGN(const bool ended, writer.HasSpoken(context.edge, hello.incarnation));
    if (ended) return RefuseEnded();
  }
  EDCSYNC_ASSIGN(const std::string mismatch, Mismatch(writer, row, hello));
  if (!mismatch.empty()) return Suspend(writer, context.edge, mismatch);

  wire::Welcome welcome;
  EDCSYNC_ASSIGN(welcome.epoch, writer.BindSession(context.edge, context.gateway, hello.release,
                                                   writer.Now(),
                                                   hello.edge_time.ms - writer.Now().ms));
  EDCSYNC_TRY(writer.AppendAudit("gateway:" + context.gateway.str(), "edge.session",
                                 context.edge.str(),
                                 "epoch=" + std::to_string(welcome.epoch.value())));
  welcome.hello_id = hello.hello_id;
  welcome.gateway = context.gateway;
  welcome.acknowledged_through = row.acknowledged_through;
  welcome.acknowledged_chain = row.chain;
  EDCSYNC_ASSIGN(welcome.history, writer.History());
  EDCSYNC_ASSIGN(welcome.feed_head, writer.FeedHead());
  return Answer(std::move(welcome));
}

Result<Answer> TakePush(CentralWriter& writer, RegistryCache& registry,
                        const SessionContext& context, ReadPush& push) {
  EDCSYNC_ASSIGN(std::optional<wire::Refuse> stale, CheckFence(writer, context, push.epoch));
  if (stale) return Answer(std::move(*stale));
  EDCSYNC_ASSIGN(EdgeRow row, GetEdge(writer, context.edge));
  // Readmitted meanwhile: which database speaks now, its Hello tells.
  if (row.incarnation == Incarnation{}) {
    wire::Refuse refuse = RefuseWith(ErrorCode::kStaleEpoch, "No database speaks for this edge");
    refuse.epoch = push.epoch;
    return Answer(std::move(refuse));
  }
  if (push.first_sequence == Sequence()) {
    return Answer(RefuseWith(ErrorCode::kMalformed, "A push begins at sequence 1 or later"));
  }
  if (push.first_sequence > row.acknowledged_through.Next() &&
      !EDCSYNC_DEFECT("sequence-gap-taken")) {
    wire::Refuse refuse = RefuseWith(ErrorCode::kSequenceGap, "Frames are missing before this");
    refuse.epoch = push.epoch;
    refuse.resend_from = row.acknowledged_through.Next();
    return Answer(std::move(refuse));
  }
  EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
  wire::Receipt receipt;
  receipt.epoch = push.epoch;
  Sequence sequence = push.first_sequence;
  Digest chain = row.chain;
  std::uint64_t duplicates = 0;
  for (Incoming& incoming : push.revisions) {
    MergeResult result;
    if (sequence <= row.acknowledged_through) {
      EDCSYNC_ASSIGN(const std::optional<IntakeRow> known,
                     writer.FindIntake(context.edge, row.incarnation, sequence));
      if (!known || known->revision != incoming.id) {
        return Suspend(writer, context.edge,
                       "sequence " + std::to_string(sequence.value()) +
                           " came again with another revision: a restored or cloned database");
      }
      ++duplicates;
      result = {known->outcome, known->reason};
    } else {
      incoming.edge = context.edge;
      incoming.site = context.site;
      incoming.incarnation = row.incarnation;
      incoming.sequence = sequence;
      EDCSYNC_ASSIGN(result, merger.Apply(incoming));
      if (EDCSYNC_DEFECT("quarantine-blocks") && result.outcome == Outcome::kQuarantined) {
        return Fail(ErrorCode::kForbidden, "A revision of this push may not be applied");
      }
      if (result.outcome == Outcome::kDuplicate) ++duplicates;
      EDCSYNC_TRY(writer.InsertIntake(context.edge, row.incarnation,
                                      {sequence, incoming.id, result.outcome, result.reason}));
      chain = ChainDigest(chain, incoming.id.view());
    }
    for (auto& exception : Exception(sequence, result.outcome, result.reason)) {
      receipt.exceptions.push_back(exception);
    }
    sequence = sequence.Next();
  }
  receipt.acknowledged_through =
      std::max(row.acknowledged_through, Sequence(sequence.value() - 1));
  receipt.acknowledged_chain = chain;
  if (receipt.acknowledged_through > row.acknowledged_through) {
    EDCSYNC_TRY(writer.AdvanceEdge(context.edge, receipt.acknowledged_through, chain,
                                   writer.Now()));
  }
  if (duplicates > 0) EDCSYNC_TRY(writer.CountDuplicates(duplicates));
  return Answer(std::move(receipt));
}

Result<Answer> TakeOffer(CentralWriter& writer, RegistryCache& registry,
                         const SessionContext& context, const wire::Offer& offer) {
  EDCSYNC_ASSIGN(std::optional<wire::Refuse> stale, CheckFence(writer, context, offer.epoch));
  if (stale) return Answer(std::move(*stale));
  EDCSYNC_ASSIGN(const Bytes mark_key, writer.MarkKey());
  EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
  std::size_t unmarked = 0;
  for (const wire::OfferedRevision& offered : offer.revisions) {
    Incoming incoming = ReadIncoming(offered.revision);
    const Digest mark = HmacSha256(mark_key, incoming.id.view());
    if (!EqualInConstantTime(mark, offered.mark) && !EDCSYNC_DEFECT("mark-unchecked")) {
      ++unmarked;
      continue;
    }
    incoming.edge = context.edge;
    incoming.site = context.site;
    incoming.offered = true;
    EDCSYNC_TRY(merger.Apply(incoming));
  }
  if (unmarked > 0) {
    Log(LogLevel::kWarn, "offer.unmarked", {{"edge", context.edge.str()}, {"count", unmarked}});
  }
  EDCSYNC_ASSIGN(const EdgeRow row, GetEdge(writer, context.edge));
  wire::Receipt receipt;
  receipt.epoch = offer.epoch;
  receipt.offer_page = offer.page;
  receipt.acknowledged_through = row.acknowledged_through;
  receipt.acknowledged_chain = row.chain;
  return Answer(std::move(receipt));
}

Result<Answer> TakeEndorsement(CentralWriter& writer, RegistryCache& registry,
                               const SessionContext& context,
                               const wire::Endorsement& endorsement) {
  EDCSYNC_ASSIGN(std::optional<wire::Refuse> stale,
                 CheckFence(writer, context, endorsement.epoch));
  if (stale) return Answer(std::move(*stale));
  EDCSYNC_ASSIGN(const ProposalState state,
                 SettleProposal(writer, registry, context.edge, context.site, endorsement));
  return Answer(wire::EndorsementReceipt{endorsement.epoch, endorsement.proposal_id, state});
}

}  // namespace edcsync::central
