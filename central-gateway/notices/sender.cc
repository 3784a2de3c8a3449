#include "central-gateway/notices/sender.h"

#include "shared/base/log.h"

namespace edcsync::central {

Sender::Sender(SenderOptions options, Channel& channel, const MessageMaker& maker,
               CentralStore& store, const Clock& clock, Random& random)
    : options_(std::move(options)),
      channel_(channel),
      maker_(maker),
      store_(store),
      clock_(clock),
      breaker_(options_.breaker),
      backoff_(options_.retry_base_ms * 1000, options_.retry_max_ms * 1000, random) {}

std::int64_t Sender::Step(const std::atomic<bool>& stop) {
  const Status done = [&]() -> Status {
    // First of all: a message whose end is not stored would be sent again.
    if (outcome_) return Store();
    EDCSYNC_ASSIGN(const std::optional<NoticeMessageRow> row, NextMessage(clock_.Wall()));
    if (!row || MustWait(*row, clock_.Wall()) || !breaker_.Allow(clock_.Mono())) return Ok();
    return Send(*row, stop);
  }();
  if (!done.ok() && store_ready_) {  // Once for each time that it lasts.
    Log(LogLevel::kWarn, "notices.store_not_ready",
        {{"channel", channel_.name()}, {"why", done.error().message}});
  }
  store_ready_ = done.ok();
  return store_ready_ ? kPollMs : kStoreRetryMs;
}

// A time further away than any wait was written by a clock since set back.
bool Sender::MustWait(const NoticeMessageRow& row, WallTime now) const {
  const std::int64_t wait_ms = row.next_attempt_at.ms - now.ms;
  const std::int64_t most_ms =
      std::max<std::int64_t>(options_.retry_max_ms, 3600 * 1000) + options_.breaker.open_us / 1000;
  return wait_ms > 0 && wait_ms <= most_ms;
}

Result<std::optional<NoticeMessageRow>> Sender::NextMessage(WallTime now) {
  std::optional<NoticeMessageRow> waiting;
  bool form = false;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<NoticesState> state, reader.FindNoticesState());
    if (!state || state->holder != options_.holder || state->lease_expires_at <= now) return Ok();
    EDCSYNC_ASSIGN(waiting, reader.WaitingMessage(channel_.name()));
    if (!waiting) {
      EDCSYNC_ASSIGN(form, IsTimeToForm(reader, now));
    }
    return Ok();
  }));
  if (!form) return waiting;
  return Form();
}

Result<bool> Sender::IsTimeToForm(CentralReader& reader, WallTime now) {
  EDCSYNC_ASSIGN(const NoticeBacklog backlog, reader.BacklogOf(channel_.name()));
  if (backlog.count == 0) return false;
  const auto within = [&](WallTime from, std::int64_t span_ms) {
    return from <= now && now.ms - from.ms < span_ms;  // A later `from`: the clock was set back.
  };
  if (within(backlog.newest_found_at, options_.linger_ms) &&
      within(backlog.oldest_found_at, options_.linger_max_ms)) {
    return false;
  }
  EDCSYNC_ASSIGN(const std::optional<NoticeChannelRow> channel,
                 reader.FindNoticeChannel(channel_.name()));
  return !channel || !channel->last_attempt_at ||
         !within(*channel->last_attempt_at, options_.digest_ms);
}

Result<std::optional<NoticeMessageRow>> Sender::Form() {
  std::optional<NoticeMessageRow> formed;
  EDCSYNC_TRY(store_.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const std::optional<NoticesState> state, writer.FindNoticesState());
    if (!state || state->holder != options_.holder) return Ok();
    NoticeMessageRow row;
    EDCSYNC_ASSIGN(row.id, writer.NewId());
    row.channel = channel_.name();
    row.formed_at = writer.Now();
    row.next_attempt_at = row.formed_at;
    EDCSYNC_TRY(writer.FormMessage(row));
    formed = std::move(row);
    return Ok();
  }));
  return formed;
}

Status Sender::Send(NoticeMessageRow row, const std::atomic<bool>& stop) {
  std::vector<NoticeRow> notices;
  std::vector<NoticeKindCount> counts;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(notices, reader.NoticesIn(row.id, kNoticesListedMax));
    EDCSYNC_ASSIGN(counts, reader.CountNoticesIn(row.id));
    return Ok();
  }));
  row.notice_count = 0;
  for (const NoticeKindCount& count : counts) row.notice_count += count.count;
  const SendResult result = channel_.Send(maker_.Make(row, notices, counts), stop);
  if (result.outcome == SendResult::Outcome::kStopped) return Ok();
  Judge(row, result);
  return Store();
}

