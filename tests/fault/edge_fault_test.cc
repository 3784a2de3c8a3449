#include "edge-agent/downlink/feed_applier.h"
#include "edge-agent/uplink/sync_session.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/revision_id.h"
#include "shared/wire/topics.h"
#include "tests/fault/edge_fault_world.h"
#include "tests/support/fake_network.h"
#include "tests/support/virtual_scheduler.h"

namespace edcsync::edge {
namespace {

using testing::EveryCall;

class CaptureWorld : public EdgeFaultWorld {
 public:
  using EdgeFaultWorld::EdgeFaultWorld;
  Status Operate() override { return Capture({PulseOf("S2", "90"), PulseOf("S9", "91")}); }
};

TEST_F(EdgeFault, ACaptureIsWholeOrNotThereWhateverCallFails) {
  EveryCall(Make<CaptureWorld>(), Begin()).Run();
}

TEST_F(EdgeFault, AfterAKillTheStoreIsOpenedAndTakesACaptureWhateverCallFails) {
  testing::SimDisk::Files killed;  // Its log waits to be read.
  Begin([&](EdgeFaultWorld& world) { killed = world.disk().Copy(); });
  EveryCall(Make<testing::FromItsStart<CaptureWorld>>(), killed).Run();
}

// A page with a bit of everything the feed tells.
class FeedWorld final : public EdgeFaultWorld {
 public:
  using EdgeFaultWorld::EdgeFaultWorld;

  Status Open() override {
    EDCSYNC_TRY(EdgeFaultWorld::Open());
    return store_->Read([&](EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(const auto first, tables.outbox.Read(Sequence(), {1, 1}));
      first_ = first.at(0);
      return Ok();
    });
  }

  Status Operate() override {
    Status applied = Fail(ErrorCode::kInternal, "not run");
    FeedApplier applier(*store_, SiteOID("SITE.702"));
    EDCSYNC_TRY(applier.Apply(Page(), [&](Status status) { applied = std::move(status); }));
    store_->writer().Drain();
    return applied;
  }

 private:
  wire::FeedEntry At(std::uint64_t cursor, wire::FeedKind kind) {
    wire::FeedEntry entry;
    entry.cursor = FeedCursor(cursor);
    entry.kind = kind;
    return entry;
  }
  wire::FeedEntry At(std::uint64_t cursor, const std::string& subject, const RevisionId* parent) {
    Revision revision;
    revision.key = PulseOf(subject, "").key;
    revision.site = SiteOID("SITE.702");
    revision.origin = Origin::kOnline;
    revision.edited_at = {clock_.Wall().ms, 0};
    revision.items = PulseOf(subject, "99").items;
    if (parent != nullptr) {
      revision.version = 2;
      revision.parents = {*parent};
    }
    wire::FeedEntry entry = At(cursor, wire::FeedKind::kRevision);
    entry.revision = EncodeRevision(revision);
    return entry;
  }
  wire::Feed Page() {
    const RevisionId unknown{Sha256(AsBytes("not here yet"))};
    wire::FeedEntry conflict = At(4, wire::FeedKind::kConflict);
    conflict.conflict.conflict_id = 7;
    conflict.conflict.key = PulseOf("S1", "").key;
    wire::FeedEntry lock = At(5, wire::FeedKind::kLock);
    lock.lock.scope = wire::LockScope::kSubject;
    lock.lock.study = StudyOID("CDISCPILOT01");
    lock.lock.subject = SubjectKey("S3");
    wire::FeedEntry quarantine = At(6, wire::FeedKind::kQuarantine);
    quarantine.quarantine.revision = first_.id;
    wire::Feed feed;
    feed.entries = {At(1, "S1", &first_.id), At(2, "S8", nullptr), At(3, "S8", &unknown),
                    conflict, lock, quarantine};
    feed.next = FeedCursor(9);
    return feed;
  }

  QueuedRevision first_;
};

TEST_F(EdgeFault, APageOfTheFeedIsAppliedWhollyWithItsCursorOrNotAtAll) {
  EveryCall(Make<FeedWorld>(), Begin()).Run();
}

// Three callers who share a commit; the second is refused.
class GroupWorld final : public EdgeFaultWorld {
 public:
  using EdgeFaultWorld::EdgeFaultWorld;

  Status Operate() override {
    told_done_.clear();
    for (const std::string subject : {"S1", "refused", "S3"}) {
      const auto work = [this, subject]() -> Status {
        EDCSYNC_TRY(store_->writer_tables().locks.Set({3, StudyOID("CDISCPILOT01"), subject}));
        if (subject != "refused") return Ok();
        return Fail(ErrorCode::kLocked, "refused");
      };
      EDCSYNC_TRY(store_->writer().Submit(work, [this, subject](const Status& status) {
        if (status.ok()) told_done_.push_back(subject);
      }));
    }
    store_->writer().Drain();
    if (told_done_.size() == 2) return Ok();
    return Fail(ErrorCode::kIo, std::to_string(told_done_.size()) + " of 2 done");
  }

  std::string Look() override {
    std::string seen =
        testing::LookAt(disk_, kEdgePath, {"SELECT object FROM lock ORDER BY object"});
    for (const std::string& subject : told_done_) {
      if (seen.find(subject) == std::string::npos) seen += "LOST " + subject;
    }
    return seen;
  }
  // Where SQLite drops the group's transaction, those after it are done in another.
  bool IsBetween(const std::string& look) override {
    return look.find("lock=1 ") != std::string::npos &&
           (look.ends_with("\n  S1 ") || look.ends_with("\n  S3 "));
  }

