// The reconciliations of this gateway: picks up what was asked for of the edges that have their
// session here, asks by the schedule, sends each run's question and hands it the answer, asks again
// what was lost. An edge that is away is waited for; what a gateway began another goes on with.
//
//   upstream     table `reconciliation` (a command, the schedule), intake/gateway_session.h
//   (answers) downstream   run.h
//
// Threads: everything on `worker`, where a walk over a million revisions holds nobody up; the
// session is reached through `send`, which posts.
#pragma once

#include <memory>

#include "central-gateway/reconcile/run.h"
#include "shared/base/scheduler.h"

namespace edcsync::central {

struct ReconcilerOptions {
  std::int64_t every_ms = 0;       // By the schedule; 0: never.
  std::int64_t look_us = 500'000;  // How often the table and the sessions are looked at.
  std::int64_t answer_timeout_us = 10'000'000;
  std::int64_t not_yet_us = 500'000;  // An edge that was not ready is asked again after this.
  // One that was not ready for so long makes room, if others may wait for it.
  std::int64_t not_yet_max_us = 600'000'000;
  // A question that had no answer this often is one too many for now: an edge of an older release
  // knows none of them.
  int unanswered_max = 30;
  std::int64_t rest_us = 600'000'000;  // Then the edge is left alone so long.
  std::int64_t away_us = 60'000'000;   // A run whose edge is away for so long makes room.
};

class Reconciler {
 public:
  static constexpr std::size_t kRunCountMax = 4;  // Each takes up to 20 MiB.

  // The epochs of edges that have their session here; and sends a frame in that session, if it
  // still has that epoch. Both are called on the worker and may only post; `Sent` says what a frame
  // took.
  struct Sessions {
    std::function<std::optional<Epoch>(const EdgeId&)> epoch;
    std::function<void(const EdgeId&, wire::Frame)> send;
  };

  // All outlive it; `worker` is stopped before it goes.
  Reconciler(ReconcilerOptions options, CentralStore& store, Scheduler& worker, const Clock& clock,
             ReconcileIdentity identity, Sessions sessions);
  ~Reconciler() { *alive_ = false; }

  void Start();
  void Stop();
  // After a rotation: signs from now on. On the worker.
  void SetIdentity(Sealer sealer) { identity_.sealer = std::move(sealer); }
  // An edge's Comparison or Return. `certificates_pem`: what it may sign with.
  void OnFrame(const EdgeId& edge, const wire::Frame& frame,
               const std::vector<std::string>& certificates_pem, std::size_t bytes);
  // A frame took so many bytes as sealed.
  void Sent(const EdgeId& edge, std::size_t bytes);

 private:
  struct Running {
    std::unique_ptr<Run> run;
    bool begun = false;
    Epoch epoch;  // Of the session that was asked; 0: not asked yet.
    MonoTime asked_at;
    std::uint32_t serial = 0;  // Asked last.
    int unanswered = 0;
    std::optional<MonoTime> away_since, not_yet_since;
  };

  void Look();
  Status PickUp();
  Status AskBySchedule();
  void Drive(const EdgeId& edge, Running& running);
  void Rest(const EdgeId& edge, Running& running);
  void AskNow(const EdgeId& edge, Running& running, Epoch epoch);

  ReconcilerOptions options_;
  CentralStore& store_;
  Scheduler& worker_;
  const Clock& clock_;
  ReconcileIdentity identity_;
  Sessions sessions_;
  std::map<EdgeId, Running> runs_;
  // Edges that are left alone: until then, or until they come with another session.
  std::map<EdgeId, std::pair<MonoTime, Epoch>> resting_;
  std::optional<MonoTime> scheduled_at_;
  Scheduler::TimerId timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// When an edge is due: `every_ms` after `last`, up to a tenth of it earlier, by the edge's name, so
// that many edges do not come at once.
WallTime DueAt(const EdgeId& edge, WallTime last, std::int64_t every_ms);

// A reconciliation of `edge` that waits for its gateway, with its audit entry. kAlreadyExists if
// one is under way, kFieldInvalid if `user` or `reason` is no text. Inside a work.
Result<SnowflakeId> AskForReconciliation(CentralWriter& writer, const EdgeRow& edge,
                                         const std::string& user, const std::string& reason);

}  // namespace edcsync::central
