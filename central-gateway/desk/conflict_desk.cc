#include "central-gateway/desk/conflict_desk.h"

#include <algorithm>
#include <limits>

#include "central-gateway/desk/claims.h"

namespace edcsync::central {
namespace {

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

Result<RevisionId> ResolveInWork(CentralWriter& writer, RegistryCache& registry,
                                 const CentreWriter& centre, const Decision& decision) {
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> conflict,
                 writer.FindConflict(decision.conflict));
  if (!conflict) {
    return Fail(ErrorCode::kNotFound,
                "There is no conflict " + std::to_string(decision.conflict.value()));
  }
  if (conflict->end != ConflictEnd::kOpen) {
    return Fail(ErrorCode::kStale, "This conflict was settled already");
  }
  EDCSYNC_ASSIGN(ConflictWork work, writer.WorkOn(decision.conflict));
  EDCSYNC_TRY(CheckClaim(work, decision.user, decision.fencing_token, writer.Now()));
  EDCSYNC_ASSIGN(const std::optional<RecordState> record, writer.FindRecord(conflict->key));
  if (!record || record->heads != conflict->heads) {
    return Fail(ErrorCode::kInvariant, "The conflict does not list its record's heads");
  }
  if (!decision.seen_heads.empty() && decision.seen_heads != conflict->heads) {
    return tl::unexpected<Error>(MovedOn(conflict->heads));
  }
  Revision resolution;
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
  EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
  EDCSYNC_ASSIGN(const RevisionId id, merger.ApplyOwn(resolution));
  if (!work.claimed_by.empty()) {
    work.claimed_by.clear();
    EDCSYNC_TRY(writer.PutWork(work));
  }
  if (decision.signing) EDCSYNC_TRY(Sign(writer, id, decision.user, *decision.signing));
  return id;
}

}  // namespace

Error MovedOn(const std::vector<RevisionId>& heads) {
  std::string message = "The record has moved on since this conflict was read; its heads now:";
  for (const RevisionId& head : heads) message += " " + head.ToHex();
  return {ErrorCode::kStale, std::move(message)};
}

Result<RevisionId> Resolve(CentralStore& store, const CentreWriter& centre,
                           const Decision& decision) {
  EDCSYNC_TRY(RequireText("a reason", decision.reason));
  EDCSYNC_TRY(RequireText("a user", decision.user));
  if (decision.take.has_value() == decision.items.has_value()) {
    return Fail(ErrorCode::kUsage, "Either take a revision or compose the items");
  }
  RegistryCache registry;
  RevisionId id;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(id, ResolveInWork(writer, registry, centre, decision));
    return Ok();
  }));
  return id;
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
