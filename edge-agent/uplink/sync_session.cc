#include "edge-agent/uplink/sync_session.h"

#include "shared/base/check.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/base/planted_defect.h"
#include "shared/wire/topics.h"

namespace edcsync::edge {
namespace {

constexpr std::int64_t kRetryWhenBufferFullUs = 20'000;
constexpr std::int64_t kRetrySettleUs = 2'000'000;

// Both of one session, as one.
wire::Receipt Together(wire::Receipt first, const wire::Receipt& second) {
  first.acknowledged_through = std::max(first.acknowledged_through, second.acknowledged_through);
  first.exceptions.insert(first.exceptions.end(), second.exceptions.begin(),
                          second.exceptions.end());
  return first;
}

std::optional<Epoch> EpochOfReconcileFrame(const wire::Frame& frame) {
  if (const auto* compare = std::get_if<wire::Compare>(&frame)) return compare->epoch;
  if (const auto* redelivery = std::get_if<wire::Redelivery>(&frame)) return redelivery->epoch;
  if (const auto* settlement = std::get_if<wire::Settlement>(&frame)) return settlement->epoch;
  return std::nullopt;
}

std::string_view ToString(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::kClosed: return "closed";
    case CircuitBreaker::State::kOpen: return "open";
    case CircuitBreaker::State::kHalfOpen: return "half_open";
  }
  return "closed";
}

}  // namespace

std::string_view ToString(SyncState state) {
  switch (state) {
    case SyncState::kPaused: return "paused";
    case SyncState::kOffline: return "offline";
    case SyncState::kGreeting: return "greeting";
    case SyncState::kLive: return "live";
    case SyncState::kStopped: return "stopped";
  }
  return "offline";
}

SyncSession::SyncSession(SyncOptions options, EdgeStore& store, Link& link, Scheduler& scheduler,
                         Sealer sealer, std::vector<Certificate> gateways, EdgeId edge)
    : options_(std::move(options)),
      store_(store),
      link_(link),
      scheduler_(scheduler),
      sealer_(std::move(sealer)),
      gateways_(std::move(gateways)),
      edge_(std::move(edge)),
      refill_(store) {
  status_.since = store_.clock().Wall();
  CHECK(!gateways_.empty());
  link_.on_up = [this] { OnLinkUp(); };
  link_.on_down = [this](const Error& why) { OnLinkDown(why); };
  link_.on_message = [this](Message message) { OnMessage(std::move(message)); };
}

SyncSession::~SyncSession() { *alive_ = false; }

void SyncSession::Post(std::function<void()> handler) {
  scheduler_.Post([alive = alive_, run = std::move(handler)] {
    if (*alive) run();
  });
}

Status SyncSession::Start() {
  Checkpoint checkpoint;
  EDCSYNC_TRY(store_.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(checkpoint, tables.checkpoint.Get());
    return Ok();
  }));
  if (checkpoint.paused) {
    Enter(SyncState::kPaused, "Paused by `sync pause`");
    return Ok();
  }
  Enter(SyncState::kOffline, "Connecting");
  link_.Open();
  return Ok();
}

void SyncSession::Stop() {
  *alive_ = false;
  scheduler_.Cancel(answer_timer_);
  scheduler_.Cancel(wait_timer_);
  scheduler_.Cancel(settle_timer_);
  link_.Close();
}

void SyncSession::Enter(SyncState state, const std::string& error) {
  std::lock_guard lock(status_mutex_);
  if (status_.state != state) status_.since = store_.clock().Wall();
  if (status_.state != state) {
    Log(state == SyncState::kStopped ? LogLevel::kError : LogLevel::kInfo, "sync.state",
        {{"state", ToString(state)}, {"why", error}});
  }
  status_.state = state;
  status_.last_error = state == SyncState::kLive ? "" : error;
  status_.held_back.clear();  // The first answer of this state says how it is.
  status_.breaker = ToString(link_.breaker());
}

void SyncSession::HeldBack(const std::string& why) {
  std::lock_guard lock(status_mutex_);
  if (status_.held_back.empty()) status_.held_back_since = store_.clock().Wall();
  status_.held_back = why;
}

