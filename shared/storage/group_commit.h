// Many callers, one durable commit. Works queue here; the writer takes all that wait (up to
// limits::kGroupCommitWorkMax), runs them one after another inside one transaction, commits, and
// only then tells each caller. A work that fails is rolled back alone (savepoint); the others
// commit. If the commit itself fails, every caller of the group is told so.
//
//   used by   edge-agent/capture, edge-agent/uplink, edge-agent/downlink
//             central-gateway/intake, desk, admin
//
// `hooks` let the owner keep caches of table tails beside the database in step with it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "shared/storage/database.h"

namespace edcsync {

struct GroupCommitHooks {
  std::function<Status()> begun;             // The transaction is open (read tails here).
  std::function<void()> work_started;        // Remember tails: savepoint is set.
  std::function<void()> work_rolled_back;    // Restore the tails remembered.
  std::function<void(bool committed)> ended; // committed=false: forget all tails.
};

class GroupCommit {
 public:
  using Work = std::function<Status()>;       // Runs on the writer, inside the transaction.
  using Done = std::function<void(Status)>;   // Runs on the writer, after the commit.

  GroupCommit(Database& database, GroupCommitHooks hooks);
  ~GroupCommit();  // Stops; what waits is answered kStopped.

  // With a thread of its own (production). Without Start(), Drain() runs what waits on the
  // caller's thread (simulation, commands, tests).
  void Start();
  void Stop();

  // Queues. Fails with kBusy when limits::kCaptureQueueMax works wait; `done` is then not
  // called. Threads: any.
  Status Submit(Work work, Done done);
  // Queues and waits. REQUIRES: not called on the writer's thread. Threads: any. Without
  // Start() it runs at once on the caller's thread.
  Status Run(Work work);
  // Runs all that waits, in groups, on this thread. REQUIRES: not started.
  void Drain();
  std::size_t waiting() const;

 private:
  struct Item {
    Work work;
    Done done;
  };
  void Loop();
  void CommitGroup(std::deque<Item> group);

  Database& database_;
  GroupCommitHooks hooks_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  bool started_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace edcsync
