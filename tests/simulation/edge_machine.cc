#include "tests/simulation/edge_machine.h"

#include "edge-agent/site/endorsement.h"
#include "edge-agent/uplink/endorsement_sender.h"
#include "edge-agent/uplink/new_incarnation.h"
#include "shared/wire/topics.h"

namespace edcsync::simulation {

// In the order of edge-agent/app/agent.cc; destroyed the other way round.
struct EdgeMachine::Process {
  explicit Process(std::uint64_t seed) : random(seed) {}
  SeededRandom random;
  std::unique_ptr<ProcessLoop> loop;
  std::unique_ptr<edge::EdgeStore> store;
  std::unique_ptr<Broker::Client> transport;
  std::unique_ptr<edge::Link> link;
  std::unique_ptr<edge::SyncSession> session;
  std::unique_ptr<edge::FeedApplier> applier;
  std::unique_ptr<edge::FeedPuller> puller;
  std::unique_ptr<edge::EndorsementSender> endorsements;
  std::unique_ptr<edge::Reconciliation> reconciliation;
  std::unique_ptr<edge::Capture> capture;
};

EdgeMachine::EdgeMachine(Surroundings world, std::string name, EdgeId edge, SiteOID site,
                         Identity identity, Certificate gateway)
    : disk(name, world.random.Next()),
      clock(world.clock),
      world_(world),
      name_(std::move(name)),
      edge_(std::move(edge)),
      site_(std::move(site)),
      identity_(std::move(identity)),
      gateway_(std::move(gateway)) {}

EdgeMachine::~EdgeMachine() {
  if (running()) Kill();
}

Status EdgeMachine::Start() {
  CHECK(!running());
  auto process = std::make_unique<Process>(world_.random.Next());
  Process& it = *process;
  edge::EdgeStoreOptions options;
  options.path = kDatabase;
  options.key_file = key_file();
  options.edge = edge_;
  options.site = site_;
  options.vfs = disk.vfs();
  EDCSYNC_ASSIGN(it.store, edge::EdgeStore::Open(options, clock, it.random));
  it.loop = std::make_unique<ProcessLoop>(world_.scheduler,
                                          [store = it.store.get()] { store->writer().Drain(); });
  it.transport = world_.broker.NewClient(name_, *it.loop, line, {wire::DownTopic(edge_)});
  it.transport->dies_at_publish = [this] {
    if (disk.dead()) return true;
    if (dies_at_publish == 0 || --dies_at_publish > 0) return false;
    disk.PowerCut();
    return true;
  };
  it.link = std::make_unique<edge::Link>(edge::LinkOptions{}, *it.transport, *it.loop, it.random);
  it.session = std::make_unique<edge::SyncSession>(edge::SyncOptions{"edge-agent simulated"},
                                                   *it.store, *it.link, *it.loop, identity_.Seal(),
                                                   std::vector{gateway_}, edge_);
  it.applier = std::make_unique<edge::FeedApplier>(*it.store, site_);
  it.puller = std::make_unique<edge::FeedPuller>(
      *it.store, *it.applier, *it.loop,
      [session = it.session.get()](const wire::Pull& pull) { return session->SendFrame(pull); },
      [this] { process_->endorsements->LookAgain(); },
      [session = it.session.get()] { session->Unanswered(); });
  it.endorsements = std::make_unique<edge::EndorsementSender>(
      *it.store, *it.loop, [session = it.session.get()](const wire::Endorsement& endorsement) {
        return session->SendFrame(endorsement);
      });
  it.reconciliation = std::make_unique<edge::Reconciliation>(
      *it.store, *it.applier, *it.loop, *it.loop,
      edge::ReconciliationIdentity{edge_, site_, identity_.Seal(), {gateway_}},
      [session = it.session.get()](const wire::Frame& frame) {
        return session->SendFrame(frame);
      });
  it.session->SetListener(this);
  it.capture = std::make_unique<edge::Capture>(
      *it.store, [session = it.session.get()] { session->Captured(); });
  process_ = std::move(process);
  ++starts;
  Status started = it.session->Start();
  if (!started.ok()) Kill();
  return started;
}

// The disk is dead or about to be: nothing this runs can change what it holds.
void EdgeMachine::EndProcess() {
  if (process_ != nullptr) {
    process_->store->writer().Stop();
    process_->session->Stop();
    process_.reset();
  }
  disk.Restart();
}

void EdgeMachine::Kill() {
  if (!disk.dead()) disk.Kill();
  EndProcess();
}

void EdgeMachine::PowerCut() {
  if (!disk.dead()) disk.PowerCut();
  EndProcess();
}

bool EdgeMachine::EndIfDead() {
  if (!disk.dead()) return false;
  EndProcess();
  return true;
}

CaptureOutcome EdgeMachine::Submit(Submission submission) {
  std::vector<Result<Submission>> one;
  one.emplace_back(std::move(submission));
  CaptureOutcome outcome = process_->capture->SubmitAll(std::move(one)).at(0);
  process_->store->writer().Drain();
  return outcome;
}

std::vector<std::uint64_t> EdgeMachine::Proposals() {
  std::vector<std::uint64_t> waiting;
  (void)process_->store->Read([&](edge::EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const std::vector<edge::ProposalHere> rows, tables.proposals.List(false, 100));
    for (const edge::ProposalHere& row : rows) waiting.push_back(row.proposal_id);
    return Ok();
  });
  return waiting;
}

