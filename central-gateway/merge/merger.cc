#include "central-gateway/merge/merger.h"

#include <algorithm>
#include <cstdlib>

#include "central-gateway/merge/feed_detail.h"
#include "central-gateway/merge/proposals.h"
#include "shared/base/check.h"
#include "shared/base/limits.h"
#include "shared/base/planted_defect.h"
#include "shared/crypto/revision_id.h"

namespace edcsync::central {
namespace {

std::string ActorOf(const Incoming& incoming) {
  if (!incoming.edge.empty()) return "edge:" + incoming.edge.str();
  if (incoming.revision.ok() && !incoming.revision->user.empty()) return incoming.revision->user;
  return "gateway";
}

bool IsClockSuspect(const Revision& revision, WallTime now) {
  if (revision.edited_at.ms > now.ms + limits::kClockSkewMsMax) return true;
  return revision.clock_drift_ms && std::llabs(*revision.clock_drift_ms) > limits::kClockSkewMsMax;
}

std::string AuditDetail(const Incoming& incoming, Outcome outcome) {
  std::string detail = "revision=" + incoming.id.ToHex();
  detail += " version=" + std::to_string(incoming.revision->version);
  detail += " origin=";
  detail += ToString(incoming.revision->origin);
  detail += " outcome=";
  detail += ToString(outcome);
  if (incoming.sequence.value() != 0) {
    detail += " sequence=" + std::to_string(incoming.sequence.value());
  }
  return detail;
}

Incoming IncomingOf(const QuarantineRow& row) {
  Incoming incoming = ReadIncoming(row.bytes);
  incoming.edge = row.edge;
  incoming.incarnation = row.incarnation;
  incoming.sequence = row.sequence;
  incoming.site = row.site;
  // What an edge returned without a mark has no sequence either: only that can have been forbidden.
  incoming.offered = row.sequence.value() == 0 &&
                     row.reason != static_cast<std::uint16_t>(ErrorCode::kForbidden);
  return incoming;
}

}  // namespace

Incoming ReadIncoming(Bytes canonical) {
  Incoming incoming;
  incoming.id = IdOf(canonical);
  incoming.revision = DecodeRevision(canonical);
  incoming.canonical = std::move(canonical);
  return incoming;
}

Result<Merger> Merger::Begin(CentralWriter& writer, RegistryCache& registry) {
  EDCSYNC_TRY(registry.Refresh(writer));
  return Merger(writer, registry);
}

Result<MergeResult> Merger::Apply(Incoming& incoming) {
  EDCSYNC_ASSIGN(const bool known, writer_.HasRevision(incoming.id));
  if (known) return MergeResult{Outcome::kDuplicate, 0};
  EDCSYNC_ASSIGN(const std::optional<QuarantineRow> waiting, writer_.FindQuarantine(incoming.id));
  if (waiting) {
    return MergeResult{waiting->missing_parent ? Outcome::kHeld : Outcome::kQuarantined,
                       waiting->reason};
  }
  EDCSYNC_ASSIGN(Checked checked, Check(incoming, /*lifted=*/false));
  if (checked.obstacle) return Quarantine(incoming, *checked.obstacle);
  return Accept(incoming, checked);
}

Result<Merger::Checked> Merger::Check(const Incoming& incoming, bool lifted) {
  Checked checked;
  const auto stop = [&](ErrorCode reason, std::string detail) {
    checked.obstacle = Obstacle{Outcome::kQuarantined, reason, std::move(detail), std::nullopt};
    return checked;
  };
  if (!incoming.revision.ok()) {
    return stop(incoming.revision.error().code, incoming.revision.error().message);
  }
  const Revision& revision = *incoming.revision;
  const bool from_edge = !incoming.edge.empty();
  const bool sites_count = !EDCSYNC_DEFECT("site-unchecked");
  if (from_edge && sites_count && revision.site != incoming.site) {
    return stop(ErrorCode::kWrongSite, "The revision names another site than the edge's");
  }
  if (from_edge && !incoming.offered &&
      (revision.origin != Origin::kSite || revision.edge != incoming.edge)) {
    return stop(ErrorCode::kForbidden, "The revision names another writer than the edge");
  }
  EDCSYNC_ASSIGN(checked.record, writer_.FindRecord(revision.key));
  std::optional<SiteOID> owner;
  if (checked.record) {
    owner = checked.record->site;
  } else {
    EDCSYNC_ASSIGN(owner, writer_.SiteOfSubject(revision.key.study, revision.key.subject));
  }
  if (owner && sites_count && *owner != revision.site) {
    return stop(ErrorCode::kWrongSite, "The subject belongs to another site");
  }
  EDCSYNC_ASSIGN(checked.obstacle, CheckParents(revision, checked.record));
  if (checked.obstacle) return checked;
  EDCSYNC_ASSIGN(checked.obstacle, CheckHeads(incoming.id, revision, checked.record));
  if (checked.obstacle) return checked;
  RegistryCache::Verdict verdict = registry_.Judge(revision);
  checked.nonconformance = std::move(verdict.nonconformance);
  if (lifted) return checked;
  if (registry_.Locks(revision.key, revision.site)) {
    return stop(ErrorCode::kLocked, "The record was locked at the centre when this came");
  }
  if (!verdict.unknown.empty()) return stop(ErrorCode::kStudyDefinition, verdict.unknown);
  return checked;
}

Result<std::optional<Merger::Obstacle>> Merger::CheckParents(
    const Revision& revision, const std::optional<RecordState>& record) {
  std::vector<std::uint32_t> versions;
  const auto refuse = [](ErrorCode reason, std::string detail) {
    return std::optional<Obstacle>(
        Obstacle{Outcome::kQuarantined, reason, std::move(detail), std::nullopt});
  };
  for (const RevisionId& parent : revision.parents) {
    if (record && record->current == parent) {  // The usual case needs no further look-up.
      versions.push_back(record->current_version);
      continue;
    }
    EDCSYNC_ASSIGN(const std::optional<KnownRevision> row, FindReadable(parent));
    if (!row) {
      return std::optional<Obstacle>(Obstacle{Outcome::kHeld, ErrorCode::kNotFound,
                                              "The parent " + parent.ToHex() + " is unknown",
                                              parent});
    }
    if (row->revision.key != revision.key) {
      return refuse(ErrorCode::kMalformed, "A parent belongs to another record");
    }
    versions.push_back(row->revision.version);
  }
  const Status version = CheckVersion(revision, versions);
  if (!version.ok()) return refuse(version.error().code, version.error().message);
  return std::optional<Obstacle>();
}

// What the merge will have to read beside the parents. What is lost or damaged here is waited for as a
// parent is, until a reconciliation brings it back: it holds up its own record, and no push.
Result<std::optional<Merger::Obstacle>> Merger::CheckHeads(
    const RevisionId& id, const Revision& revision, const std::optional<RecordState>& record) {
  if (!record) return std::optional<Obstacle>();
  const std::vector<RevisionId> next = NextHeads(record->heads, revision.parents, id);
  if (next.size() == 1) return std::optional<Obstacle>();
  const auto wait_for = [](const RevisionId& lost) {
    return std::optional<Obstacle>(Obstacle{Outcome::kHeld, ErrorCode::kNotFound,
                                            "Revision " + lost.ToHex() + " cannot be read here",
                                            lost});
  };
  for (const RevisionId& head : next) {
    if (head == id) continue;
    EDCSYNC_ASSIGN(const std::optional<KnownRevision> here, FindReadable(head));
    if (!here) return wait_for(head);
  }
  std::optional<RevisionId> lost;
  const Result<std::optional<RevisionId>> ancestor =
      BestCommonAncestor(next, [&](const RevisionId& node) -> Result<GraphNode> {
        if (node == id) return GraphNode{revision.version, revision.parents};
        Result<GraphNode> found = writer_.NodeOf(node);
        if (!found.ok() && found.error().code == ErrorCode::kNotFound) lost = node;
        return found;
      });
  if (lost) return wait_for(*lost);
  if (!ancestor.ok()) return tl::unexpected<Error>(ancestor.error());
  if (!*ancestor) return std::optional<Obstacle>();
  EDCSYNC_ASSIGN(const std::optional<KnownRevision> here, FindReadable(**ancestor));
  return here ? std::optional<Obstacle>() : wait_for(**ancestor);
}

// nullopt: it is not here, or does not open.
Result<std::optional<KnownRevision>> Merger::FindReadable(const RevisionId& id) {
  Result<std::optional<RevisionRow>> row = writer_.FindRevision(id);
  if (!row.ok() && Describe(row.error().code).retry == Retry::kTransient) {
    return tl::unexpected<Error>(row.error());
  }
  if (!row.ok() || !*row) return std::optional<KnownRevision>();
  return std::optional(std::move((*row)->known));
}

Result<MergeResult> Merger::Accept(Incoming& incoming, const Checked& checked) {
  EDCSYNC_ASSIGN(const MergeResult result, Insert(incoming, checked));
  EDCSYNC_TRY(ApplyHeld());
  return result;
}

Status Merger::InsertRow(Incoming& incoming, const Checked& checked,
                         const std::vector<RevisionId>& heads, const WinKey& current,
                         bool current_removed) {
  CentralWriter::NewRevision row;
  row.row.record_id = checked.record ? checked.record->record_id : 0;
  row.row.received_at = writer_.Now();
  row.row.nonconformance = checked.nonconformance;
  row.row.clock_suspect = IsClockSuspect(*incoming.revision, writer_.Now());
  row.heads = heads;
  row.current = current.id;
  row.current_version = current.version;
  row.current_removed = current_removed;
  // An offered revision came with the feed of an earlier history: its own writer may have lost
  // it, so nobody is taken to know it.
  if (!incoming.offered) {
    row.origin_edge = incoming.edge;
    row.origin_incarnation = incoming.incarnation;
  }
  // Lent to the row and taken back: a copy of the items costs as much as storing them.
  row.row.known.id = incoming.id;
  row.row.known.revision = std::move(*incoming.revision);
  row.row.canonical = std::move(incoming.canonical);
  const Result<std::int64_t> inserted = writer_.InsertRevision(row);
  *incoming.revision = std::move(row.row.known.revision);
  incoming.canonical = std::move(row.row.canonical);
  EDCSYNC_TRY(inserted);
  arrived_.push_back(incoming.id);
  return Ok();
}

Result<MergeResult> Merger::Insert(Incoming& incoming, const Checked& checked) {
  const Revision& revision = *incoming.revision;
  const std::vector<RevisionId> before =
      checked.record ? checked.record->heads : std::vector<RevisionId>();
  const std::vector<RevisionId> next =
      EDCSYNC_DEFECT("fast-forward-flagged") && revision.origin == Origin::kSite
          ? NextHeads(before, {}, incoming.id)
          : NextHeads(before, revision.parents, incoming.id);
  const std::string key = ToString(revision.key);
  if (next.size() == 1) {
    const WinKey self{revision.version, revision.edited_at, incoming.id};
    EDCSYNC_TRY(InsertRow(incoming, checked, next, self, revision.removed));
    EDCSYNC_TRY(writer_.AppendAudit(ActorOf(incoming), "revision.applied", key,
                                    AuditDetail(incoming, Outcome::kApplied)));
    if (checked.record) EDCSYNC_TRY(OneHeadLeft(*checked.record, incoming));
    return MergeResult{Outcome::kApplied, 0};
  }
  std::vector<KnownRevision> heads;
  for (const RevisionId& id : next) {
    if (id == incoming.id) {
      heads.push_back({incoming.id, revision});
      continue;
    }
    EDCSYNC_ASSIGN(KnownRevision head, Load(id));
    heads.push_back(std::move(head));
  }
  const KnownRevision& winner = Winner(heads);
  if (EDCSYNC_DEFECT("loser-not-stored") && winner.id != incoming.id) {
    return MergeResult{Outcome::kConflictLost, 0};
  }
  EDCSYNC_TRY(InsertRow(incoming, checked,
                        EDCSYNC_DEFECT("merge-drops-head") ? std::vector{winner.id} : next,
                        WinKeyOf(winner), winner.revision.removed));

  EDCSYNC_ASSIGN(const std::optional<RevisionId> ancestor_id,
                 BestCommonAncestor(next, [this](const RevisionId& id) {
                   return writer_.NodeOf(id);
                 }));
  std::optional<KnownRevision> ancestor;
  if (ancestor_id) {
    EDCSYNC_ASSIGN(ancestor, Load(*ancestor_id));
  }
  EDCSYNC_ASSIGN(const MergePolicy policy, writer_.PolicyFor(revision.key.study,
                                                             revision.key.form));
  const MergeDecision decision =
      DecideMerge(heads, incoming.id, ancestor ? &ancestor->revision : nullptr, policy);
  EDCSYNC_TRY(writer_.AppendAudit(ActorOf(incoming), "revision.applied", key,
                                  AuditDetail(incoming, decision.outcome)));
  EDCSYNC_ASSIGN(const std::optional<RecordState> record, writer_.FindRecord(revision.key));
  CHECK(record);
  if (decision.joined) {
    Incoming joined = ReadIncoming(EncodeRevision(*decision.joined));
    Checked joined_checked;
    joined_checked.record = record;
    joined_checked.nonconformance = registry_.Judge(*decision.joined).nonconformance;
    EDCSYNC_TRY(Insert(joined, joined_checked));
  } else {
    EDCSYNC_TRY(UpdateConflict(*record, heads, ancestor, incoming));
  }
  return MergeResult{decision.outcome, 0};
}

Result<KnownRevision> Merger::Load(const RevisionId& id) {
  EDCSYNC_ASSIGN(std::optional<RevisionRow> row, writer_.FindRevision(id));
  if (!row) return Fail(ErrorCode::kInvariant, "Revision " + id.ToHex() + " is not stored");
  return std::move(row->known);
}

Status Merger::UpdateConflict(const RecordState& record, const std::vector<KnownRevision>& heads,
                              const std::optional<KnownRevision>& ancestor,
                              const Incoming& incoming) {
  const Dispute dispute = FindDispute(heads, ancestor ? &ancestor->revision : nullptr);
  if (EDCSYNC_DEFECT("soft-conflict-missed") && dispute.severity == Severity::kSoft) return Ok();
  EDCSYNC_ASSIGN(std::optional<ConflictRow> open, writer_.OpenConflictOf(record.record_id));
  const bool fresh = !open;
  ConflictRow conflict = fresh ? ConflictRow{} : std::move(*open);
  if (fresh) {
    EDCSYNC_ASSIGN(conflict.id, writer_.NewId());
    conflict.record_id = record.record_id;
    conflict.key = record.key;
    conflict.site = record.site;
    conflict.opened_at = writer_.Now();
    conflict.severity = dispute.severity;
  }
  conflict.severity = std::max(conflict.severity, dispute.severity);
  conflict.heads = record.heads;
  conflict.ancestor = ancestor ? std::optional(ancestor->id) : std::nullopt;
  conflict.items.clear();
  for (const ItemPath& path : dispute.items) conflict.items.push_back(ToString(path));
  EDCSYNC_TRY(fresh ? writer_.InsertConflict(conflict) : writer_.UpdateConflict(conflict));
  if (!fresh) EDCSYNC_TRY(SupersedeProposal(writer_, conflict));
  EDCSYNC_TRY(writer_.AppendAudit(
      ActorOf(incoming), fresh ? "conflict.opened" : "conflict.changed", ToString(record.key),
      "conflict=" + std::to_string(conflict.id.value()) + " severity=" +
          std::string(ToString(conflict.severity)) + " heads=" +
          std::to_string(conflict.heads.size())));
  return TellConflict(conflict);
}

// `incoming` descends from all heads that were.
Status Merger::OneHeadLeft(const RecordState& before, const Incoming& incoming) {
  EDCSYNC_ASSIGN(std::optional<ConflictRow> open, writer_.OpenConflictOf(before.record_id));
  if (!open) return Ok();  // One head before too; or two that a convergence joined at once.
  if (!open->reopens || incoming.revision->origin == Origin::kResolution) {
    return EndConflict(std::move(*open), incoming);
  }
  // Somebody asked for a new decision: an edit is none.
  open->heads = {incoming.id};
  EDCSYNC_TRY(writer_.UpdateConflict(*open));
  EDCSYNC_TRY(SupersedeProposal(writer_, *open));
  EDCSYNC_TRY(writer_.AppendAudit(ActorOf(incoming), "conflict.changed", ToString(open->key),
                                  "conflict=" + std::to_string(open->id.value()) + " heads=1"));
  return TellConflict(*open);
}

Status Merger::EndConflict(ConflictRow conflict, const Incoming& incoming) {
  conflict.heads = {incoming.id};
  conflict.end = incoming.revision->origin == Origin::kResolution ? ConflictEnd::kResolved
                                                                  : ConflictEnd::kSuperseded;
  conflict.ended_by = incoming.id;
  conflict.ended_at = writer_.Now();
  conflict.ended_user = ActorOf(incoming);
  EDCSYNC_TRY(writer_.UpdateConflict(conflict));
  EDCSYNC_TRY(SupersedeProposal(writer_, conflict));
  if (EDCSYNC_DEFECT("audit-entry-skipped")) return TellConflict(conflict);
  EDCSYNC_TRY(writer_.AppendAudit(
      ActorOf(incoming),
      conflict.end == ConflictEnd::kResolved ? "conflict.resolved" : "conflict.superseded",
      ToString(conflict.key),
      "conflict=" + std::to_string(conflict.id.value()) + " by=" + incoming.id.ToHex()));
  return TellConflict(conflict);
}

Status Merger::TellConflict(const ConflictRow& conflict) {
  FeedRow row;
  row.kind = FeedKind::kConflict;
  row.site = conflict.site;
  row.conflict = conflict.id;
  wire::ConflictState state{conflict.id.value(), conflict.key,
                            conflict.end == ConflictEnd::kOpen, conflict.severity,
                            conflict.heads, {}};
  EDCSYNC_ASSIGN(const std::optional<ProposalRow> proposal,
                 writer_.WaitingProposalOf(conflict.id));
  if (proposal) state.proposal.proposal_id = proposal->id.value();
  row.detail = EncodeConflict(state);
  return writer_.AppendFeed(row);
}

Result<MergeResult> Merger::Quarantine(const Incoming& incoming, const Obstacle& obstacle) {
  QuarantineRow row;
  row.revision = incoming.id;
  row.bytes = incoming.canonical;
  row.edge = incoming.edge;
  row.incarnation = incoming.incarnation;
  row.sequence = incoming.sequence;
  if (incoming.revision.ok()) row.key = incoming.revision->key;
  row.site = incoming.site;
  row.reason = static_cast<std::uint16_t>(obstacle.reason);
  row.detail = obstacle.detail;
  row.missing_parent = obstacle.missing_parent;
  row.received_at = writer_.Now();
  EDCSYNC_TRY(writer_.InsertQuarantine(row));
  EDCSYNC_TRY(writer_.AppendAudit(
      ActorOf(incoming), obstacle.missing_parent ? "revision.held" : "revision.quarantined",
      row.key ? ToString(*row.key) : incoming.id.ToHex(),
      "revision=" + incoming.id.ToHex() + " reason=" +
          std::string(Describe(obstacle.reason).name)));
  EDCSYNC_TRY(TellQuarantine(row));
  return MergeResult{obstacle.outcome, row.reason};
}

Status Merger::TellQuarantine(const QuarantineRow& row) {
  if (row.site.empty()) return Ok();
  FeedRow feed;
  feed.kind = FeedKind::kQuarantine;
  feed.site = row.site;
  feed.revision = row.revision;
  feed.detail = EncodeQuarantine(
      {row.revision, static_cast<std::uint8_t>(row.state), row.reason});
  return writer_.AppendFeed(feed);
}

// Children that came before their parent follow it now, and theirs follow them: a list, not a
// recursion, since a record may have thousands.
Status Merger::ApplyHeld() {
  while (!arrived_.empty()) {
    const RevisionId parent = arrived_.front();
    arrived_.pop_front();
    EDCSYNC_ASSIGN(std::vector<QuarantineRow> rows, writer_.HeldFor(parent));
    for (QuarantineRow& row : rows) EDCSYNC_TRY(ApplyHeldRow(std::move(row)));
  }
  return Ok();
}

Status Merger::ApplyHeldRow(QuarantineRow row) {
  Incoming incoming = IncomingOf(row);
  EDCSYNC_ASSIGN(const Checked checked, Check(incoming, /*lifted=*/false));
  if (checked.obstacle) return KeepHeld(std::move(row), *checked.obstacle);
  EDCSYNC_TRY(EndWaiting(row, "gateway", ""));
  // A convergence or merge revision that a restored centre was offered before its parents came:
  // joining them has just written the same revision again.
  EDCSYNC_ASSIGN(const bool known, writer_.HasRevision(incoming.id));
  MergeResult result{Outcome::kDuplicate, 0};
  if (!known) {
    EDCSYNC_ASSIGN(result, Insert(incoming, checked));
  }
  if (row.sequence.value() == 0) return Ok();
  return writer_.SetIntakeOutcome(row.edge, row.incarnation, row.sequence, result.outcome, 0);
}

// Still waits: for another parent, or with a reason that is a person's.
Status Merger::KeepHeld(QuarantineRow row, const Obstacle& obstacle) {
  row.reason = static_cast<std::uint16_t>(obstacle.reason);
  row.detail = obstacle.detail;
  row.missing_parent = obstacle.missing_parent;
  EDCSYNC_TRY(writer_.UpdateQuarantine(row));
  if (row.missing_parent) return Ok();
  EDCSYNC_TRY(writer_.AppendAudit("gateway", "revision.quarantined",
                                  row.key ? ToString(*row.key) : row.revision.ToHex(),
                                  "revision=" + row.revision.ToHex() + " reason=" +
                                      std::string(Describe(obstacle.reason).name)));
  if (row.sequence.value() != 0) {
    EDCSYNC_TRY(writer_.SetIntakeOutcome(row.edge, row.incarnation, row.sequence,
                                         obstacle.outcome, row.reason));
  }
  return TellQuarantine(row);
}

Status Merger::EndWaiting(QuarantineRow& row, const std::string& user,
                          const std::string& reason) {
  row.state = QuarantineEnd::kApplied;
  row.decided_by = user;
  row.decision_reason = reason;
  row.decided_at = writer_.Now();
  row.missing_parent = std::nullopt;
  EDCSYNC_TRY(writer_.UpdateQuarantine(row));
  return TellQuarantine(row);
}

Result<MergeResult> Merger::Release(QuarantineRow row, const std::string& user,
                                    const std::string& reason) {
  Incoming incoming = IncomingOf(row);
  EDCSYNC_ASSIGN(const Checked checked, Check(incoming, /*lifted=*/true));
  if (checked.obstacle) {
    return Fail(checked.obstacle->reason, checked.obstacle->detail);
  }
  EDCSYNC_TRY(EndWaiting(row, user, reason));
  EDCSYNC_TRY(writer_.AppendAudit(user, "quarantine.released", ToString(incoming.revision->key),
                                  "revision=" + incoming.id.ToHex()));
  EDCSYNC_ASSIGN(const MergeResult result, Accept(incoming, checked));
  if (row.sequence.value() != 0) {
    EDCSYNC_TRY(writer_.SetIntakeOutcome(row.edge, row.incarnation, row.sequence, result.outcome,
                                         0));
  }
  return result;
}

Result<std::optional<MergeResult>> Merger::Reinstate(Incoming& incoming,
                                                     const std::vector<FeedGap>& gaps,
                                                     bool as_new) {
  EDCSYNC_ASSIGN(const bool known, writer_.HasRevision(incoming.id));
  if (known) {
    EDCSYNC_ASSIGN(const MergeResult result, Mend(incoming));
    return std::optional(result);
  }
  std::optional<RecordState> record;
  bool remembered = false;
  if (incoming.revision.ok()) {
    EDCSYNC_ASSIGN(record, writer_.FindRecord(incoming.revision->key));
  }
  if (record && record->site == incoming.site) {
    EDCSYNC_ASSIGN(remembered, writer_.IsRemembered(*record, incoming.id));
  }
  if (!remembered) {
    if (!as_new) return std::optional<MergeResult>();
    EDCSYNC_ASSIGN(const MergeResult result, Apply(incoming));
    return std::optional(result);
  }
  const Revision& revision = *incoming.revision;
  RevisionRow row;
  row.record_id = record->record_id;
  row.received_at = writer_.Now();
  row.known = {incoming.id, revision};
  row.canonical = incoming.canonical;
  row.nonconformance = registry_.Judge(revision).nonconformance;
  row.clock_suspect = IsClockSuspect(revision, writer_.Now());
  EDCSYNC_TRY(writer_.ReinstateRevision(*record, row, gaps));
  EDCSYNC_TRY(writer_.AppendAudit(ActorOf(incoming), "revision.reinstated", ToString(revision.key),
                                  AuditDetail(incoming, Outcome::kApplied)));
  arrived_.push_back(incoming.id);
  EDCSYNC_TRY(ApplyHeld());
  return std::optional(MergeResult{Outcome::kApplied, 0});
}

// Of a revision that is here: what does not open is put right, what opens stays as it is.
Result<MergeResult> Merger::Mend(const Incoming& incoming) {
  EDCSYNC_ASSIGN(const bool whole, writer_.IsRevisionWhole(incoming.id));
  if (whole || !incoming.revision.ok()) return MergeResult{Outcome::kDuplicate, 0};
  RevisionRow row;
  row.known = {incoming.id, *incoming.revision};
  row.canonical = incoming.canonical;
  EDCSYNC_TRY(writer_.MendRevision(row));
  EDCSYNC_TRY(writer_.AppendAudit(ActorOf(incoming), "revision.mended",
                                  ToString(incoming.revision->key),
                                  AuditDetail(incoming, Outcome::kApplied)));
  arrived_.push_back(incoming.id);
  EDCSYNC_TRY(ApplyHeld());
  return MergeResult{Outcome::kApplied, 0};
}

Status Merger::CheckOwn(const Revision& revision) {
  EDCSYNC_ASSIGN(const Checked checked,
                 Check(ReadIncoming(EncodeRevision(revision)), /*lifted=*/false));
  if (checked.obstacle) return Fail(checked.obstacle->reason, checked.obstacle->detail);
  return Ok();
}

Result<RevisionId> Merger::ApplyOwn(const Revision& revision) {
  Incoming incoming = ReadIncoming(EncodeRevision(revision));
  EDCSYNC_ASSIGN(Checked checked, Check(incoming, /*lifted=*/false));
  if (checked.obstacle) return Fail(checked.obstacle->reason, checked.obstacle->detail);
  EDCSYNC_TRY(Accept(incoming, checked));
  return incoming.id;
}

}  // namespace edcsync::central
