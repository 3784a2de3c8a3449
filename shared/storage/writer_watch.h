// Watches a store's writer from outside: how long its transactions take, and whether it still ends
// any. Wraps the hooks of a GroupCommit, so that the writer itself knows nothing of it.
//
//   asked by   edge-agent/app, central-gateway/app (health and metrics)
//
// Threads: the hooks run on the writer; the questions from any.
#pragma once

#include <atomic>

#include "shared/base/time.h"
#include "shared/metrics/metrics.h"
#include "shared/storage/group_commit.h"

namespace edcsync {

class WriterWatch {
 public:
  // `seconds` of each transaction, from its begin to the end of its commit; both outlive this.
  WriterWatch(const Clock& clock, Histogram& seconds) : clock_(clock), seconds_(seconds) {}

  GroupCommitHooks Around(GroupCommitHooks inner);

  std::uint64_t committed() const { return committed_; }
  std::uint64_t rolled_back() const { return rolled_back_; }
  // How long the transaction at hand has run; 0 if none does.
  std::int64_t RunningForUs() const;

 private:
  const Clock& clock_;
  Histogram& seconds_;
  std::atomic<std::int64_t> begun_us_{-1};
  std::atomic<std::uint64_t> committed_{0}, rolled_back_{0};
};

}  // namespace edcsync
