// Answers of edges on their way from the session's loop to the reconciler's worker: one of an edge
// at a time, since there is one question at a time. What comes while one waits is dropped, and asked
// for again; so an edge that sends without being asked fills no memory, however long the worker
// takes.
//
//   upstream     intake/gateway_session.h (on_reconcile)
//   downstream   reconciler.h
//
// Threads: Add on `loop`; `take` is called on `worker`.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "shared/base/scheduler.h"
#include "shared/wire/frames.h"

namespace edcsync::central {

class AnswerInbox {
 public:
  struct Answer {
    EdgeId edge;
    wire::Frame frame;
    std::vector<std::string> certificates_pem;
    std::size_t bytes = 0;  // As sent.
  };

  // Outlives what it posted to either.
  AnswerInbox(Scheduler& loop, Scheduler& worker, std::function<void(const Answer&)> take)
      : loop_(loop), worker_(worker), take_(std::move(take)) {}

  bool Waits(const EdgeId& edge) const { return waiting_.contains(edge); }
  void Add(Answer answer);

 private:
  Scheduler& loop_;
  Scheduler& worker_;
  std::function<void(const Answer&)> take_;
  std::set<EdgeId> waiting_;  // On the loop.
};

}  // namespace edcsync::central
