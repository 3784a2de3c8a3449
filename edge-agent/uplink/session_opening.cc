// How a session of SyncSession begins: Hello, Welcome, and, if the centre was restored, the offer of
// what it forgot.
#include <algorithm>

#include "edge-agent/uplink/sync_session.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/wire/topics.h"

namespace edcsync::edge {
namespace {

// Stands for the history of a centre that came back with less than it had, under its old history
// id, until it was offered everything: so a session that breaks off begins the offer again.
constexpr HistoryId kHistoryInDoubt{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

// What a centre forgot of locks and conflicts must not bind the site: the feed tells today's.
Status ForgetCentresView(EdgeTables& tables) {
  EDCSYNC_ASSIGN(const std::vector<Lock> locks, tables.locks.List());
  for (const Lock& lock : locks) EDCSYNC_TRY(tables.locks.Clear(lock));
  EDCSYNC_ASSIGN(const std::uint64_t count, tables.conflicts.Count());
  EDCSYNC_ASSIGN(const std::vector<OpenConflict> conflicts, tables.conflicts.List(count));
  for (const OpenConflict& open : conflicts) {
    EDCSYNC_TRY(tables.conflicts.Remove(open.record_key));
  }
  return tables.proposals.EndAllWaiting();
}

}  // namespace

// True if the outbox has this chain through `sequence`. An outbox that cannot be read is a failure
// and proves nothing: only one that ends before it, or has another chain, differs.
Result<bool> SyncSession::ChainFits(Sequence sequence, const Digest& chain) {
  bool fits = false;
  const Status read = store_.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const Digest here, tables.outbox.ChainAt(sequence));
    fits = here == chain;
    return Ok();
  });
  if (!read.ok() && read.error().code != ErrorCode::kNotFound) {
    return tl::unexpected<Error>(read.error());
  }
  return fits;
}

void SyncSession::SayHello(bool chain_differs) {
  wire::Hello hello;
  hello_id_ = store_.random().Next();
  hello.hello_id = hello_id_;
  hello.release = options_.release;
  hello.edge_time = store_.clock().Wall();
  hello.chain_differs = chain_differs;
  const Status read = store_.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const Checkpoint checkpoint, tables.checkpoint.Get());
    EDCSYNC_ASSIGN(const OutboxTable::Tail tail, tables.outbox.ReadTail());
    hello.incarnation = checkpoint.incarnation;
    hello.next_sequence = tail.last.Next();
    hello.acknowledged_through = checkpoint.acknowledged_through;
    hello.history = checkpoint.history;
    hello.feed_cursor = checkpoint.feed_cursor;
    EDCSYNC_ASSIGN(hello.acknowledged_chain,
                   tables.outbox.ChainAt(checkpoint.acknowledged_through));
    return Ok();
  });
  if (!read.ok()) return link_.Useless(read.error());
  up_topic_.clear();
  refill_.Cancel();
  Result<Bytes> sealed = wire::SealFrame(hello, sealer_, gateways_.front());
  if (!sealed.ok()) return link_.Useless(sealed.error());
  Enter(SyncState::kGreeting, "Waiting for the gateway's welcome");
  const Status sent = link_.Send(
      wire::HelloTopic(edge_), *sealed, /*retained=*/false,
      [alive = alive_, this, id = hello_id_](Status confirmed) {
        if (!*alive || confirmed.ok() || id != hello_id_) return;
        link_.Useless(confirmed.error());  // Refused by the broker: no use in waiting.
      });
  if (!sent.ok()) return link_.Useless(sent.error());
  scheduler_.Cancel(answer_timer_);
  answer_timer_ = scheduler_.After(hello_timeout_us_, [this] { HelloUnanswered(); });
}

void SyncSession::HelloUnanswered() {
  if (hello_timeout_us_ >= options_.answer_timeout_us) return NoAnswer();
  hello_timeout_us_ = std::min(hello_timeout_us_ * 2, options_.answer_timeout_us);
  SayHello(reported_difference_);
}

void SyncSession::OnWelcome(const wire::Welcome& welcome) {
  if (welcome.hello_id != hello_id_ || hello_id_ == 0) return;  // An answer to an older Hello.
  hello_id_ = 0;
  scheduler_.Cancel(answer_timer_);
  const Result<bool> fits = ChainFits(welcome.acknowledged_through, welcome.acknowledged_chain);
  if (!fits.ok()) return link_.Useless(fits.error());
  if (!*fits) {
    Log(LogLevel::kError, "outbox.differs_from_centre",
        {{"acknowledged_through", welcome.acknowledged_through.value()}});
    if (reported_difference_) {
      return StopForPerson(ErrorCode::kIncarnationMismatch,
                           "This database is not the one the centre knows");
    }
    reported_difference_ = true;
    return SayHello(/*chain_differs=*/true);  // The gateway suspends the edge and tells a person.
  }
  const Status taken = TakeWelcome(welcome);
  if (!taken.ok()) return link_.Useless(taken.error());
  link_.Proven();
  up_topic_ = wire::UpTopic(welcome.gateway, edge_);
  window_.Restart(welcome.acknowledged_through);
  window_.SetCredit(welcome.credit);
  wait_to_send_ = false;
  {
    std::lock_guard lock(status_mutex_);
    status_.epoch = welcome.epoch;
    status_.gateway = welcome.gateway;
  }
  Enter(SyncState::kLive, "");
  if (listener_ != nullptr) listener_->SessionOpened(welcome.epoch, welcome.feed_head);
  if (refill_.under_way()) return OfferOnce();
  Pump();
}

// Makes durable what the Welcome says of both directions.
Status SyncSession::TakeWelcome(const wire::Welcome& welcome) {
  const WallTime now = store_.clock().Wall();
  bool restored = false;
  EDCSYNC_TRY(store_.writer().Run([&]() -> Status {
    EdgeTables& tables = store_.writer_tables();
    EDCSYNC_ASSIGN(Checkpoint checkpoint, tables.checkpoint.Get());
    const bool new_history = checkpoint.history != welcome.history;
    restored = (new_history && checkpoint.history != HistoryId()) ||
               checkpoint.feed_cursor > welcome.feed_head ||
               checkpoint.acknowledged_through > welcome.acknowledged_through;
    // The old history stands until everything was offered, so that a crash begins it again.
    if (new_history && !restored) checkpoint.history = welcome.history;
    if (restored) {
      if (!new_history) checkpoint.history = kHistoryInDoubt;
      checkpoint.feed_cursor = FeedCursor();
      EDCSYNC_TRY(ForgetCentresView(tables));
    }
    checkpoint.acknowledged_through = welcome.acknowledged_through;
    checkpoint.clock_drift_ms = now.ms - welcome.server_time.ms;
    checkpoint.last_contact = now;
    checkpoint.stopped_for = 0;
    checkpoint.stopped_message.clear();
    return tables.checkpoint.Update(checkpoint);
  }));
  if (restored) {
    Log(LogLevel::kWarn, "centre.restored", {{"feed_head", welcome.feed_head.value()}});
    refill_.Begin(welcome.history);
  }
  return Ok();
}

// Gives a restored centre the next page of what it forgot.
void SyncSession::OfferOnce() {
  const Result<std::optional<wire::Offer>> offer = refill_.Next(status().epoch);
  if (!offer.ok()) return link_.Useless(offer.error());
  if (!offer->has_value()) return Pump();
  const Status sent = SendFrame(**offer);
  if (!sent.ok()) return link_.Useless(sent.error());
  ArmAnswerTimer();
}

}  // namespace edcsync::edge