 private:
  std::vector<std::string> told_done_;
};

TEST_F(EdgeFault, CallersWhoShareACommitAreEachToldTheTruthWhateverCallFails) {
  EveryCall(Make<GroupWorld>(), Begin()).Run();
}

struct Identity {
  PrivateKey key;
  Certificate certificate;
  Sealer Seal() const { return *Sealer::Create(key, certificate); }
};

// Keys are slow to make: once for all worlds.
struct Identities {
  Identities() {
    SeededRandom random(5);
    const ManualClock clock;
    CertificateAuthority authority =
        *CertificateAuthority::Create("test CA", clock.Wall(), 3650, random);
    const auto issue = [&](const std::string& name, const std::string& site) {
      CertificateAuthority::Request request;
      request.common_name = name;
      request.organizational_unit = site;
      request.purpose = site.empty() ? CertificateAuthority::Purpose::kGateway
                                     : CertificateAuthority::Purpose::kEdge;
      request.not_before = clock.Wall();
      request.valid_days = 365;
      PrivateKey key = *PrivateKey::Generate();
      Certificate certificate = *authority.Issue(key, request, random);
      return Identity{std::move(key), std::move(certificate)};
    };
    gateway.emplace(issue("gateway", ""));
    edge.emplace(issue("kisumu-1", "SITE.702"));
  }
  std::optional<Identity> gateway, edge;
};

const Identities& TheIdentities() {
  static const Identities identities;
  return identities;
}

// A gateway that takes all it is sent, remembers nothing from one session to the next, and calls
// sequence 2 quarantined.
class Centre {
 public:
  Centre(testing::FakeBroker& broker, testing::VirtualScheduler& scheduler)
      : client_(broker.NewClient({wire::SharedHelloFilter(), wire::UpFilter(GatewayId("g1"))})),
        sealer_(TheIdentities().gateway->Seal()) {
    TransportEvents events;
    events.connected = [] {};
    events.disconnected = [](const Error&) {};
    events.message = [this](const Message& message) { Take(message); };
    client_->Listen(std::move(events));
    client_->Connect();
    scheduler.RunFor(10'000);
  }

 private:
  void Take(const Message& message) {
    const Result<wire::Frame> frame =
        wire::OpenFrame(message.payload, sealer_, TheIdentities().edge->certificate);
    ASSERT_TRUE(frame.ok()) << frame.error().ToString();
    if (const auto* hello = std::get_if<wire::Hello>(&*frame)) {
      through_ = hello->acknowledged_through;
      chain_ = hello->acknowledged_chain;
      wire::Welcome welcome;
      welcome.hello_id = hello->hello_id;
      welcome.epoch = Epoch(1);
      welcome.gateway = GatewayId("g1");
      welcome.acknowledged_through = through_;
      welcome.acknowledged_chain = chain_;
      welcome.credit = {1 << 20, 8};
      welcome.server_time = hello->edge_time;
      welcome.history.bytes.fill(1);
      return Say(welcome);
    }
    const auto* push = std::get_if<wire::Push>(&*frame);
    if (push == nullptr || push->first_sequence != through_.Next()) return;
    wire::Receipt receipt;
    receipt.epoch = Epoch(1);
    receipt.credit = {1 << 20, 8};
    for (const Bytes& revision : push->revisions) {
      through_ = through_.Next();
      chain_ = ChainDigest(chain_, IdOf(revision).view());
      if (through_ == Sequence(2)) {
        receipt.exceptions.push_back({through_, Outcome::kQuarantined,
                                      static_cast<std::uint16_t>(ErrorCode::kLocked)});
      }
    }
    receipt.acknowledged_through = through_;
    receipt.acknowledged_chain = chain_;
    Say(receipt);
  }
  void Say(const wire::Frame& frame) {
    const Result<Bytes> sealed =
        wire::SealFrame(frame, sealer_, TheIdentities().edge->certificate);
    ASSERT_TRUE(sealed.ok());
    ASSERT_TRUE(client_->Publish(wire::DownTopic(EdgeId("kisumu-1")), *sealed, false,
                                 [](Status) {}).ok());
  }

  std::unique_ptr<testing::FakeBroker::Client> client_;
  Sealer sealer_;
  Sequence through_;
  Digest chain_{};
};

// A whole session, from the connection until the outbox is settled.
class SettleWorld final : public EdgeFaultWorld {
 public:
  using EdgeFaultWorld::EdgeFaultWorld;

  Status Operate() override {
    testing::VirtualClock clock;
    testing::VirtualScheduler scheduler(clock);
    testing::FakeBroker broker(scheduler, 1);
    Centre centre(broker, scheduler);
    const auto client = broker.NewClient({wire::DownTopic(options_.edge)});
    Link link({}, *client, scheduler, random_);
    SyncSession session({"edge-agent test"}, *store_, link, scheduler,
                        TheIdentities().edge->Seal(), {TheIdentities().gateway->certificate},
                        options_.edge);
    scheduler.after_each.push_back([this] { store_->writer().Drain(); });
    EDCSYNC_TRY(session.Start());
    const bool settled = scheduler.RunUntil([&] { return Settled(); }, 15'000'000);
    session.Stop();
    if (!settled) return Fail(ErrorCode::kTimeout, "not settled");
    return Ok();
  }

 private:
  bool Settled() {
    bool settled = false;
    const Status read = store_->Read([&](EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(const Checkpoint checkpoint, tables.checkpoint.Get());
      settled = checkpoint.acknowledged_through == Sequence(4);
      return Ok();
    });
    return read.ok() && settled;
  }
};

TEST_F(EdgeFault, AReceiptSettlesTheOutboxWithItsOutcomesOrNotAtAll) {
  EveryCall(Make<SettleWorld>(), Begin()).Run();
}

}  // namespace
}  // namespace edcsync::edge
