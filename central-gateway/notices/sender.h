// Sends one channel's notices: forms a message of all that has gathered, stores it, sends it, and
// stores what became of it. What fails is tried again with backoff; a channel that fails again and
// again is left alone for a while by its circuit breaker; a message that is refused, or too old, is
// kept as failed for good until a person queues it again.
//
//   reads and writes   store/notice_store.h (messages, channels)
//   sends by           central-gateway/notices/channel.h
//   run by             central-gateway/notices/notice_service.h, a thread for each channel
//
// Invariants:
//   (1) At least once: a message counts as sent only after the other side has taken it. It may come
//       twice, under the same id, if this program dies in between.
//   (2) At most one message goes to a channel in a digest window. The first after a quiet window
//       goes at once; what comes after it gathers until the window's end.
//   (3) Nothing else waits for it: it reads snapshots and writes short works.
//
// Threads: one at a time.
#pragma once

#include "central-gateway/notices/channel.h"
#include "central-gateway/store/central_store.h"
#include "shared/base/backoff.h"
#include "shared/base/circuit_breaker.h"

namespace edcsync::central {

struct SenderOptions {
  std::string holder;                         // Sends only while this gateway has the lease.
  std::int64_t digest_ms = 15 * 60'000;
  std::int64_t linger_ms = 3'000;             // While more comes within this, a burst gathers:
  std::int64_t linger_max_ms = 30'000;        // for as long as this.
  std::int64_t retry_base_ms = 5'000;
  std::int64_t retry_max_ms = 10 * 60'000;
  std::int64_t give_up_ms = 72LL * 3600 * 1000;  // After its forming a message counts as failed.
  CircuitBreaker::Options breaker{5, 5LL * 60 * 1'000'000};
};

class Sender {
 public:
  // All but the options outlive it.
  Sender(SenderOptions options, Channel& channel, const MessageMaker& maker, CentralStore& store,
         const Clock& clock, Random& random);

  // Does what is due. Returns in how many milliseconds there may be more to do.
  std::int64_t Step(const std::atomic<bool>& stop);

  const Channel& channel() const { return channel_; }

 private:
  static constexpr std::int64_t kPollMs = 1'000;
  static constexpr std::int64_t kStoreRetryMs = 5'000;

  // What became of a message, until it is stored.
  struct Outcome {
    NoticeMessageRow message;
    NoticeChannelRow channel;
    bool failed_for_good = false;
  };

  Result<std::optional<NoticeMessageRow>> NextMessage(WallTime now);
  Result<bool> IsTimeToForm(CentralReader& reader, WallTime now);
  Result<std::optional<NoticeMessageRow>> Form();
  Status Send(NoticeMessageRow row, const std::atomic<bool>& stop);
  void Judge(const NoticeMessageRow& row, const SendResult& result);
  void Wait(NoticeMessageRow& row, const SendResult& result, WallTime now, MonoTime mono);
  Status Store();
  bool MustWait(const NoticeMessageRow& row, WallTime now) const;

  SenderOptions options_;
  Channel& channel_;
  const MessageMaker& maker_;
  CentralStore& store_;
  const Clock& clock_;
  CircuitBreaker breaker_;
  Backoff backoff_;
  std::optional<Outcome> outcome_;
  bool store_ready_ = true;
};

}  // namespace edcsync::central
