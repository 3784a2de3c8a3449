#include "central-gateway/desk/conflict_desk.h"

#include <algorithm>
#include <limits>

#include "central-gateway/desk/claims.h"
#include "central-gateway/merge/proposals.h"
#include "shared/base/planted_defect.h"
#include "shared/crypto/revision_id.h"

namespace edcsync::central {
namespace {

// Runs `work(writer)` as one work of the store; its result is this one's.
template <class T, class Work>
Result<T> InOneWork(CentralStore& store, const Work& work) {
  T value{};
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(value, work(writer));
    return Ok();
  }));
  return value;
}

Status RequireText(std::string_view field, std::string_view text) {
  if (!text.empty()) return Ok();
  return Fail(ErrorCode::kFieldMissing, std::string(field) + " is required for this decision");
}

Result<QuarantineRow> FindWaiting(CentralReader& reader, const RevisionId& revision) {
  EDCSYNC_ASSIGN(std::optional<QuarantineRow> row, reader.FindQuarantine(revision));
  if (!row || row->state != QuarantineEnd::kWaiting) {
    return Fail(ErrorCode::kNotFound, "No revision " + revision.ToHex() + " waits in quarantine");
  }
  return std::move(*row);
}

Status Sign(CentralWriter& writer, const RevisionId& revision, const std::string& user,
            const Signing& signing) {
  EDCSYNC_TRY(writer.InsertSignature(
      {revision, user, signing.full_name, signing.meaning, writer.Now()}));
  return writer.AppendAudit(user, "revision.signed", revision.ToHex(),
                            "meaning=" + signing.meaning);
}

// What a decision makes: the resolution, not applied yet, and whose work it was.
struct Prepared {
  ConflictRow conflict;
  ConflictWork work;
  Revision resolution;
};

Result<Prepared> Prepare(CentralWriter& writer, const CentreWriter& centre,
                         const Decision& decision) {
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> conflict,
                 writer.FindConflict(decision.conflict));
  if (!conflict) {
    return Fail(ErrorCode::kNotFound,
                "There is no conflict " + std::to_string(decision.conflict.value()));
  }
  if (conflict->end != ConflictEnd::kOpen) {
    return Fail(ErrorCode::kStale, "This conflict was settled already");
  }
  Prepared prepared{*conflict, {}, {}};
  EDCSYNC_ASSIGN(prepared.work, writer.WorkOn(decision.conflict));
  EDCSYNC_TRY(CheckClaim(prepared.work, decision.user, decision.fencing_token, writer.Now()));
  EDCSYNC_ASSIGN(const std::optional<RecordState> record, writer.FindRecord(conflict->key));
  if (!record || record->heads != conflict->heads) {
    return Fail(ErrorCode::kInvariant, "The conflict does not list its record's heads");
  }
  if (!decision.seen_heads.empty() && decision.seen_heads != conflict->heads) {
    return tl::unexpected<Error>(MovedOn(conflict->heads));
  }
  Revision& resolution = prepared.resolution;
  resolution.key = conflict->key;
  resolution.site = conflict->site;
  resolution.parents = conflict->heads;
  EditTime latest;
  for (const RevisionId& head : conflict->heads) {
    EDCSYNC_ASSIGN(const std::optional<RevisionRow> row, writer.FindRevision(head));
    if (!row) return Fail(ErrorCode::kInvariant, "A head is not stored");
    const Revision& revision = row->known.revision;
    resolution.version = std::max(resolution.version, revision.version + 1);
    latest = std::max(latest, revision.edited_at);
    if (head == record->current) resolution.metadata_version = revision.metadata_version;
  }
  if (decision.take) {
    EDCSYNC_ASSIGN(const std::optional<RevisionRow> row, writer.FindRevision(*decision.take));
    if (!row || row->record_id != record->record_id) {
      return Fail(ErrorCode::kNotFound,
                  "Revision " + decision.take->ToHex() + " is none of this record");
    }
    resolution.items = row->known.revision.items;
    resolution.removed = row->known.revision.removed;
    resolution.metadata_version = row->known.revision.metadata_version;
  } else {
    resolution.items = *decision.items;
  }
  resolution.user = decision.user;
  resolution.reason_for_change = decision.reason;
  CompleteAtCentre(resolution, Origin::kResolution, latest, centre);
  EDCSYNC_TRY(CheckRevision(resolution));
  return prepared;
}

// The decision is made, or is the site's now: nobody works on it any more.
Status Finish(CentralWriter& writer, ConflictWork work, const RevisionId& revision,
              const Decision& decision) {
  if (!work.claimed_by.empty()) {
    work.claimed_by.clear();
    EDCSYNC_TRY(writer.PutWork(work));
  }
  if (!decision.signing || EDCSYNC_DEFECT("signature-dropped")) return Ok();
  return Sign(writer, revision, decision.user, *decision.signing);
}

