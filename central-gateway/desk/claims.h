// Whose work a conflict is: assigned to somebody (for long), claimed by somebody (while they decide).
// A claim is a lease with a fencing token, so that two data managers never decide the same conflict
// and a claim that ran out is noticed by its former holder.
//
// Each change has its audit entry. Threads: any.
#pragma once

#include "central-gateway/desk/viewer.h"
#include "central-gateway/store/central_store.h"

namespace edcsync::central {

inline constexpr std::int64_t kClaimMs = 15LL * 60 * 1000;

// kNotFound for what the viewer may not see, kForbidden for what they may only see.
Status RequireDecides(CentralStore& store, const Viewer& viewer, SnowflakeId conflict);

// Claims it for `user`, or prolongs their claim, for kClaimMs. Fails with kClaimed (whose it is and
// until when), kNotFound, kStale (it has ended).
Result<ConflictWork> ClaimConflict(CentralStore& store, SnowflakeId conflict,
                                   const std::string& user);
// No effect if it is not `user`'s.
Status ReleaseClaim(CentralStore& store, SnowflakeId conflict, const std::string& user);
// `assignee` empty: to nobody. kNotFound, kStale.
Status AssignConflict(CentralStore& store, SnowflakeId conflict, const std::string& assignee,
                      const std::string& by);

// kClaimed unless `user` may decide now: with a token, they must hold the claim that gave it;
// without, nobody else may.
Status CheckClaim(const ConflictWork& work, const std::string& user,
                  std::optional<std::uint64_t> fencing_token, WallTime now);

// True if a claim counts now.
inline bool IsClaimed(const ConflictWork& work, WallTime now) {
  return !work.claimed_by.empty() && work.claim_expires_at > now;
}

}  // namespace edcsync::central
