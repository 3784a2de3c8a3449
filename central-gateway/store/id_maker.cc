#include "central-gateway/store/id_maker.h"

#include <algorithm>

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {
namespace {

constexpr std::uint64_t kSequenceMask = 0xfff;
constexpr int kWorkerShift = 12;
constexpr int kTimeShift = 22;

// The id after `last` of the same worker: the next of its millisecond, else the first of the next.
SnowflakeId Following(SnowflakeId last, std::int64_t worker) {
  if ((last.value() & kSequenceMask) != kSequenceMask && last.value() != 0) {
    return last.Next();
  }
  const std::uint64_t ms = (last.value() >> kTimeShift) + 1;
  return SnowflakeId((ms << kTimeShift) | (Unsigned(worker) << kWorkerShift));
}

}  // namespace

Result<SnowflakeId> IdMaker::Next(WallTime now) {
  EDCSYNC_TRY(EnsureLease(now));
  EDCSYNC_ASSIGN(last_, snowflake_->Next());
  made_ = true;
  return last_;
}

Result<SnowflakeId> IdMaker::NextForAudit(WallTime now) {
  EDCSYNC_TRY(EnsureLease(now));
  Result<SnowflakeId> id = snowflake_->Next();
  if (id.ok()) {
    last_ = *id;
  } else {
    last_ = Following(last_, worker_);
    snowflake_.emplace(clock_, static_cast<std::uint32_t>(worker_), last_);
  }
  made_ = true;
  return last_;
}

Status IdMaker::EnsureLease(WallTime now) {
  if (confirmed_ && now.ms < expires_at_ms_ - kLeaseMs / 2) return Ok();
  if (snowflake_) {
    EDCSYNC_ASSIGN(const bool still_held, Confirm(now));
    if (still_held) return Ok();
  }
  return Take(now);
}

Result<bool> IdMaker::Confirm(WallTime now) {
  Statement statement = database_.Prepare(
      "UPDATE worker_lease SET expires_at_ms = ?3 WHERE worker = ?1 AND fencing_token = ?2");
  const std::int64_t expires = std::max(expires_at_ms_, now.ms + kLeaseMs);
  EDCSYNC_ASSIGN(const std::int64_t held,
                 statement.Bind(1, worker_).Bind(2, fencing_token_).Bind(3, expires).Run());
  if (held == 0) return false;
  expires_at_ms_ = expires;
  confirmed_ = true;
  return true;
}

Status IdMaker::Take(WallTime now) {
  snowflake_.reset();
  Statement expired = database_.Prepare(
      "UPDATE worker_lease SET holder = ?1, fencing_token = fencing_token + 1, "
      "expires_at_ms = ?2 WHERE worker = (SELECT worker FROM worker_lease "
      "WHERE expires_at_ms <= ?3 ORDER BY last_id LIMIT 1) "
      "RETURNING worker, fencing_token, last_id");
  expired.Bind(1, holder_).Bind(2, now.ms + kLeaseMs).Bind(3, now.ms);
  EDCSYNC_ASSIGN(const bool reused, expired.Step());
  if (reused) {
    Hold(expired, now);
    return Ok();
  }
  Statement fresh = database_.Prepare(
      "INSERT INTO worker_lease (worker, holder, fencing_token, expires_at_ms, last_id) "
      "SELECT next, ?1, 1, ?2, 0 FROM (SELECT coalesce(max(worker) + 1, 0) AS next "
      "FROM worker_lease) WHERE next <= ?3 "
      "RETURNING worker, fencing_token, last_id");
  fresh.Bind(1, holder_).Bind(2, now.ms + kLeaseMs).Bind(3, std::int64_t{Snowflake::kWorkerMax});
  EDCSYNC_ASSIGN(const bool made, fresh.Step());
  if (!made) return Fail(ErrorCode::kBusy, "every Snowflake worker number is leased");
  Hold(fresh, now);
  return Ok();
}

void IdMaker::Hold(const Statement& row, WallTime now) {
  worker_ = row.Int(0);
  fencing_token_ = row.Int(1);
  last_ = SnowflakeId(Unsigned(row.Int(2)));
  expires_at_ms_ = now.ms + kLeaseMs;
  confirmed_ = true;
  committed_ = false;
  snowflake_.emplace(clock_, static_cast<std::uint32_t>(worker_), last_);
}

Status IdMaker::Save() {
  if (!made_) return Ok();
  Statement statement = database_.Prepare(
      "UPDATE worker_lease SET last_id = ?3 WHERE worker = ?1 AND fencing_token = ?2");
  EDCSYNC_ASSIGN(
      const std::int64_t held,
      statement.Bind(1, worker_).Bind(2, fencing_token_).Bind(3, Signed(last_.value())).Run());
  if (held != 1) return Fail(ErrorCode::kInvariant, "the Snowflake worker lease was lost");
  made_ = false;
  return Ok();
}

Status IdMaker::Release() {
  if (!snowflake_) return Ok();
  Statement statement = database_.Prepare(
      "UPDATE worker_lease SET expires_at_ms = 0 WHERE worker = ?1 AND fencing_token = ?2");
  EDCSYNC_TRY(statement.Bind(1, worker_).Bind(2, fencing_token_).Run());
  snowflake_.reset();
  return Ok();
}

void IdMaker::Doubt() {
  confirmed_ = false;
  made_ = false;
}

void IdMaker::Ended(bool committed) {
  if (committed) {
    committed_ = true;
    return;
  }
  Doubt();
  // What was taken in vain may be taken by another process now, with the very same token.
  if (!committed_) snowflake_.reset();
}

}  // namespace edcsync::central
