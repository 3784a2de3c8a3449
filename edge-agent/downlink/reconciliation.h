// The site's half of a reconciliation: answers what the centre asks of this database, returns what
// the centre lost, takes what the site lost, and signs the report and keeps it
// (schema/wire/reconciliation.md).
//
//   upstream     edge-agent/uplink/sync_session.h hands over frames (wired in app)
//   downstream   edge-agent/downlink/feed_applier.h, edge-agent/store/reconciliation_table.h
//
// Keeps no state that matters: every question carries all it needs, the point included, so a
// restart or a lost frame costs a repetition. A walk over a million revisions takes seconds: it
// runs on `worker`, one question at a time, while the session goes on; what is asked meanwhile is
// passed over, and asked again.
//
// Threads: SessionOpened, SessionLost and OnFrame on the loop; Answer on the worker.
#pragma once

#include <atomic>
#include <memory>

#include "edge-agent/downlink/feed_applier.h"
#include "shared/base/scheduler.h"
#include "shared/crypto/revision_tree.h"
#include "shared/crypto/seal.h"
#include "shared/storage/revision_scan.h"
#include "shared/wire/frames.h"

namespace edcsync::edge {

struct ReconciliationIdentity {
  EdgeId edge;
  SiteOID site;
  Sealer sealer;                      // Signs reports.
  std::vector<Certificate> gateways;  // Of which one's signature must stand under them.
};

class Reconciliation {
 public:
  using Send = std::function<Status(const wire::Frame&)>;

  // All outlive it; `worker` is stopped before it goes.
  Reconciliation(EdgeStore& store, FeedApplier& applier, Scheduler& loop, Scheduler& worker,
                 ReconciliationIdentity identity, Send send);
  ~Reconciliation() { *alive_ = false; }

  // Of a renewal, or of the centre's rotation. Any thread.
  void SetCredentials(Sealer sealer, std::vector<Certificate> gateways);

  void SessionOpened(Epoch epoch) { epoch_ = epoch; }
  void SessionLost() { epoch_ = Epoch(); }
  // A Compare, Redelivery or Settlement of this session; anything else is passed over.
  void OnFrame(wire::Frame frame);

  // The answer to `frame`. A failure is what the centre is told. Public for tests.
  Result<wire::Frame> Answer(const wire::Frame& frame);

 private:
  struct Counted {
    wire::ReconcilePoint point;
    RevisionTree tree;
    std::uint64_t records = 0;
    std::uint64_t damaged = 0;  // Revisions.
    bool known = false;
  };
  Result<wire::Frame> AnswerCompare(const wire::Compare& compare);
  Status AnswerPoint(const wire::Compare& compare, wire::Comparison& answer);
  Status AnswerList(const wire::Compare& compare, wire::Comparison& answer);
  Status AnswerLook(const wire::Compare& compare, wire::Comparison& answer);
  Result<wire::Frame> Give(const wire::Compare& compare);
  Result<wire::Frame> Take(const wire::Redelivery& redelivery);
  Result<wire::Frame> Settle(const wire::Settlement& settlement);
  // Calls `each` for every revision counted at the point.
  Status Walk(EdgeTables& tables, const wire::ReconcilePoint& point,
              const std::function<Status(const ScannedRevision&)>& each);
  Status Count(EdgeTables& tables, const wire::ReconcilePoint& point);
  Status EnsureCounted(const wire::ReconcilePoint& point);

  EdgeStore& store_;
  FeedApplier& applier_;
  Scheduler& loop_;
  Scheduler& worker_;
  ReconciliationIdentity identity_;
  Send send_;
  Epoch epoch_;           // 0: no session. Of the loop.
  bool working_ = false;  // Of the loop.
  Counted counted_;       // Of the worker: the last point's, 2.5 MiB once there was one.
  std::shared_ptr<std::atomic<bool>> alive_ = std::make_shared<std::atomic<bool>>(true);
};

}  // namespace edcsync::edge
