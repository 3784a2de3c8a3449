#include "central-gateway/reconcile/reconciler.h"

#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

constexpr std::int64_t kScheduleEveryUs = 10'000'000;

std::uint32_t SerialOf(const wire::Frame& frame) {
  std::uint32_t serial = 0;
  std::visit(
      [&](const auto& asked) {
        if constexpr (requires { asked.serial; }) serial = asked.serial;
      },
      frame);
  return serial;
}

}  // namespace

WallTime DueAt(const EdgeId& edge, WallTime last, std::int64_t every_ms) {
  const Digest chance = Sha256(AsBytes(edge.str()));
  return {last.ms + every_ms - every_ms / 10 * chance[0] / 256};
}

Result<SnowflakeId> AskForReconciliation(CentralWriter& writer, const EdgeRow& edge,
                                         const std::string& user, const std::string& reason) {
  // Both stand in the report, which must be text when it is made, on a gateway that serves others.
  if (!IsUtf8(user) || user.size() > limits::kUserBytesMax) {
    return Fail(ErrorCode::kFieldInvalid, "the user is not UTF-8, or too long");
  }
  if (!IsUtf8(reason) || reason.size() > limits::kReasonBytesMax) {
    return Fail(ErrorCode::kFieldInvalid, "the reason is not UTF-8, or too long");
  }
  ReconciliationRow row;
  EDCSYNC_ASSIGN(row.id, writer.NewId());
  row.site = edge.site;
  row.edge = edge.edge;
  row.asked_by = user;
  row.reason = reason;
  row.asked_at = writer.Now();
  row.changed_at = row.asked_at;
  row.step = "waits for the edge's session";
  EDCSYNC_TRY(writer.InsertReconciliation(row));
  EDCSYNC_TRY(writer.AppendAudit(user, "reconciliation.asked", edge.edge.str(),
                                 "reconciliation=" + std::to_string(row.id.value())));
  return row.id;
}

Reconciler::Reconciler(ReconcilerOptions options, CentralStore& store, Scheduler& worker,
                       const Clock& clock, ReconcileIdentity identity, Sessions sessions)
    : options_(options),
      store_(store),
      worker_(worker),
      clock_(clock),
      identity_(std::move(identity)),
      sessions_(std::move(sessions)) {}

void Reconciler::Start() { Look(); }

void Reconciler::Stop() {
  *alive_ = false;
  worker_.Cancel(timer_);
}

void Reconciler::Look() {
  if (!*alive_) return;
  const Status asked = AskBySchedule();
  if (!asked.ok())
    Log(LogLevel::kError, "reconciliation.not_scheduled", {{"why", asked.error().message}});
  const Status picked = PickUp();
  if (!picked.ok())
    Log(LogLevel::kError, "reconciliation.not_read", {{"why", picked.error().message}});
  for (auto at = runs_.begin(); at != runs_.end();) {
    Drive(at->first, at->second);
    at = at->second.run == nullptr || at->second.run->done() ? runs_.erase(at) : std::next(at);
  }
  timer_ = worker_.After(options_.look_us, [this, alive = alive_] {
    if (*alive) Look();
  });
}

// Edges with a session here only: another gateway has the others, or nobody.
Status Reconciler::PickUp() {
  if (runs_.size() >= kRunCountMax) return Ok();
  std::vector<ReconciliationRow> rows;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(rows, reader.ListUnfinishedReconciliations());
    return Ok();
  }));
  for (ReconciliationRow& row : rows) {
    if (runs_.size() >= kRunCountMax) return Ok();
    if (runs_.contains(row.edge)) continue;
    const std::optional<Epoch> epoch = sessions_.epoch(row.edge);
    if (!epoch) continue;
    const auto resting = resting_.find(row.edge);
    if (resting != resting_.end() && worker_.Now() < resting->second.first &&
        *epoch == resting->second.second) {
      continue;
    }
    const EdgeId edge = row.edge;
    Log(LogLevel::kInfo, "reconciliation.begun",
        {{"edge", edge.str()}, {"asked_by", row.asked_by}});
    runs_[edge].run = std::make_unique<Run>(store_, clock_, identity_, std::move(row));
  }
  return Ok();
}