Status RequireCentral(CentralReader& reader, const StudyOID& study) {
  EDCSYNC_ASSIGN(const std::vector<StudySettings> all, reader.ListStudySettings());
  for (const StudySettings& settings : all) {
    if (settings.study == study && settings.resolution == ResolutionMode::kSiteEndorsed) {
      return Fail(ErrorCode::kNeedsConsent,
                  "The sites of study " + study.str() + " endorse what is decided: propose it");
    }
  }
  return Ok();
}

Result<RevisionId> ResolveInWork(CentralWriter& writer, RegistryCache& registry,
                                 const CentreWriter& centre, const Decision& decision) {
  EDCSYNC_ASSIGN(const Prepared prepared, Prepare(writer, centre, decision));
  EDCSYNC_TRY(RequireCentral(writer, prepared.conflict.key.study));
  EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
  EDCSYNC_ASSIGN(const RevisionId id, merger.ApplyOwn(prepared.resolution));
  EDCSYNC_TRY(Finish(writer, prepared.work, id, decision));
  return id;
}

Result<Proposed> ProposeInWork(CentralWriter& writer, RegistryCache& registry,
                               const CentreWriter& centre, const Decision& decision) {
  EDCSYNC_ASSIGN(const Prepared prepared, Prepare(writer, centre, decision));
  EDCSYNC_ASSIGN(const std::optional<ProposalRow> waiting,
                 writer.WaitingProposalOf(decision.conflict));
  if (waiting) {
    return Fail(ErrorCode::kAlreadyExists,
                "A proposal of " + waiting->proposed_by + " waits for the site; withdraw it first");
  }
  EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
  EDCSYNC_TRY(merger.CheckOwn(prepared.resolution));
  ProposalRow proposal;
  EDCSYNC_ASSIGN(proposal.id, writer.NewId());
  proposal.conflict = decision.conflict;
  proposal.canonical = EncodeRevision(prepared.resolution);
  proposal.revision = IdOf(proposal.canonical);
  proposal.proposed_by = decision.user;
  if (decision.signing) proposal.full_name = decision.signing->full_name;
  proposal.proposed_at = writer.Now();
  EDCSYNC_TRY(writer.InsertProposal(proposal));
  EDCSYNC_TRY(writer.AppendAudit(decision.user, "proposal.made", ToString(prepared.conflict.key),
                                 "conflict=" + std::to_string(decision.conflict.value()) +
                                     " proposal=" + std::to_string(proposal.id.value()) +
                                     " revision=" + proposal.revision.ToHex()));
  EDCSYNC_TRY(Finish(writer, prepared.work, proposal.revision, decision));
  EDCSYNC_TRY(merger.TellConflict(prepared.conflict));
  return Proposed{proposal.id, proposal.revision};
}

Status CheckDecision(const Decision& decision) {
  EDCSYNC_TRY(RequireText("a reason", decision.reason));
  EDCSYNC_TRY(RequireText("a user", decision.user));
  if (decision.take.has_value() != decision.items.has_value()) return Ok();
  return Fail(ErrorCode::kUsage, "Either take a revision or compose the items");
}

Result<SnowflakeId> ReopenInWork(CentralWriter& writer, RegistryCache& registry,
                                 SnowflakeId ended_id, const std::string& user,
                                 const std::string& reason) {
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> ended, writer.FindConflict(ended_id));
  const std::string name = "conflict " + std::to_string(ended_id.value());
  if (!ended) return Fail(ErrorCode::kNotFound, "There is no " + name);
  if (ended->end == ConflictEnd::kOpen) return Fail(ErrorCode::kStale, name + " is open");
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> open,
                 writer.OpenConflictOf(ended->record_id));
  if (open) {
    return Fail(ErrorCode::kAlreadyExists,
                "Conflict " + std::to_string(open->id.value()) + " of this record is open");
  }
  EDCSYNC_ASSIGN(const std::optional<RecordState> record, writer.FindRecord(ended->key));
  if (!record) return Fail(ErrorCode::kInvariant, "The record of " + name + " is not stored");
  ConflictRow conflict;
  EDCSYNC_ASSIGN(conflict.id, writer.NewId());
  conflict.record_id = ended->record_id;
  conflict.key = ended->key;
  conflict.site = ended->site;
  conflict.severity = ended->severity;
  conflict.heads = record->heads;
  conflict.ancestor = ended->ancestor;
  conflict.items = ended->items;
  conflict.opened_at = writer.Now();
  EDCSYNC_TRY(writer.InsertConflict(conflict));
  EDCSYNC_TRY(writer.InsertReopening({conflict.id, ended_id, user, writer.Now(), reason}));
  EDCSYNC_TRY(writer.AppendAudit(user, "conflict.reopened", ToString(conflict.key),
                                 "conflict=" + std::to_string(conflict.id.value()) +
                                     " reopens=" + std::to_string(ended_id.value())));
  EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
  EDCSYNC_TRY(merger.TellConflict(conflict));
  return conflict.id;
}

}  // namespace

