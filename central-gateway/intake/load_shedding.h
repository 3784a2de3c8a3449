// What an edge may have in flight, by how the centre's commit keeps up. When it falls behind, credit
// shrinks: receipts come more slowly and carry less credit, so that edges keep the rest in their
// outboxes, which are durable, instead of in this process's memory. Nothing is dropped, one frame a
// session always goes on, and it recovers by itself with the next quick commit.
//
// The lag is the time from a frame's arrival to its commit, by the scheduler's clock; so the
// simulation replays it.
//
// Threads: one at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "shared/wire/frames.h"

namespace edcsync::central {

class LoadShedding {
 public:
  static constexpr std::int64_t kLagAimedUs = 250'000;  // Below: full credit.
  static constexpr std::size_t kQueuedFramesAimed = 12;  // Keep the writer at work; more only take memory.
  static constexpr std::uint32_t kBytesMin = 128 * 1024;  // A push of the usual size, compressed.

  // A commit ended `lag_us` after its frame arrived. Remembered as the longer of the last one and
  // three quarters of what was: a single quick commit is no recovery.
  void Committed(std::int64_t lag_us) { lag_us_ = std::max(lag_us, lag_us_ - lag_us_ / 4); }
  std::int64_t lag_us() const { return lag_us_; }

  // The credit to give while `queued_frames` wait, of at most `full`.
  wire::Credit CreditNow(const wire::Credit& full, std::size_t queued_frames) const {
    wire::Credit credit = full;
    const std::size_t room =
        queued_frames < kQueuedFramesAimed ? kQueuedFramesAimed - queued_frames : 1;
    credit.frames = std::min(credit.frames, static_cast<std::uint32_t>(room));
    if (lag_us_ <= kLagAimedUs) return credit;
    const auto share = [this](std::uint32_t whole) {
      return static_cast<std::uint32_t>(std::int64_t{whole} * kLagAimedUs / lag_us_);
    };
    credit.frames = std::min(credit.frames, std::max<std::uint32_t>(share(full.frames), 1));
    credit.bytes = std::min(credit.bytes, std::max(share(full.bytes), kBytesMin));
    return credit;
  }

 private:
  std::int64_t lag_us_ = 0;
};

}  // namespace edcsync::central
