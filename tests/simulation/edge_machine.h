// One machine of a site: disk, clock and line, and on it the edge agent's process, wired as in
// edge-agent/app/agent.cc. The machine outlives its process: kill -9, power cuts and disk faults
// end the process, and a start begins another on what the disk still holds.
#pragma once

#include "edge-agent/capture/capture.h"
#include "edge-agent/downlink/feed_puller.h"
#include "edge-agent/downlink/reconciliation.h"
#include "edge-agent/uplink/sync_session.h"
#include "tests/simulation/broker.h"
#include "tests/simulation/identity.h"
#include "tests/support/sim_disk.h"

namespace edcsync::simulation {

// What a machine is given of the world around it.
struct Surroundings {
  WorldClock& clock;
  WorldScheduler& scheduler;
  Broker& broker;
  SeededRandom& random;
  std::string folder;  // Of the real file system, for key files only.
};

class EdgeMachine final : public edge::SessionListener {
 public:
  // `name` is the machine's; a clone has its edge's id but a name of its own.
  EdgeMachine(Surroundings world, std::string name, EdgeId edge, SiteOID site, Identity identity,
              Certificate gateway);
  ~EdgeMachine() override;

  const std::string& name() const { return name_; }
  const EdgeId& edge() const { return edge_; }
  const SiteOID& site() const { return site_; }
  std::string key_file() const { return world_.folder + "/" + name_ + ".key"; }
  static constexpr char kDatabase[] = "edge.db";

  // Starts the agent; fails as it does if its database does not open. REQUIRES: not running.
  Status Start();
  bool running() const { return process_ != nullptr; }
  // The process ends as by kill -9; or the machine loses power. The disk is whole again after.
  void Kill();
  void PowerCut();
  // A disk fault that struck as a kill or a power cut inside a handler: carried out here, between
  // two handlers. True if the process ended.
  bool EndIfDead();

  // Through the capture stage. REQUIRES: running, not hanging.
  CaptureOutcome Submit(Submission submission);
  // Proposals that wait for the site's answer; and an answer. REQUIRES: running, not hanging.
  std::vector<std::uint64_t> Proposals();
  Status Answer(std::uint64_t proposal, bool accepted);
  // What `sync pause|resume|new-incarnation|now` do.
  Status SetPaused(bool paused);
  Status BeginNewIncarnation();
  void SyncNow();
  // The record's current revision as the site's front end shows it; nullopt: none, or unreadable.
  std::optional<KnownRevision> Current(const RecordKey& key);

  std::optional<edge::Checkpoint> Checkpoint();  // REQUIRES: running. nullopt: unreadable.
  edge::SyncStatus status() const;  // REQUIRES: running.
  ProcessLoop& loop();              // REQUIRES: running.
  // "" if every revision captured is acknowledged and the feed is applied through `head`; else what
  // is behind.
  std::string Behind(FeedCursor head);

  void SetIdentity(Identity identity) { identity_ = std::move(identity); }  // From the next start.
  const Identity& identity() const { return identity_; }

  testing::SimDisk disk;
  MachineClock clock;
  std::shared_ptr<Broker::Line> line = std::make_shared<Broker::Line>(Broker::Line::kGood);
  // Set: the machine loses power at the n-th publish from now.
  std::uint64_t dies_at_publish = 0;
  std::uint64_t starts = 0;

  void SessionOpened(Epoch epoch, FeedCursor) override;
  void SessionLost() override;
  void OnNudge() override;
  void OnFeed(wire::Feed feed) override;
  void OnEndorsementReceipt(const wire::EndorsementReceipt& receipt) override;
  void OnReconcile(wire::Frame frame) override;

 private:
  struct Process;
  void EndProcess();

  Surroundings world_;
  std::string name_;
  EdgeId edge_;
  SiteOID site_;
  Identity identity_;
  Certificate gateway_;
  std::unique_ptr<Process> process_;
};

}  // namespace edcsync::simulation