void Sender::Judge(const NoticeMessageRow& row, const SendResult& result) {
  const WallTime now = clock_.Wall();
  const MonoTime mono = clock_.Mono();
  Outcome outcome{row, {}, false};
  outcome.message.attempts += 1;
  outcome.message.error = result.text;
  outcome.channel.channel = channel_.name();
  outcome.channel.last_attempt_at = now;
  if (result.outcome == SendResult::Outcome::kSent) {
    breaker_.Succeeded();
    backoff_.Reset();
    outcome.message.state = MessageState::kSent;
    outcome.message.settled_at = now;
    outcome.message.error.clear();
    outcome.channel.last_sent_at = now;
    if (!result.refused.empty()) outcome.channel.last_error = result.text;
  } else {
    outcome.channel.last_error = result.text;
    if (result.outcome == SendResult::Outcome::kRefused) {
      breaker_.Succeeded();  // The other side is there.
      backoff_.Reset();
      outcome.failed_for_good = true;
    } else {
      Wait(outcome.message, result, now, mono);
      outcome.failed_for_good = now.ms - row.formed_at.ms >= options_.give_up_ms;
    }
    if (outcome.failed_for_good) {
      outcome.message.state = MessageState::kFailed;
      outcome.message.settled_at = now;
    }
  }
  if (!outcome.channel.last_error.empty()) outcome.channel.last_error_at = now;
  if (breaker_.state() != CircuitBreaker::State::kClosed) {
    outcome.channel.open_until = WallTime{now.ms + (breaker_.retry_at().us - mono.us) / 1000};
  }
  const bool sent = outcome.message.state == MessageState::kSent;
  Log(sent && result.refused.empty() ? LogLevel::kInfo
      : outcome.failed_for_good      ? LogLevel::kError
                                     : LogLevel::kWarn,
      sent                      ? "notices.sent"
      : outcome.failed_for_good ? "notices.failed_for_good"
                                : "notices.not_sent",
      {{"channel", channel_.name()},
       {"message", std::to_string(row.id.value())},
       {"notices", row.notice_count},
       {"attempt", outcome.message.attempts},
       {"answer", result.text}});
  outcome_ = std::move(outcome);
}

void Sender::Wait(NoticeMessageRow& row, const SendResult& result, WallTime now, MonoTime mono) {
  const bool was_closed = breaker_.state() == CircuitBreaker::State::kClosed;
  breaker_.Failed(mono);
  std::int64_t wait_ms = std::max(backoff_.NextDelayUs() / 1000, result.retry_after_ms);
  if (breaker_.state() == CircuitBreaker::State::kOpen) {
    wait_ms = std::max(wait_ms, (breaker_.retry_at().us - mono.us) / 1000);
    if (was_closed) Log(LogLevel::kWarn, "notices.circuit_opened", {{"channel", channel_.name()}});
  }
  row.next_attempt_at = {now.ms + wait_ms};
}

Status Sender::Store() {
  EDCSYNC_TRY(store_.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const std::optional<NoticeChannelRow> before,
                   writer.FindNoticeChannel(channel_.name()));
    NoticeChannelRow channel = outcome_->channel;
    if (before && !channel.last_sent_at) channel.last_sent_at = before->last_sent_at;
    if (before && !channel.last_error_at) channel.last_error_at = before->last_error_at;
    EDCSYNC_TRY(writer.PutNoticeChannel(channel));
    const Status updated = writer.UpdateMessage(outcome_->message);
    // Another gateway, which took over meanwhile, has settled it.
    if (!updated.ok() && updated.error().code == ErrorCode::kStale) return Ok();
    EDCSYNC_TRY(updated);
    if (!outcome_->failed_for_good) return Ok();
    return writer.AppendAudit("gateway", "notice.failed",
                              "notice:" + std::to_string(outcome_->message.id.value()),
                              "channel=" + channel_.name() +
                                  " notices=" + std::to_string(outcome_->message.notice_count));
  }));
  outcome_.reset();
  return Ok();
}

}  // namespace edcsync::central
