// Tells the centre the site's answers to proposals, one at a time, oldest first, each until its receipt
// is stored. Answers wait in table `proposal` as revisions wait in the outbox.
//
//   upstream     edge-agent/site/endorsement.h (wakes), edge-agent/uplink/sync_session.h (receipts)
//
// Threads: the loop's only.
#pragma once

#include <memory>

#include "edge-agent/store/edge_store.h"
#include "shared/base/scheduler.h"
#include "shared/wire/frames.h"

namespace edcsync::edge {

class EndorsementSender {
 public:
  // With the record that the proposal is of.
  using Send = std::function<Status(const wire::Endorsement&, const RecordKey&)>;

  EndorsementSender(EdgeStore& store, Scheduler& scheduler, Send send)
      : store_(store), scheduler_(scheduler), send_(std::move(send)) {}
  ~EndorsementSender() { *alive_ = false; }

  void SessionOpened(Epoch epoch);
  void SessionLost();
  // Somebody answered, or a page of the feed was stored: a restored centre may wait for an answer
  // that it had before.
  void LookAgain();
  void OnReceipt(const wire::EndorsementReceipt& receipt);

 private:
  void Tell();
  void OnStored(const Status& stored);
  void ArmTimer(std::int64_t delay_us);

  EdgeStore& store_;
  Scheduler& scheduler_;
  Send send_;
  Epoch epoch_;                   // 0: no session.
  std::uint64_t proposal_id_ = 0;  // Of the answer on its way; 0: none.
  bool storing_ = false;          // Its receipt is being stored.
  Scheduler::TimerId timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace edcsync::edge