SyncStatus SyncSession::status() const {
  std::lock_guard lock(status_mutex_);
  return status_;
}

// One wake at a time is enough: Pump reads whatever is there.
void SyncSession::Captured() {
  if (wake_posted_.exchange(true)) return;
  Post([this] {
    wake_posted_ = false;
    Pump();
  });
}

Status SyncSession::SetPaused(bool paused) {
  EDCSYNC_TRY(store_.writer().Run([&]() -> Status {
    EdgeTables& tables = store_.writer_tables();
    EDCSYNC_ASSIGN(Checkpoint checkpoint, tables.checkpoint.Get());
    checkpoint.paused = paused;
    EDCSYNC_TRY(tables.checkpoint.Update(checkpoint));
    AuditEntry entry;
    entry.at = store_.clock().Wall();
    entry.actor = "edge:" + edge_.str();
    entry.action = paused ? "sync.paused" : "sync.resumed";
    entry.object = edge_.str();
    return tables.audit.Append(std::move(entry));
  }));
  Post([this, paused] {
    if (paused) {
      scheduler_.Cancel(answer_timer_);
      link_.Close();
      if (listener_ != nullptr) listener_->SessionLost();
      Enter(SyncState::kPaused, "Paused by `sync pause`");
    } else if (link_.state() == Link::State::kClosed) {
      Enter(SyncState::kOffline, "Connecting");
      link_.Open();
    }
  });
  return Ok();
}

void SyncSession::SyncNow() {
  Post([this] {
    const SyncState state = status().state;
    if (state == SyncState::kPaused) return;
    if (state == SyncState::kStopped) {
      scheduler_.Cancel(wait_timer_);
      link_.Open();
    }
    link_.Hurry();
    if (state != SyncState::kLive) return;
    Pump();
    if (listener_ != nullptr) listener_->OnNudge();
  });
}

void SyncSession::Reconnect() {
  Post([this] {
    if (status().state == SyncState::kPaused) return;
    scheduler_.Cancel(answer_timer_);
    scheduler_.Cancel(wait_timer_);
    link_.Close();
    if (listener_ != nullptr) listener_->SessionLost();
    Enter(SyncState::kOffline, "Connecting");
    link_.Open();
  });
}

void SyncSession::SetCredentials(Sealer sealer, std::vector<Certificate> gateways) {
  CHECK(!gateways.empty());
  Post([this, sealer = std::move(sealer), gateways = std::move(gateways)] {
    sealer_ = sealer;
    gateways_ = gateways;
  });
  Reconnect();
}

void SyncSession::StopFor(const Error& why) {
  Post([this, why] {
    if (status().state != SyncState::kStopped) StopForPerson(why.code, why.message);
  });
}

void SyncSession::OnLinkUp() {
  (void)link_.Send(wire::PresenceTopic(edge_), AsBytes("online"), /*retained=*/true,
                   [](Status) {});
  reported_difference_ = false;
  hello_timeout_us_ = options_.first_hello_timeout_us;
  SayHello(/*chain_differs=*/false);
}

void SyncSession::OnLinkDown(const Error& why) {
  scheduler_.Cancel(answer_timer_);
  up_topic_.clear();
  if (listener_ != nullptr) listener_->SessionLost();
  Enter(SyncState::kOffline, why.message);
}

void SyncSession::ArmAnswerTimer() {
  scheduler_.Cancel(answer_timer_);
  answer_timer_ = scheduler_.After(options_.answer_timeout_us, [this] { NoAnswer(); });
}

void SyncSession::NoAnswer() {
  link_.Useless({ErrorCode::kTimeout, "The broker is there, but no gateway answers"});
}

void SyncSession::Unanswered() {
  if (status().state == SyncState::kLive) NoAnswer();
}

Result<wire::Frame> SyncSession::Open(BytesView bytes) {
  Result<wire::Frame> frame = Fail(ErrorCode::kBadSeal, "No gateway is known");
  for (const Certificate& gateway : gateways_) {
    frame = wire::OpenFrame(bytes, sealer_, gateway);
    if (frame.ok() || frame.error().code != ErrorCode::kBadSeal) break;
  }
  return frame;
}