Error MovedOn(const std::vector<RevisionId>& heads) {
  std::string message = "The record has moved on since this conflict was read; its heads now:";
  for (const RevisionId& head : heads) message += " " + head.ToHex();
  return {ErrorCode::kStale, std::move(message)};
}

Result<RevisionId> Resolve(CentralStore& store, const CentreWriter& centre,
                           const Decision& decision) {
  EDCSYNC_TRY(CheckDecision(decision));
  RegistryCache registry;
  return InOneWork<RevisionId>(store, [&](CentralWriter& writer) {
    return ResolveInWork(writer, registry, centre, decision);
  });
}

Result<Proposed> Propose(CentralStore& store, const CentreWriter& centre,
                         const Decision& decision) {
  EDCSYNC_TRY(CheckDecision(decision));
  RegistryCache registry;
  return InOneWork<Proposed>(store, [&](CentralWriter& writer) {
    return ProposeInWork(writer, registry, centre, decision);
  });
}

Status WithdrawProposal(CentralStore& store, SnowflakeId conflict, const std::string& user) {
  EDCSYNC_TRY(RequireText("a user", user));
  RegistryCache registry;
  return store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const std::optional<ConflictRow> row, writer.FindConflict(conflict));
    EDCSYNC_ASSIGN(const bool withdrawn,
                   row ? EndWaitingProposal(writer, *row, ProposalState::kWithdrawn, user)
                       : Result<bool>(false));
    if (!withdrawn) {
      return Fail(ErrorCode::kNotFound, "No proposal for conflict " +
                                            std::to_string(conflict.value()) + " waits");
    }
    EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
    return merger.TellConflict(*row);
  });
}

Result<SnowflakeId> Reopen(CentralStore& store, SnowflakeId conflict, const std::string& user,
                           const std::string& reason) {
  EDCSYNC_TRY(RequireText("a reason", reason));
  EDCSYNC_TRY(RequireText("a user", user));
  RegistryCache registry;
  return InOneWork<SnowflakeId>(store, [&](CentralWriter& writer) {
    return ReopenInWork(writer, registry, conflict, user, reason);
  });
}

Result<MergeResult> ReleaseQuarantine(CentralStore& store, const RevisionId& revision,
                                      const std::string& user, const std::string& reason,
                                      const std::optional<Signing>& signing) {
  EDCSYNC_TRY(RequireText("a reason", reason));
  EDCSYNC_TRY(RequireText("a user", user));
  RegistryCache registry;
  MergeResult result;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(QuarantineRow row, FindWaiting(writer, revision));
    EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
    EDCSYNC_ASSIGN(result, merger.Release(std::move(row), user, reason));
    return signing ? Sign(writer, revision, user, *signing) : Ok();
  }));
  return result;
}

Result<std::vector<RevisionId>> WaitingForAPerson(CentralStore& store) {
  std::vector<RevisionId> waiting;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::vector<QuarantineRow> rows,
                   reader.ListQuarantine(/*all=*/false, std::numeric_limits<std::size_t>::max()));
    for (const QuarantineRow& row : rows) {
      if (!row.missing_parent) waiting.push_back(row.revision);
    }
    return Ok();
  }));
  return waiting;
}

Status RejectQuarantine(CentralStore& store, const RevisionId& revision, const std::string& user,
                        const std::string& reason, const std::optional<Signing>& signing) {
  EDCSYNC_TRY(RequireText("a reason", reason));
  EDCSYNC_TRY(RequireText("a user", user));
  RegistryCache registry;
  return store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(QuarantineRow row, FindWaiting(writer, revision));
    row.state = QuarantineEnd::kRejected;
    row.decided_by = user;
    row.decision_reason = reason;
    row.decided_at = writer.Now();
    EDCSYNC_TRY(writer.UpdateQuarantine(row));
    EDCSYNC_TRY(writer.AppendAudit(user, "quarantine.rejected",
                                   row.key ? ToString(*row.key) : revision.ToHex(),
                                   "revision=" + revision.ToHex()));
    if (signing) EDCSYNC_TRY(Sign(writer, revision, user, *signing));
    EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
    return merger.TellQuarantine(row);
  });
}

}  // namespace edcsync::central
