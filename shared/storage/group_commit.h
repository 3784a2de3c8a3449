// Many callers, one durable commit. Works queue here; the writer takes all that wait (up to
// limits::kGroupCommitWorkMax, or until they hold limits::kGroupCommitBytesAimed), runs them one
// after another inside one transaction, commits, and only then tells each caller. A work that fails
// is rolled back alone (savepoint); the others commit. If the commit itself fails, every caller of
// the group is told so. SQLite drops the whole transaction when a work meets a full disk or a
// failing one: then the works run before it in the group are told that error too (nothing of them
// is stored), and those after it run in a new transaction.
//
// A work that a person waits for may take the next turn: it joins the transaction that runs, after
// the work that runs now, and that transaction then ends; the rest of the group goes on in another.
// Once a transaction only, and at least every second one runs a work of the others too, so that
// persons hold nothing up for good.
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
#include <optional>
#include <thread>
#include <vector>

#include "shared/storage/database.h"

namespace edcsync {

struct GroupCommitHooks {
  std::function<Status()> begun;             // The transaction is open (read tails here).
  std::function<void()> work_started;        // Remember tails: savepoint is set.
  std::function<void()> work_rolled_back;    // Restore the tails remembered.
  // Once for every `begun`, before any caller is told. committed=false: forget all tails.
  std::function<void(bool committed)> ended;
};

enum class Turn : std::uint8_t {
  kInOrder,
  kNext,  // Before what waits in order. Works of this turn keep their order among themselves.
};

class GroupCommit {
 public:
  // Runs on the writer, inside the transaction. It begins or ends none itself, holds no
  // Statement when it returns, and must not throw: that is a defect and ends the program.
  using Work = std::function<Status()>;
  using Done = std::function<void(Status)>;   // Runs on the writer, after the commit.

  GroupCommit(Database& database, GroupCommitHooks hooks);
  ~GroupCommit();  // Stops; what waits is answered kStopped.

  // With a thread of its own (production). Without Start(), Drain() runs what waits on the
  // caller's thread (simulation, commands, tests).
  void Start();
  // Lets the group that runs now end; what waits is answered kStopped. Final and idempotent.
  // REQUIRES: not called by a work or a done.
  void Stop();

  // Queues. Fails with kBusy when limits::kCaptureQueueMax works wait, with kStopped after
  // Stop(); `done` is then not called. `bytes`: about how much memory the work holds. Threads: any.
  Status Submit(Work work, Done done, std::size_t bytes = 0);
  // Queues and waits; fails as Submit does, each turn with a queue of its own. REQUIRES: not called
  // on the writer's thread. Threads: any. Without Start() it runs at once on the caller's thread.
  Status Run(Work work, Turn turn = Turn::kInOrder);
  // Runs all that waits, in groups, on this thread. REQUIRES: not started.
  void Drain();
  std::size_t waiting() const;

 private:
  struct Item {
    Work work;
    Done done;
    std::size_t bytes = 0;
    Turn turn = Turn::kInOrder;
    Status status;
  };
  using Group = std::vector<Item>;

  Status Queue(Item item);
  Group TakeGroup();  // REQUIRES: mutex_ is held.
  // Puts the works of the next turn into `group`, at `place` or after those of that turn that stand
  // there. Returns the place behind them all; nullopt if none waited.
  std::optional<std::size_t> TakeNext(Group& group, std::size_t place);
  void Loop();
  void AnswerStopped();
  // Runs and answers all of `group`, in as many transactions as it takes (see above).
  void CommitGroup(Group group) noexcept;
  // One transaction over the works from `first`; returns the place after the last one answered.
  std::size_t CommitFrom(Group& group, std::size_t first);
  // False if SQLite dropped the transaction.
  bool RunWork(Item& item, bool alone);

  Database& database_;
  GroupCommitHooks hooks_;
  mutable std::mutex mutex_;  // Of all below but writing_.
  std::condition_variable wake_;
  std::deque<Item> queue_;
  std::deque<Item> next_;  // Of Turn::kNext.
  bool started_ = false;
  bool stopping_ = false;
  std::mutex writing_;  // Held while a group runs. Taken before mutex_.
  bool in_order_ran_ = true;  // In the last transaction. Of who holds writing_.
  std::thread thread_;
};

}  // namespace edcsync