void SyncSession::OnMessage(Message message) {
  Result<wire::Frame> frame = Open(message.payload);
  if (!frame.ok()) {
    Log(LogLevel::kWarn, "frame.refused",
        {{"why", frame.error().message}, {"trace_id", TraceIdTextIn(message.trace_parent)}});
    return;
  }
  if (auto* welcome = std::get_if<wire::Welcome>(&*frame)) return OnWelcome(*welcome);
  if (auto* refuse = std::get_if<wire::Refuse>(&*frame)) {
    return OnRefuse(*refuse, TraceIdTextIn(message.trace_parent));
  }
  const SyncStatus now = status();
  if (now.state != SyncState::kLive) return;  // Of an earlier session.
  if (ExchangeTelemetry* exchanges = Exchanges()) {
    exchanges->Answered(*frame, message.trace_parent);
  }
  if (auto* receipt = std::get_if<wire::Receipt>(&*frame)) {
    if (receipt->epoch == now.epoch) OnReceipt(*receipt);
  } else if (auto* feed = std::get_if<wire::Feed>(&*frame)) {
    if (feed->epoch == now.epoch && listener_ != nullptr) listener_->OnFeed(std::move(*feed));
  } else if (auto* taken = std::get_if<wire::EndorsementReceipt>(&*frame)) {
    if (taken->epoch == now.epoch && listener_ != nullptr) {
      listener_->OnEndorsementReceipt(*taken);
    }
  } else if (auto* nudge = std::get_if<wire::Nudge>(&*frame)) {
    if (nudge->epoch == now.epoch && listener_ != nullptr) listener_->OnNudge();
  } else if (const std::optional<Epoch> epoch = EpochOfReconcileFrame(*frame)) {
    if (*epoch == now.epoch && listener_ != nullptr) listener_->OnReconcile(std::move(*frame));
  }
}

Status SyncSession::SendFrame(const wire::Frame& frame, const RecordKey* record) {
  if (up_topic_.empty()) return Fail(ErrorCode::kNotConnected, "There is no session");
  EDCSYNC_ASSIGN(const Bytes sealed, wire::SealFrame(frame, sealer_, gateways_.front()));
  ExchangeTelemetry* const exchanges = Exchanges();
  EDCSYNC_TRY(link_.SendTraced(up_topic_, sealed,
                               exchanges == nullptr ? "" : exchanges->Asking(frame, record)));
  std::lock_guard lock(status_mutex_);
  ++status_.frames_sent;
  status_.bytes_sent += sealed.size();
  return Ok();
}

void SyncSession::Pump() {
  if (status().state != SyncState::kLive || wait_to_send_ || refill_.under_way()) return;
  while (window_.HasRoom() || EDCSYNC_DEFECT("window-unbounded")) {
    const Result<bool> pushed = PushOnce();
    if (!pushed.ok()) {
      Log(LogLevel::kWarn, "uplink.not_sent", {{"why", pushed.error().message}});
      if (pushed.error().code == ErrorCode::kNotConnected) return;  // The link says so itself.
      if (pushed.error().code == ErrorCode::kBusy) {
        return PumpAfter(kRetryWhenBufferFullUs);
      }
      return link_.Useless(pushed.error());
    }
    if (!*pushed) break;
  }
  std::lock_guard lock(status_mutex_);
  status_.frames_in_flight = window_.frame_count();
}

