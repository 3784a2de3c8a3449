#include "central-gateway/desk/claims.h"

#include "shared/base/planted_defect.h"

namespace edcsync::central {
namespace {

Status RequireOpen(CentralReader& reader, SnowflakeId id, std::string& key) {
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> conflict, reader.FindConflict(id));
  if (!conflict) {
    return Fail(ErrorCode::kNotFound, "There is no conflict " + std::to_string(id.value()));
  }
  if (conflict->end != ConflictEnd::kOpen) {
    return Fail(ErrorCode::kStale, "This conflict was settled already");
  }
  key = ToString(conflict->key);
  return Ok();
}

std::string DetailOf(SnowflakeId conflict, const std::string& rest) {
  return "conflict=" + std::to_string(conflict.value()) + rest;
}

Error ClaimedBy(const ConflictWork& work) {
  return {ErrorCode::kClaimed, work.claimed_by + " decides this conflict until " +
                                   FormatUtc(work.claim_expires_at)};
}

}  // namespace

Status RequireDecides(CentralStore& store, const Viewer& viewer, SnowflakeId conflict) {
  return store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<ConflictRow> row, reader.FindConflict(conflict));
    if (!row || !Covers(viewer.reads, row->key.study, row->site)) {
      return Fail(ErrorCode::kNotFound,
                  "There is no conflict " + std::to_string(conflict.value()));
    }
    if (Covers(viewer.decides, row->key.study, row->site)) return Ok();
    return Fail(ErrorCode::kForbidden, "This account has no right to decide at this site");
  });
}

Result<ConflictWork> ClaimConflict(CentralStore& store, SnowflakeId conflict,
                                   const std::string& user) {
  ConflictWork work;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    std::string key;
    EDCSYNC_TRY(RequireOpen(writer, conflict, key));
    EDCSYNC_ASSIGN(work, writer.WorkOn(conflict));
    const bool claimed = IsClaimed(work, writer.Now());
    if (claimed && work.claimed_by != user) return tl::unexpected<Error>(ClaimedBy(work));
    work.claim_expires_at = {writer.Now().ms + kClaimMs};
    if (claimed) return writer.PutWork(work);
    work.claimed_by = user;
    ++work.fencing_token;
    EDCSYNC_TRY(writer.PutWork(work));
    return writer.AppendAudit(user, "conflict.claimed", key, DetailOf(conflict, ""));
  }));
  return work;
}

Status ReleaseClaim(CentralStore& store, SnowflakeId conflict, const std::string& user) {
  return store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(ConflictWork work, writer.WorkOn(conflict));
    if (work.claimed_by != user) return Ok();
    EDCSYNC_ASSIGN(const std::optional<ConflictRow> row, writer.FindConflict(conflict));
    if (!row) return Ok();
    work.claimed_by.clear();
    EDCSYNC_TRY(writer.PutWork(work));
    return writer.AppendAudit(user, "conflict.released", ToString(row->key),
                              DetailOf(conflict, ""));
  });
}

Status AssignConflict(CentralStore& store, SnowflakeId conflict, const std::string& assignee,
                      const std::string& by) {
  return store.Write([&](CentralWriter& writer) -> Status {
    std::string key;
    EDCSYNC_TRY(RequireOpen(writer, conflict, key));
    EDCSYNC_ASSIGN(ConflictWork work, writer.WorkOn(conflict));
    if (work.assignee == assignee) return Ok();
    work.assignee = assignee;
    EDCSYNC_TRY(writer.PutWork(work));
    return writer.AppendAudit(by, "conflict.assigned", key,
                              DetailOf(conflict, " to=" + (assignee.empty() ? "-" : assignee)));
  });
}

Status CheckClaim(const ConflictWork& work, const std::string& user,
                  std::optional<std::uint64_t> fencing_token, WallTime now) {
  if (EDCSYNC_DEFECT("claim-unchecked")) return Ok();
  if (IsClaimed(work, now) && work.claimed_by != user) {
    return tl::unexpected<Error>(ClaimedBy(work));
  }
  if (!fencing_token) return Ok();
  if (IsClaimed(work, now) && work.fencing_token == *fencing_token) return Ok();
  return Fail(ErrorCode::kClaimed, "Your claim of this conflict has ended; claim it again");
}

}  // namespace edcsync::central
