// The gateway's side of every edge's session: opens and checks frames, hands them to the store as
// works, answers after the commit, serves the feed, nudges.
//
//   upstream     shared/transport (frames in)
//   downstream   push_intake.h (works), feed/feed_server.h
//
// A frame that does not fit is refused with a numbered reason, if its sender is known; else it is
// counted and dropped: nobody could be told. Frames of one edge are worked in order of arrival.
//
// Threads: the loop's only. Answers of the store are posted to the loop.
#pragma once

#include <atomic>
#include <map>
#include <memory>

#include "central-gateway/feed/feed_server.h"
#include "central-gateway/intake/edge_directory.h"
#include "central-gateway/intake/push_intake.h"
#include "shared/base/backoff.h"
#include "shared/base/scheduler.h"
#include "shared/base/token_bucket.h"
#include "shared/transport/transport.h"
#include "shared/wire/codec.h"

namespace edcsync::central {

struct GatewaySessionOptions {
  GatewayId gateway;
  wire::Credit credit{limits::kBytesInFlightMax, limits::kFramesInFlightMax};
  double frames_per_second_max = 1000;   // Per edge; the burst is twice that.
  double bytes_per_second_max = 32e6;
  std::int64_t poll_us = 250'000;        // How often registry and feed head are looked at.
};

class GatewaySession {
 public:
  GatewaySession(GatewaySessionOptions options, CentralStore& store, Transport& transport,
                 Scheduler& scheduler, const Clock& clock, Random& random, Sealer sealer,
                 Certificate authority);
  ~GatewaySession();

  // Called on the loop after each change of the registry (the broker's ACL follows it).
  std::function<void(const EdgeDirectory&)> on_registry_changed;

  // Reads the registry and connects; goes on by itself.
  Status Start();
  void Stop();

  struct Figures {
    std::uint64_t frames_in = 0, frames_refused = 0, frames_dropped = 0, bytes_in = 0;
    bool connected = false;
    std::size_t sessions = 0;
  };
  const Figures& figures() const { return figures_; }

 private:
  struct Peer {
    std::optional<TokenBucket> frames;
    std::optional<TokenBucket> bytes;
    std::optional<std::size_t> certificate;  // Which of the edge's signed last.
    Epoch epoch;                             // 0: no session with this gateway.
    Incarnation incarnation;
    FeedCursor seen;                         // Nothing of interest up to here.
    bool nudged = false;
  };

  void Connect();
  void OnMessage(Message message);
  void Handle(const EdgeEntry& entry, Peer& peer, wire::Frame frame);
  void HandleHello(const EdgeEntry& entry, const wire::Hello& hello);
  void HandlePush(const EdgeEntry& entry, wire::Push push);
  void HandleOffer(const EdgeEntry& entry, wire::Offer offer);
  void HandleEndorsement(const EdgeEntry& entry, wire::Endorsement endorsement);
  Result<bool> IsBound(const EdgeId& edge, Epoch epoch);  // In the store, by now.
  void HandlePull(const EdgeEntry& entry, Peer& peer, const wire::Pull& pull);
  // What an edge may have in flight, by what waits here: the centre slows, it never drops.
  wire::Credit CreditNow() const;
  // `bytes`: the memory the work holds while it waits.
  void SubmitWork(const EdgeId& edge, Epoch epoch, std::size_t bytes,
                  std::function<Result<Answer>(CentralWriter&)> work);
  void Deliver(const EdgeId& edge, Epoch epoch, Status committed, Result<Answer> answer);
  void Refuse(const EdgeId& edge, ErrorCode reason, std::string message, Epoch epoch,
              std::int64_t retry_after_us);
  void Send(const EdgeId& edge, const wire::Frame& frame);
  Result<wire::Frame> Open(const EdgeEntry& entry, Peer& peer, BytesView bytes);
  void Poll();
  void NudgeAll();
  SessionContext ContextOf(const EdgeEntry& entry) const;

  GatewaySessionOptions options_;
  CentralStore& store_;
  Transport& transport_;
  Scheduler& scheduler_;
  const Clock& clock_;
  Sealer sealer_;
  EdgeDirectory directory_;
  RegistryCache registry_;
  FeedServer feed_;
  Backoff reconnect_;
  Figures figures_;
  std::map<EdgeId, Peer> peers_;
  std::size_t queued_bytes_ = 0;   // Of memory, by estimate, of opened frames that wait.
  std::size_t queued_frames_ = 0;
  Scheduler::TimerId poll_timer_ = 0;
  Scheduler::TimerId connect_timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace edcsync::central
