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
#include "central-gateway/intake/load_shedding.h"
#include "central-gateway/intake/intake_telemetry.h"
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
  // Asked before revisions are taken in (shared/base/disk_guard.h); may be empty.
  std::function<Status()> may_take = {};
  IntakeTelemetry* telemetry = nullptr;  // Outlives the session; nullptr: none.
};

// As whom the centre speaks and whose certificates it takes. An edge is answered under the identity
// that it sealed to: it may not know a later one yet.
struct Credentials {
  std::vector<Sealer> identities;        // The present one first, then earlier ones.
  std::vector<Certificate> authorities;
};

class GatewaySession {
 public:
  GatewaySession(GatewaySessionOptions options, CentralStore& store, Transport& transport,
                 Scheduler& scheduler, const Clock& clock, Random& random,
                 Credentials credentials);
  ~GatewaySession();

  // Called on the loop after each change of the registry (the broker's ACL follows it).
  std::function<void(const EdgeDirectory&)> on_registry_changed;

  // Called on the loop with each Comparison and Return of an edge's session here, and its size as
  // sent: central-gateway/reconcile.
  std::function<void(const EdgeEntry&, wire::Frame, std::size_t bytes)> on_reconcile;
  // The epoch of the edge's session here; nullopt if it has none.
  std::optional<Epoch> EpochOf(const EdgeId& edge) const;
  // Sends a frame of that session. Returns its size as sent, 0 if it could not be sent: lost frames are
  // asked for again.
  std::size_t Send(const EdgeId& edge, const wire::Frame& frame) { return Send(edge, frame, ""); }

  // Reads the registry and connects; goes on by itself.
  Status Start();
  void Stop();
  // What a rotation left. Sessions go on: the frame at hand says which identity an edge knows.
  void SetCredentials(Credentials credentials);

  struct Figures {
    std::uint64_t frames_in = 0, frames_refused = 0, frames_dropped = 0, bytes_in = 0;
    bool connected = false;
    std::size_t sessions = 0;
    std::size_t queued_frames = 0, queued_bytes = 0;  // Opened, not answered; by estimate.
    // Frames to be sent again later: the commit is behind, more came than agreed, no room.
    std::uint64_t put_off_behind = 0, put_off_rate = 0, put_off_disk = 0;
    std::uint64_t receipts_reduced = 0;  // Gave less credit than the full one.
    std::int64_t commit_lag_us = 0;      // LoadShedding::lag_us.
    wire::Credit credit;                 // What a receipt would give now.
  };
  Figures figures() const;

 private:
  struct Peer {
    std::optional<TokenBucket> frames;
    std::optional<TokenBucket> bytes;
    std::optional<Certificate> certificate;  // Of the edge's, that which signed last.
    std::string identity;                    // Serial of that of ours to which it sealed.
    Epoch epoch;                             // 0: no session with this gateway.
    Incarnation incarnation;
    FeedCursor seen;                         // Nothing of interest up to here.
    bool nudged = false;
  };

  void Connect();
  void OnMessage(Message message);
  void Handle(const EdgeEntry& entry, Peer& peer, wire::Frame frame, std::size_t bytes,
              const std::string& trace_parent);
  void HandleHello(const EdgeEntry& entry, const wire::Hello& hello);
  void HandlePush(const EdgeEntry& entry, wire::Push push, const std::string& trace_parent);
  void HandleOffer(const EdgeEntry& entry, wire::Offer offer, const std::string& trace_parent);
  void HandleEndorsement(const EdgeEntry& entry, wire::Endorsement endorsement,
                         const std::string& trace_parent);
  Result<bool> IsBound(const EdgeId& edge, Epoch epoch);  // In the store, by now.
  void HandlePull(const EdgeEntry& entry, Peer& peer, const wire::Pull& pull,
                  const std::string& trace_parent);
  // nullptr if nobody is told.
  std::shared_ptr<IntakeTelemetry::Frame> BeginFrame(const char* name, const EdgeEntry& entry,
                                                     const std::string& trace_parent);
  // True, and the edge is told, if the disk has no room for more.
  bool RefusedForRoom(const EdgeId& edge, Epoch epoch);
  // `bytes`: the memory the work holds while it waits. `telemetry` may be nullptr.
  void SubmitWork(const EdgeId& edge, Epoch epoch, std::size_t bytes,
                  std::function<Result<Answer>(CentralWriter&)> work,
                  std::shared_ptr<IntakeTelemetry::Frame> telemetry);
  // `trace_parent` goes beside the answer, if it is not empty.
  void Deliver(const EdgeId& edge, Epoch epoch, Status committed, Result<Answer> answer,
               const std::string& trace_parent = "");
  void Refuse(const EdgeId& edge, ErrorCode reason, std::string message, Epoch epoch,
              std::int64_t retry_after_us, const std::string& trace_parent = "");
  std::size_t Send(const EdgeId& edge, const wire::Frame& frame, const std::string& trace_parent);
  void HandleReconcile(const EdgeEntry& entry, Peer& peer, wire::Frame frame, std::size_t bytes);
  void RefuseUnopened(const EdgeEntry& entry, const Peer& peer, const Error& why,
                      const std::string& trace_parent);
  Result<wire::Frame> Open(const EdgeEntry& entry, Peer& peer, BytesView bytes);
  Result<wire::Frame> OpenOnce(const EdgeEntry& entry, Peer& peer, BytesView bytes);
  const Sealer& IdentityFor(const Peer& peer) const;
  void Poll();
  void NudgeAll();
  SessionContext ContextOf(const EdgeEntry& entry) const;

  GatewaySessionOptions options_;
  CentralStore& store_;
  Transport& transport_;
  Scheduler& scheduler_;
  const Clock& clock_;
  std::vector<Sealer> identities_;
  EdgeDirectory directory_;
  RegistryCache registry_;
  FeedServer feed_;
  Backoff reconnect_;
  Figures figures_;
  std::map<EdgeId, Peer> peers_;
  std::size_t queued_bytes_ = 0;   // Of memory, by estimate, of opened frames that wait.
  std::size_t queued_frames_ = 0;
  bool registry_changed_ = false;  // Read anew since on_registry_changed was called last.
  LoadShedding load_;
  Scheduler::TimerId poll_timer_ = 0;
  Scheduler::TimerId connect_timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace edcsync::central