Status EdgeMachine::Answer(std::uint64_t proposal, bool accepted) {
  const Status answered = edge::AnswerProposal(
      *process_->store, {proposal, accepted, "investigator", accepted ? "" : "not on the source"});
  process_->store->writer().Drain();
  if (answered.ok() && !disk.dead()) process_->endorsements->LookAgain();
  return answered;
}

Status EdgeMachine::SetPaused(bool paused) { return process_->session->SetPaused(paused); }

Status EdgeMachine::BeginNewIncarnation() {
  EDCSYNC_TRY(edge::BeginNewIncarnation(*process_->store));
  process_->session->Reconnect();
  return Ok();
}

void EdgeMachine::SyncNow() { process_->session->SyncNow(); }

std::optional<KnownRevision> EdgeMachine::Current(const RecordKey& key) {
  std::optional<KnownRevision> current;
  (void)process_->store->Read([&](edge::EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const std::optional<RecordRow> record, tables.records.Find(key));
    if (!record) return Ok();
    EDCSYNC_ASSIGN(const std::optional<StoredRevision> row, tables.revisions.Find(record->current));
    if (row) current = row->known;
    return Ok();
  });
  return current;
}

std::optional<edge::Checkpoint> EdgeMachine::Checkpoint() {
  std::optional<edge::Checkpoint> checkpoint;
  (void)process_->store->Read([&](edge::EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(checkpoint, tables.checkpoint.Get());
    return Ok();
  });
  return checkpoint;
}

edge::SyncStatus EdgeMachine::status() const { return process_->session->status(); }
ProcessLoop& EdgeMachine::loop() { return *process_->loop; }

std::string EdgeMachine::Behind(FeedCursor head) {
  if (!running()) return "does not run";
  const edge::SyncStatus now = status();
  if (now.state != edge::SyncState::kLive) {
    return std::string(ToString(now.state)) + ": " + now.last_error;
  }
  std::string behind;
  const Status read = process_->store->Read([&](edge::EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const edge::Checkpoint checkpoint, tables.checkpoint.Get());
    EDCSYNC_ASSIGN(const edge::OutboxTable::Tail tail, tables.outbox.ReadTail());
    if (checkpoint.acknowledged_through == tail.last && checkpoint.feed_cursor == head) {
      EDCSYNC_ASSIGN(const std::optional<edge::ProposalHere> answer,
                     tables.proposals.NextToTell());
      if (answer) behind = "an answer to a proposal is not told";
      return Ok();
    }
    behind = "acknowledged " + std::to_string(checkpoint.acknowledged_through.value()) + " of " +
             std::to_string(tail.last.value()) + ", fed " +
             std::to_string(checkpoint.feed_cursor.value()) + " of " +
             std::to_string(head.value()) + ", " + std::to_string(now.frames_in_flight) +
             " in flight to " + now.gateway.str();
    return Ok();
  });
  return read.ok() ? behind : read.error().ToString();
}

void EdgeMachine::SessionOpened(Epoch epoch, FeedCursor) {
  process_->puller->SessionOpened(epoch);
  process_->endorsements->SessionOpened(epoch);
  process_->reconciliation->SessionOpened(epoch);
}
void EdgeMachine::SessionLost() {
  if (process_ == nullptr) return;
  if (process_->puller != nullptr) process_->puller->SessionLost();
  if (process_->endorsements != nullptr) process_->endorsements->SessionLost();
  if (process_->reconciliation != nullptr) process_->reconciliation->SessionLost();
}
void EdgeMachine::OnNudge() { process_->puller->OnNudge(); }
void EdgeMachine::OnFeed(wire::Feed feed) { process_->puller->OnFeed(std::move(feed)); }
void EdgeMachine::OnEndorsementReceipt(const wire::EndorsementReceipt& receipt) {
  process_->endorsements->OnReceipt(receipt);
}
void EdgeMachine::OnReconcile(wire::Frame frame) {
  process_->reconciliation->OnFrame(std::move(frame));
}

}  // namespace edcsync::simulation