Status Reconciler::AskBySchedule() {
  const MonoTime now = worker_.Now();
  if (options_.every_ms == 0 || (scheduled_at_ && now.us - scheduled_at_->us < kScheduleEveryUs)) {
    return Ok();
  }
  scheduled_at_ = now;
  std::vector<EdgeRow> due;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, reader.ListEdges());
    for (const EdgeRow& edge : edges) {
      if (edge.standing != EdgeStanding::kActive || !sessions_.epoch(edge.edge)) continue;
      EDCSYNC_ASSIGN(const std::vector<ReconciliationRow> last,
                     reader.RecentReconciliations(edge.edge, 1));
      if (!last.empty() && last[0].unfinished()) continue;
      const WallTime since = last.empty() ? edge.added_at : last[0].asked_at;
      if (DueAt(edge.edge, since, options_.every_ms) <= clock_.Wall()) due.push_back(edge);
    }
    return Ok();
  }));
  for (const EdgeRow& edge : due) {
    const Status asked = store_.Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_TRY(AskForReconciliation(writer, edge, "schedule", ""));
      return Ok();
    });
    if (!asked.ok() && asked.error().code != ErrorCode::kAlreadyExists) return asked;
  }
  return Ok();
}

void Reconciler::Drive(const EdgeId& edge, Running& running) {
  const std::optional<Epoch> epoch = sessions_.epoch(edge);
  if (!epoch) {  // Waited for: the question stands.
    if (!running.away_since) running.away_since = worker_.Now();
    if (worker_.Now().us - running.away_since->us > options_.away_us) running.run = nullptr;
    return;
  }
  running.away_since.reset();
  if (!running.begun) {
    const Status begun = running.run->Begin();
    if (!begun.ok()) {
      Log(LogLevel::kError, "reconciliation.not_begun",
          {{"edge", edge.str()}, {"why", begun.error().message}});
      running.epoch = *epoch;
      if (Describe(begun.error().code).retry != Retry::kTransient) Rest(edge, running);
      return;
    }
    running.begun = true;
  }
  if (running.run->done()) return;
  const std::int64_t waited_us = worker_.Now().us - running.asked_at.us;
  if (!running.run->not_yet()) running.not_yet_since.reset();
  const bool is_new = running.serial != SerialOf(running.run->question());
  if (is_new || running.epoch != *epoch) {
    running.unanswered = 0;
    return AskNow(edge, running, *epoch);
  }
  if (running.run->not_yet()) {
    if (!running.not_yet_since) running.not_yet_since = worker_.Now();
    if (runs_.size() >= kRunCountMax &&
        worker_.Now().us - running.not_yet_since->us >= options_.not_yet_max_us) {
      return Rest(edge, running);
    }
    if (waited_us >= options_.not_yet_us) AskNow(edge, running, *epoch);
    return;
  }
  if (waited_us < options_.answer_timeout_us) return;
  if (++running.unanswered < options_.unanswered_max) return AskNow(edge, running, *epoch);
  Log(LogLevel::kWarn, "reconciliation.unanswered", {{"edge", edge.str()}});
  Rest(edge, running);
}

// What went wrong will not be right at once. The row waits: this gateway or another goes on with
// it.
void Reconciler::Rest(const EdgeId& edge, Running& running) {
  resting_[edge] = {MonoTime{worker_.Now().us + options_.rest_us}, running.epoch};
  running.run = nullptr;
}

void Reconciler::AskNow(const EdgeId& edge, Running& running, Epoch epoch) {
  wire::Frame frame = running.run->question();
  std::visit(
      [&](auto& asked) {
        if constexpr (requires { asked.epoch; }) asked.epoch = epoch;
      },
      frame);
  if (const auto* compare = std::get_if<wire::Compare>(&frame);
      compare != nullptr && compare->question == wire::ReconcileQuestion::kPoint) {
    // So that it reads the feed now, and not when it would.
    sessions_.send(edge, wire::Nudge{epoch, compare->wait_cursor});
  }
  running.serial = SerialOf(frame);
  running.epoch = epoch;
  running.asked_at = worker_.Now();
  sessions_.send(edge, std::move(frame));
}

void Reconciler::Sent(const EdgeId& edge, std::size_t bytes) {
  const auto found = runs_.find(edge);
  if (found != runs_.end() && found->second.run) found->second.run->CountBytes(bytes, 0);
}

void Reconciler::OnFrame(const EdgeId& edge, const wire::Frame& frame,
                         const std::vector<std::string>& certificates_pem, std::size_t bytes) {
  const auto found = runs_.find(edge);
  if (found == runs_.end() || !found->second.run || !found->second.begun) return;
  Running& running = found->second;
  running.run->CountBytes(0, bytes);
  running.unanswered = 0;
  const Status taken = running.run->Take(frame, certificates_pem);
  if (!taken.ok()) {
    Log(LogLevel::kError, "reconciliation.not_taken",
        {{"edge", edge.str()}, {"why", taken.error().message}});
    if (Describe(taken.error().code).retry == Retry::kTransient) return;  // Asked again.
    if (taken.error().code != ErrorCode::kStale) {
      (void)running.run->FailRun(taken.error().ToString());
    }
    runs_.erase(found);
    return;
  }
  Drive(edge, running);
  if (running.run == nullptr || running.run->done()) runs_.erase(edge);
}

}  // namespace edcsync::central