// Sends the next frame of the outbox; false if nothing waits.
Result<bool> SyncSession::PushOnce() {
  wire::Push push;
  push.first_sequence = window_.next();
  std::vector<QueuedRevision> batch;
  EDCSYNC_TRY(store_.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(batch, tables.outbox.Read(Sequence(window_.next().value() - 1),
                                             {limits::kPushRevisionCountMax,
                                              limits::kPushTargetBytes}));
    return Ok();
  }));
  if (batch.empty()) return false;
  const std::string trace_parent =
      options_.telemetry == nullptr ? "" : options_.telemetry->Sending(batch);
  for (QueuedRevision& queued : batch) push.revisions.push_back(std::move(queued.canonical));
  push.epoch = status().epoch;
  EDCSYNC_ASSIGN(const Bytes sealed, wire::SealFrame(push, sealer_, gateways_.front()));
  EDCSYNC_TRY(link_.SendTraced(up_topic_, sealed, trace_parent));
  if (window_.empty()) ArmAnswerTimer();
  window_.Sent(batch.back().sequence, sealed.size());
  std::lock_guard lock(status_mutex_);
  ++status_.frames_sent;
  status_.bytes_sent += sealed.size();
  status_.revisions_sent += batch.size();
  return true;
}

void SyncSession::OnReceipt(const wire::Receipt& receipt) {
  window_.SetCredit(receipt.credit);
  HeldBack("");
  if (refill_.under_way()) {
    if (!refill_.Taken(receipt)) return;
    scheduler_.Cancel(answer_timer_);
    return OfferOnce();
  }
  if (!window_.Acknowledge(receipt.acknowledged_through)) {
    Log(LogLevel::kWarn, "receipt.beyond_what_was_sent",
        {{"through", receipt.acknowledged_through.value()}});
    return;
  }
  scheduler_.Cancel(answer_timer_);
  const Result<bool> fits = ChainFits(receipt.acknowledged_through, receipt.acknowledged_chain);
  if (!fits.ok()) return link_.Useless(fits.error());
  if (!*fits) {
    reported_difference_ = true;
    return SayHello(/*chain_differs=*/true);
  }
  if (options_.telemetry != nullptr) options_.telemetry->Receipted(receipt);
  const bool more = unsettled_ && unsettled_->epoch == receipt.epoch;
  unsettled_ = more ? Together(std::move(*unsettled_), receipt) : receipt;
  Settle();
  if (!window_.empty()) ArmAnswerTimer();
  Pump();
  std::lock_guard lock(status_mutex_);
  status_.frames_in_flight = window_.frame_count();
}

// Stores what receipts have said. A receipt is not said again in a session: what could not be
// stored (a full disk) is kept and tried again.
void SyncSession::Settle() {
  if (settling_ || !unsettled_) return;
  if (unsettled_->epoch != status().epoch || status().state != SyncState::kLive) {
    return unsettled_.reset();  // The next Welcome says how far the gateway is.
  }
  settling_ = true;
  const wire::Receipt receipt = *std::exchange(unsettled_, std::nullopt);
  auto work = [this, receipt]() -> Status {
    EdgeTables& tables = store_.writer_tables();
    for (const wire::RevisionOutcome& exception : receipt.exceptions) {
      EDCSYNC_TRY(tables.outbox.SetOutcome(exception.sequence, exception.outcome,
                                           exception.reason));
    }
    EDCSYNC_ASSIGN(Checkpoint checkpoint, tables.checkpoint.Get());
    checkpoint.acknowledged_through =
        std::max(checkpoint.acknowledged_through, receipt.acknowledged_through);
    if (EDCSYNC_DEFECT("settled-by-guess")) {
      checkpoint.acknowledged_through = Sequence(window_.next().value() - 1);
    }
    checkpoint.last_contact = store_.clock().Wall();
    return tables.checkpoint.Update(checkpoint);
  };
  const auto settled = [this, receipt](const Status& status) {
    settling_ = false;
    if (status.ok() && Exchanges() != nullptr) Exchanges()->Settled();
    if (status.ok()) return Settle();
    Log(LogLevel::kError, "receipt.not_settled", {{"why", status.error().message}});
    if (!unsettled_) {
      unsettled_ = receipt;
    } else if (unsettled_->epoch == receipt.epoch) {
      unsettled_ = Together(receipt, *unsettled_);
    }
    scheduler_.Cancel(settle_timer_);
    settle_timer_ = scheduler_.After(kRetrySettleUs, [this] { Settle(); });
  };
  const Status queued =
      store_.writer().Submit(std::move(work), [this, alive = alive_, settled](Status status) {
        scheduler_.Post([alive, settled, status = std::move(status)] {
          if (*alive) settled(status);
        });
      });
  if (!queued.ok()) settled(queued);
}

