// The go-back-N window over the outbox: what is in flight, what may be sent next. Pure state.
//
// Invariant: acknowledged <= every frame in flight < next; frames are in order without a gap.
#pragma once

#include <algorithm>
#include <deque>

#include "shared/base/ids.h"
#include "shared/wire/frames.h"

namespace edcsync::edge {

class PushWindow {
 public:
  // Starts anew after what the gateway acknowledged: a new session.
  void Restart(Sequence acknowledged) {
    sent_through_ = acknowledged;
    GoBack(acknowledged);
  }
  // Sends again from after `acknowledged`. Receipts of what was sent before still count.
  // REQUIRES: not beyond what was sent.
  void GoBack(Sequence acknowledged) {
    acknowledged_ = acknowledged;
    next_ = acknowledged.Next();
    flying_.clear();
    bytes_ = 0;
  }
  void SetCredit(const wire::Credit& credit) { credit_ = credit; }

  Sequence acknowledged() const { return acknowledged_; }
  Sequence next() const { return next_; }
  bool empty() const { return flying_.empty(); }
  std::size_t frame_count() const { return flying_.size(); }

  // At least one frame may always fly, or a large one could never go.
  bool HasRoom() const {
    return flying_.empty() || (flying_.size() < credit_.frames && bytes_ < credit_.bytes);
  }
  void Sent(Sequence last, std::size_t bytes) {
    flying_.push_back({last, bytes});
    bytes_ += bytes;
    next_ = last.Next();
    sent_through_ = std::max(sent_through_, last);
  }
  // False if `through` was never sent: the receipt is not ours to take.
  bool Acknowledge(Sequence through) {
    if (through > sent_through_) return false;
    while (!flying_.empty() && flying_.front().last <= through) {
      bytes_ -= flying_.front().bytes;
      flying_.pop_front();
    }
    if (through > acknowledged_) acknowledged_ = through;
    if (through >= next_) next_ = through.Next();
    return true;
  }

 private:
  struct Flying {
    Sequence last;
    std::size_t bytes;
  };
  Sequence acknowledged_;
  Sequence next_{1};
  Sequence sent_through_;  // The highest sent in this session.
  std::deque<Flying> flying_;
  std::size_t bytes_ = 0;
  wire::Credit credit_{1, 1};
};

}  // namespace edcsync::edge
