#include "shared/storage/group_commit.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "shared/base/check.h"
#include "shared/base/limits.h"

namespace edcsync {
namespace {

// The GroupCommit whose group runs on this thread: waiting for it here would never end.
thread_local const GroupCommit* running = nullptr;

Status Stopped() { return Fail(ErrorCode::kStopped, "the writer is stopping"); }

}  // namespace

GroupCommit::GroupCommit(Database& database, GroupCommitHooks hooks)
    : database_(database), hooks_(std::move(hooks)) {}

GroupCommit::~GroupCommit() { Stop(); }

void GroupCommit::Start() {
  const std::lock_guard lock(mutex_);
  CHECK(!started_ && !stopping_);
  started_ = true;
  thread_ = std::thread([this] { Loop(); });
}

void GroupCommit::Stop() {
  CHECK(running != this);
  std::thread thread;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  wake_.notify_all();
  if (thread.joinable()) thread.join();
  AnswerStopped();  // Where no thread was started.
}

Status GroupCommit::Submit(Work work, Done done, std::size_t bytes) {
  return Queue({std::move(work), std::move(done), bytes, Turn::kInOrder, Ok()});
}

Status GroupCommit::Queue(Item item) {
  std::deque<Item>& queue = item.turn == Turn::kNext ? next_ : queue_;
  bool first;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return Stopped();
    if (queue.size() >= limits::kCaptureQueueMax) {
      return Fail(ErrorCode::kBusy,
                  std::to_string(limits::kCaptureQueueMax) + " works wait for the writer");
    }
    first = queue_.empty() && next_.empty();
    queue.push_back(std::move(item));
  }
  if (first) wake_.notify_one();
  return Ok();
}

Status GroupCommit::Run(Work work, Turn turn) {
  CHECK(running != this);
  bool started;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return Stopped();
    started = started_;
  }
  struct Answer {
    std::mutex mutex;
    std::condition_variable ready;
    std::optional<Status> status;
  } answer;
  Done done = [&answer](Status status) {
    // Notified under the lock: once it is free the waiter may return and take `answer` away.
    const std::lock_guard lock(answer.mutex);
    answer.status = std::move(status);
    answer.ready.notify_one();
  };
  if (started) {
    EDCSYNC_TRY(Queue({std::move(work), std::move(done), 0, turn, Ok()}));
  } else {
    const std::lock_guard writing(writing_);
    Group group;
    group.push_back(Item{std::move(work), std::move(done), 0, turn, Ok()});
    CommitGroup(std::move(group));
  }
  std::unique_lock lock(answer.mutex);
  answer.ready.wait(lock, [&] { return answer.status.has_value(); });
  return std::move(*answer.status);
}

void GroupCommit::Drain() {
  CHECK(running != this);
  const std::lock_guard writing(writing_);
  while (true) {
    Group group;
    {
      const std::lock_guard lock(mutex_);
      CHECK(!started_);
      if (queue_.empty()) return;
      group = TakeGroup();
    }
    CommitGroup(std::move(group));
  }
}

std::size_t GroupCommit::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size() + next_.size();
}

std::optional<std::size_t> GroupCommit::TakeNext(Group& group, std::size_t place) {
  const std::lock_guard lock(mutex_);
  if (next_.empty()) return std::nullopt;
  while (place < group.size() && group[place].turn == Turn::kNext) ++place;
  group.insert(group.begin() + static_cast<std::ptrdiff_t>(place),
               std::make_move_iterator(next_.begin()), std::make_move_iterator(next_.end()));
  place += next_.size();
  next_.clear();
  return place;
}

// Works of the next turn join the group that runs, if there is one (CommitFrom).
GroupCommit::Group GroupCommit::TakeGroup() {
  std::deque<Item>& queue = queue_.empty() ? next_ : queue_;
  Group group;
  for (std::size_t bytes = 0; !queue.empty() && group.size() < limits::kGroupCommitWorkMax &&
                              bytes < limits::kGroupCommitBytesAimed;) {
    bytes += queue.front().bytes;
    group.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return group;
}

void GroupCommit::Loop() {
  while (true) {
    Group group;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty() || !next_.empty(); });
      if (stopping_) break;
      group = TakeGroup();
    }
    const std::lock_guard writing(writing_);
    CommitGroup(std::move(group));
  }
  AnswerStopped();
}

void GroupCommit::AnswerStopped() {
  std::deque<Item> rest;
  {
    const std::lock_guard lock(mutex_);
    rest = std::exchange(next_, {});
    rest.insert(rest.end(), std::make_move_iterator(queue_.begin()),
                std::make_move_iterator(queue_.end()));
    queue_.clear();
  }
  for (Item& item : rest) {
    if (item.done) item.done(Stopped());
  }
}

void GroupCommit::CommitGroup(Group group) noexcept {
  running = this;
  std::size_t done = 0;
  while (done < group.size()) {
    const std::size_t end = CommitFrom(group, done);
    for (; done < end; ++done) {
      Item& item = group[done];
      item.work = nullptr;  // What it holds is let go before its caller goes on.
      if (item.done) item.done(std::move(item.status));
    }
  }
  running = nullptr;
}

std::size_t GroupCommit::CommitFrom(Group& group, std::size_t first) {
  const auto fail_rest = [&](const Error& error) {
    for (std::size_t i = first; i < group.size(); ++i) {
      group[i].status = tl::unexpected<Error>(error);
    }
    return group.size();
  };
  const Status opened = database_.Begin();
  if (!opened.ok()) return fail_rest(opened.error());
  const auto ended = [this](bool committed) {
    if (hooks_.ended) hooks_.ended(committed);
  };
  if (hooks_.begun) {
    const Status begun = hooks_.begun();
    if (!begun.ok()) {
      database_.Rollback();
      ended(false);
      return fail_rest(begun.error());
    }
  }
  std::size_t end = first;
  std::size_t stop = group.size();
  bool kept = true;
  bool any_succeeded = false;
  bool any_in_order = false;
  bool joined = false;
  while (kept && end < stop) {
    if (const auto behind = joined ? std::nullopt : TakeNext(group, end)) {
      joined = true;
      stop = std::min(group.size(), *behind + (any_in_order || in_order_ran_ ? 0 : 1));
    }
    any_in_order = any_in_order || group[end].turn == Turn::kInOrder;
    kept = RunWork(group[end], group.size() - first == 1);
    any_succeeded = any_succeeded || group[end].status.ok();
    ++end;
  }
  in_order_ran_ = any_in_order;
  // A group of refusals leaves nothing to commit. A lost transaction is told by Commit().
  Status committed;
  if (any_succeeded) {
    committed = database_.Commit();
  } else {
    database_.Rollback();
  }
  ended(any_succeeded && committed.ok());
  if (!committed.ok()) {
    for (std::size_t i = first; i < end; ++i) {
      if (group[i].status.ok()) group[i].status = tl::unexpected<Error>(committed.error());
    }
  }
  return end;
}

bool GroupCommit::RunWork(Item& item, bool alone) {
  // A work alone needs no savepoint: if it fails, the transaction is rolled back with it.
  if (!alone) item.status = database_.Savepoint();
  if (!item.status.ok()) return database_.InTransaction();
  if (hooks_.work_started) hooks_.work_started();
  item.status = item.work();
  if (!alone && item.status.ok()) item.status = database_.ReleaseSavepoint();
  if (!item.status.ok()) {
    if (!alone) database_.RollbackToSavepoint();
    if (hooks_.work_rolled_back) hooks_.work_rolled_back();
  }
  return database_.InTransaction();
}

}  // namespace edcsync