void SyncSession::OnRefuse(const wire::Refuse& refuse, const std::string& trace_id) {
  const ErrorInfo* info = FindError(refuse.reason);
  const SyncState state = status().state;
  const bool of_hello = refuse.hello_id != 0;
  if (of_hello && refuse.hello_id != hello_id_) return;
  if (!of_hello && refuse.epoch != Epoch() && refuse.epoch != status().epoch) return;
  const std::string why =
      refuse.message + (info == nullptr ? "" : " (" + std::string(info->name) + ")");
  Log(LogLevel::kWarn, "sync.refused",
      {{"reason", refuse.reason}, {"why", refuse.message}, {"trace_id", trace_id}});
  if (info != nullptr && info->retry == Retry::kEdge) return StopForPerson(info->code, why);
  // The rest of what flew when the session before this Hello ended.
  if (!of_hello && refuse.epoch != Epoch() && state != SyncState::kLive) return;
  if (info != nullptr && info->code == ErrorCode::kStaleEpoch && state == SyncState::kLive) {
    if (listener_ != nullptr) listener_->SessionLost();
    return SayHello(/*chain_differs=*/false);
  }
  if (info != nullptr && info->code == ErrorCode::kSequenceGap && state == SyncState::kLive) {
    if (refuse.resend_from == Sequence() || refuse.resend_from > window_.next()) return;
    return RestartAfter(Sequence(refuse.resend_from.value() - 1), 0);
  }
  if (state == SyncState::kLive && refuse.retry_after_ms > 0) {
    HeldBack(why);
    return RestartAfter(window_.acknowledged(), std::int64_t{refuse.retry_after_ms} * 1000);
  }
  link_.Useless({info == nullptr ? ErrorCode::kInternal : info->code, why});
}

// Sends again from after `acknowledged`, in a while. Several frames in flight may each be
// refused; one wait is enough for all.
void SyncSession::RestartAfter(Sequence acknowledged, std::int64_t wait_us) {
  scheduler_.Cancel(answer_timer_);
  window_.GoBack(acknowledged);
  refill_.GoBack();
  PumpAfter(wait_us);
}

void SyncSession::PumpAfter(std::int64_t wait_us) {
  scheduler_.Cancel(wait_timer_);
  wait_to_send_ = true;
  wait_timer_ = scheduler_.After(wait_us, [this] {
    wait_to_send_ = false;
    if (refill_.under_way()) return OfferOnce();
    Pump();
  });
}

void SyncSession::StopForPerson(ErrorCode reason, const std::string& message) {
  scheduler_.Cancel(answer_timer_);
  scheduler_.Cancel(wait_timer_);
  link_.Close();
  if (listener_ != nullptr) listener_->SessionLost();
  up_topic_.clear();
  Enter(SyncState::kStopped, Error{reason, message}.ToString());
  (void)store_.writer().Submit(
      [this, reason, message]() -> Status {
        EdgeTables& tables = store_.writer_tables();
        EDCSYNC_ASSIGN(Checkpoint checkpoint, tables.checkpoint.Get());
        if (checkpoint.stopped_for == static_cast<std::uint16_t>(reason)) return Ok();
        checkpoint.stopped_for = static_cast<std::uint16_t>(reason);
        checkpoint.stopped_message = message;
        EDCSYNC_TRY(tables.checkpoint.Update(checkpoint));
        AuditEntry entry;
        entry.at = store_.clock().Wall();
        entry.actor = "edge:" + edge_.str();
        entry.action = "sync.stopped";
        entry.object = edge_.str();
        entry.detail = message;
        return tables.audit.Append(std::move(entry));
      },
      [](Status) {});
  wait_timer_ = scheduler_.After(options_.stopped_retry_us, [this] {
    if (status().state == SyncState::kStopped) link_.Open();
  });
}

}  // namespace edcsync::edge
