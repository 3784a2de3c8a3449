// The edge's side of the session: says Hello, pushes the outbox in order within the gateway's
// credit, settles it by receipts, goes back where it is told, stops where a person must decide.
// Nothing here waits on a person, and nothing leaves the outbox but by receipt.
//
//   upstream     edge-agent/store/outbox_table.h (read), edge-agent/capture (wakes)
//   downstream   edge-agent/uplink/link.h
//   beside       what a SessionListener hands on
//
// In two files: session_opening.cc until the session is live, sync_session.cc from then on.
//
// Threads: the loop's, unless said otherwise.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "edge-agent/store/edge_store.h"
#include "edge-agent/uplink/centre_refill.h"
#include "edge-agent/uplink/link.h"
#include "edge-agent/uplink/push_window.h"
#include "edge-agent/uplink/uplink_telemetry.h"
#include "shared/wire/codec.h"

namespace edcsync::edge {

struct SyncOptions {
  std::string release;
  std::int64_t answer_timeout_us = 10'000'000;  // Receipts, and the last Hello of a connection.
  // A Hello said before a gateway listens is lost: said again after this, then twice this, and
  // so on up to answer_timeout_us; only then is the connection of no use.
  std::int64_t first_hello_timeout_us = 1'000'000;
  std::int64_t stopped_retry_us = 300'000'000;  // A person may have decided meanwhile.
  UplinkTelemetry* telemetry = nullptr;         // Outlives the session; nullptr: none.
};

enum class SyncState : std::uint8_t { kPaused, kOffline, kGreeting, kLive, kStopped };
std::string_view ToString(SyncState state);

struct SyncStatus {
  SyncState state = SyncState::kOffline;
  WallTime since;                  // Of this state.
  std::string last_error;          // Why not live; empty if live.
  // While live: why the centre takes nothing just now (its disk is full, its commit is behind), and
  // since when; empty if it takes what comes. Tried again by itself.
  std::string held_back;
  WallTime held_back_since;
  std::string breaker = "closed";
  Epoch epoch;
  GatewayId gateway;
  std::size_t frames_in_flight = 0;
  std::uint64_t frames_sent = 0, bytes_sent = 0, revisions_sent = 0;
};

// What the session hands to those beside it: edge-agent/downlink/feed_puller.h,
// reconciliation.h, edge-agent/uplink/endorsement_sender.h.
class SessionListener {
 public:
  virtual ~SessionListener() = default;
  virtual void SessionOpened(Epoch epoch, FeedCursor feed_head) = 0;
  virtual void SessionLost() = 0;
  virtual void OnNudge() = 0;
  virtual void OnFeed(wire::Feed feed) = 0;
  virtual void OnEndorsementReceipt(const wire::EndorsementReceipt& receipt) = 0;
  virtual void OnReconcile(wire::Frame) {}  // A Compare, Redelivery or Settlement.
};

class SyncSession {
 public:
  SyncSession(SyncOptions options, EdgeStore& store, Link& link, Scheduler& scheduler,
              Sealer sealer, std::vector<Certificate> gateways, EdgeId edge);
  ~SyncSession();

  void SetListener(SessionListener* listener) { listener_ = listener; }

  // Reads the checkpoint and opens the link unless paused. Goes on by itself.
  Status Start();
  void Stop();

  // --- any thread ---
  void Captured();                   // The outbox has grown.
  Status SetPaused(bool paused);     // Durable; not from the store's writer.
  void SyncNow();                    // Tries at once, also when stopped for a person.
  void Reconnect();                  // Begins a new session (after a new incarnation).
  // A renewed certificate of ours, or of the gateway (those it may answer with, the newest first):
  // used from a new session on. What was in flight is sent again in it.
  void SetCredentials(Sealer sealer, std::vector<Certificate> gateways);
  // Stops until a person acts, as when a gateway refuses this edge; told otherwise than by a frame.
  void StopFor(const Error& why);
  SyncStatus status() const;

  // The downlink asked and no gateway answered: begins anew, by Hello, with one that does.
  void Unanswered();
  // Sends a frame of the downlink; kNotConnected without a session. `record`: the one that it is of,
  // or nullptr.
  Status SendFrame(const wire::Frame& frame, const RecordKey* record = nullptr);

 private:
  ExchangeTelemetry* Exchanges() const {
    return options_.telemetry == nullptr ? nullptr : options_.telemetry->exchanges();
  }
  void Post(std::function<void()> handler);
  void OnLinkUp();
  void OnLinkDown(const Error& why);
  void OnMessage(Message message);
  Result<wire::Frame> Open(BytesView bytes);
  void SayHello(bool chain_differs);
  void HelloUnanswered();
  void OnWelcome(const wire::Welcome& welcome);
  Status TakeWelcome(const wire::Welcome& welcome);
  void OnReceipt(const wire::Receipt& receipt);
  void Settle();
  // `trace_id`: of the frame refused, if it is known.
  void OnRefuse(const wire::Refuse& refuse, const std::string& trace_id);
  void StopForPerson(ErrorCode reason, const std::string& message);
  void Pump();
  Result<bool> PushOnce();
  void OfferOnce();
  void RestartAfter(Sequence acknowledged, std::int64_t wait_us);
  void PumpAfter(std::int64_t wait_us);
  void ArmAnswerTimer();
  void NoAnswer();
  void Enter(SyncState state, const std::string& error);
  void HeldBack(const std::string& why);  // Empty: no longer.
  Result<bool> ChainFits(Sequence sequence, const Digest& chain);

  SyncOptions options_;
  EdgeStore& store_;
  Link& link_;
  Scheduler& scheduler_;
  Sealer sealer_;
  std::vector<Certificate> gateways_;  // Sealed to the first; any of them may answer.
  EdgeId edge_;
  SessionListener* listener_ = nullptr;

  PushWindow window_;
  std::uint64_t hello_id_ = 0;
  std::string up_topic_;
  bool reported_difference_ = false;
  std::int64_t hello_timeout_us_ = 0;  // Of the Hello said last.
  bool wait_to_send_ = false;        // Told to come back later.
  CentreRefill refill_;
  std::optional<wire::Receipt> unsettled_;  // What receipts have said, until it is stored.
  bool settling_ = false;
  Scheduler::TimerId settle_timer_ = 0;
  Scheduler::TimerId answer_timer_ = 0;
  Scheduler::TimerId wait_timer_ = 0;
  std::atomic<bool> wake_posted_{false};

  mutable std::mutex status_mutex_;
  SyncStatus status_;
  std::shared_ptr<std::atomic<bool>> alive_ = std::make_shared<std::atomic<bool>>(true);
};

}  // namespace edcsync::edge
