#include "edge-agent/downlink/feed_puller.h"

#include "shared/base/limits.h"
#include "shared/base/log.h"

namespace edcsync::edge {
namespace {

constexpr std::int64_t kAnswerTimeoutUs = 10'000'000;
constexpr std::int64_t kIdlePullUs = 60'000'000;
constexpr std::int64_t kRetryApplyUs = 2'000'000;
constexpr int kUnansweredCountMax = 2;  // One may be lost on its way.

}  // namespace

void FeedPuller::SessionOpened(Epoch epoch) {
  epoch_ = epoch;
  unanswered_count_ = 0;
  pulling_ = applying_;  // A page of the last session may still be on its way to the disk.
  again_ = true;
  if (!pulling_) Pull();
}

void FeedPuller::SessionLost() {
  epoch_ = Epoch();
  pulling_ = applying_;
  scheduler_.Cancel(timer_);
}

void FeedPuller::OnNudge() {
  again_ = true;
  if (!pulling_) Pull();
}

void FeedPuller::ArmTimer(std::int64_t delay_us) {
  scheduler_.Cancel(timer_);
  timer_ = scheduler_.After(delay_us, [this] {
    if (applying_) return;
    if (pulling_ && ++unanswered_count_ == kUnansweredCountMax) {
      unanswered_count_ = 0;
      return unanswered_();
    }
    pulling_ = false;
    Pull();
  });
}

void FeedPuller::Pull() {
  if (epoch_ == Epoch() || pulling_) return;
  wire::Pull pull;
  pull.epoch = epoch_;
  pull.entry_count_max = limits::kFeedEntryCountMax;
  const Status read = store_.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const Checkpoint checkpoint, tables.checkpoint.Get());
    pull.after = checkpoint.feed_cursor;
    return Ok();
  });
  again_ = false;
  const Status sent = read.ok() ? send_(pull) : read;
  if (!sent.ok()) {
    Log(LogLevel::kInfo, "feed.not_asked", {{"why", sent.error().message}});
    return ArmTimer(kAnswerTimeoutUs);
  }
  pulling_ = true;
  ArmTimer(kAnswerTimeoutUs);
}

void FeedPuller::OnFeed(wire::Feed feed) {
  if (!pulling_ || applying_) return;  // A repeat; the cursor tells what is missing.
  scheduler_.Cancel(timer_);
  unanswered_count_ = 0;
  applying_ = true;
  const bool more = feed.more;
  const Status queued =
      applier_.Apply(std::move(feed), [this, more, alive = alive_](Status applied) {
        scheduler_.Post([this, more, alive, status = std::move(applied)] {
          if (*alive) OnApplied(status, more);
        });
      });
  if (!queued.ok()) OnApplied(queued, more);
}

void FeedPuller::OnApplied(const Status& applied, bool more) {
  applying_ = false;
  pulling_ = false;
  if (!applied.ok()) {
    // Nothing of the page is stored, nor its cursor: it is asked for again.
    Log(LogLevel::kError, "feed.not_applied", {{"why", applied.error().message}});
    return ArmTimer(kRetryApplyUs);
  }
  applied_();
  if (more || again_) return Pull();
  ArmTimer(kIdlePullUs);
}

}  // namespace edcsync::edge
