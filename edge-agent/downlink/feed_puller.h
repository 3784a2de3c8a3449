// Asks for the change feed from this edge's own cursor: at each new session, at each nudge, and
// now and then in case a nudge was lost. One page at a time, the next after the last is durable.
// A gateway that answers no pull has gone, though nobody may notice while nothing is pushed: the
// session is told, and begins anew with whichever gateway answers.
//
//   upstream     edge-agent/uplink/sync_session.h hands over feed frames (wired in app)
//   downstream   edge-agent/downlink/feed_applier.h
//
// Threads: the loop's only.
#pragma once

#include <memory>

#include "edge-agent/downlink/feed_applier.h"
#include "shared/base/scheduler.h"

namespace edcsync::edge {

class FeedPuller {
 public:
  using Send = std::function<Status(const wire::Pull&)>;

  // `applied` is called on the loop when a page was stored, `unanswered` when kUnansweredCountMax
  // pulls in a row had no answer.
  FeedPuller(EdgeStore& store, FeedApplier& applier, Scheduler& scheduler, Send send,
             std::function<void()> applied, std::function<void()> unanswered)
      : store_(store),
        applier_(applier),
        scheduler_(scheduler),
        send_(std::move(send)),
        applied_(std::move(applied)),
        unanswered_(std::move(unanswered)) {}
  ~FeedPuller() { *alive_ = false; }

  void SessionOpened(Epoch epoch);
  void SessionLost();
  void OnNudge();
  void OnFeed(wire::Feed feed);

 private:
  void Pull();
  void OnApplied(const Status& applied, bool more);
  void ArmTimer(std::int64_t delay_us);

  EdgeStore& store_;
  FeedApplier& applier_;
  Scheduler& scheduler_;
  Send send_;
  std::function<void()> applied_;
  std::function<void()> unanswered_;
  int unanswered_count_ = 0;
  Epoch epoch_;               // 0: no session.
  bool pulling_ = false;      // A page is asked for or being applied.
  bool applying_ = false;
  bool again_ = false;        // Nudged meanwhile.
  Scheduler::TimerId timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace edcsync::edge
