// A whole world on one thread in virtual time: a central store, gateways, edges of one site, and
// a broker between them that loses and repeats. The product's own stages on real databases; only
// broker, time and randomness are the test's.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "central-gateway/desk/conflict_desk.h"
#include "central-gateway/intake/gateway_session.h"
#include "central-gateway/store/sqlite_central_store.h"
#include "edge-agent/capture/capture.h"
#include "edge-agent/downlink/feed_puller.h"
#include "edge-agent/uplink/sync_session.h"
#include "shared/base/check.h"
#include "shared/wire/topics.h"
#include "tests/support/fake_network.h"
#include "tests/support/virtual_scheduler.h"

namespace edcsync::testing {

inline constexpr char kSite[] = "SITE.702";

inline void ExpectOk(const Status& status) {
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().ToString());
}
template <class T>
T Must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().ToString());
  CHECK(result.ok());
  return std::move(*result);
}

inline Submission PulseOf(const std::string& subject, const std::string& value) {
  Submission submission;
  submission.key = {StudyOID("CDISCPILOT01"), SubjectKey(subject), StudyEventOID("SE.WEEK_2"),
                    RepeatKey("1"),           FormOID("F.VS"),     RepeatKey("1")};
  submission.site = SiteOID(kSite);
  submission.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.VS.PULSE")] = value;
  submission.user = "achieng";
  submission.reason_for_change = "read again";
  return submission;
}

struct Identity {
  PrivateKey key;
  Certificate certificate;
  Sealer Seal() const { return Must(Sealer::Create(key, certificate)); }
};

class SyncWorld;

// One edge: store, capture and synchronisation, wired as in edge-agent/app/agent.cc.
class EdgeNode final : public edge::FeedListener {
 public:
  EdgeNode(SyncWorld& world, const std::string& name);
  ~EdgeNode() override { session->Stop(); }

  CaptureOutcome Submit(const std::string& subject, const std::string& value);
  // Everything captured is acknowledged, everything fed is applied.
  bool Settled(FeedCursor head);

  void SessionOpened(Epoch epoch, FeedCursor) override { puller->SessionOpened(epoch); }
  void SessionLost() override { puller->SessionLost(); }
  void OnNudge() override { puller->OnNudge(); }
  void OnFeed(wire::Feed feed) override { puller->OnFeed(std::move(feed)); }

  EdgeId name;
  SeededRandom random;
  std::unique_ptr<edge::EdgeStore> store;
  std::unique_ptr<FakeBroker::Client> transport;
  std::unique_ptr<edge::Link> link;
  std::unique_ptr<edge::SyncSession> session;
  std::unique_ptr<edge::FeedApplier> applier;
  std::unique_ptr<edge::FeedPuller> puller;
  std::unique_ptr<edge::Capture> capture;
  std::vector<RevisionId> captured;
};

struct GatewayNode {
  std::unique_ptr<FakeBroker::Client> transport;
  std::unique_ptr<central::GatewaySession> session;
  ~GatewayNode() { session->Stop(); }
};

class SyncWorld {
 public:
  explicit SyncWorld(std::uint64_t seed);
  ~SyncWorld();

  Identity Issue(const std::string& name, const std::string& site);
  std::unique_ptr<GatewayNode> StartGateway(const std::string& name);
  EdgeNode& AddEdge(const std::string& name);
  central::SqliteCentralStoreOptions StoreOptions(const std::string& file) const;
  std::string PathOf(const std::string& file) const { return folder + "/" + file; }
  // Runs until every edge has sent and received everything.
  bool Settle(std::int64_t us_max = 900'000'000);
  // Invariants I2 to I6 of the design, over the centre and every edge.
  void CheckAll();

  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  SeededRandom random;
  FakeBroker broker;
  std::string folder;
  std::unique_ptr<CertificateAuthority> authority;
  Identity gateway_identity;
  std::unique_ptr<central::CentralStore> store;
  std::vector<std::unique_ptr<EdgeNode>> edges;
  std::vector<RevisionId> written_at_centre;
};

inline EdgeNode::EdgeNode(SyncWorld& world, const std::string& edge_name)
    : name(edge_name), random(world.random.Next()) {
  edge::EdgeStoreOptions options;
  options.path = world.PathOf(edge_name + ".db");
  options.key_file = world.PathOf(edge_name + ".key");
  options.edge = name;
  options.site = SiteOID(kSite);
  store = Must(edge::EdgeStore::Open(options, world.clock, random));
  const Identity identity = world.Issue(edge_name, kSite);
  ExpectOk(world.store->Write([&](central::CentralWriter& writer) {
    central::EdgeRow row;
    row.edge = name;
    row.site = SiteOID(kSite);
    row.certificates_pem = {identity.certificate.ToPem()};
    row.added_at = writer.Now();
    return writer.InsertEdge(row);
  }));
  transport = world.broker.NewClient({wire::DownTopic(name)});
  link = std::make_unique<edge::Link>(edge::LinkOptions{}, *transport, world.scheduler, random);
  session = std::make_unique<edge::SyncSession>(edge::SyncOptions{"edge-agent test"}, *store,
                                                *link, world.scheduler, identity.Seal(),
                                                world.gateway_identity.certificate, name);
  applier = std::make_unique<edge::FeedApplier>(*store, SiteOID(kSite));
  puller = std::make_unique<edge::FeedPuller>(
      *store, *applier, world.scheduler,
      [this](const wire::Pull& pull) { return session->SendFrame(pull); });
  session->SetFeedListener(this);
  capture = std::make_unique<edge::Capture>(*store, [this] { session->Captured(); });
  world.scheduler.after_each.push_back([this] { store->writer().Drain(); });
  ExpectOk(session->Start());
}

inline CaptureOutcome EdgeNode::Submit(const std::string& subject, const std::string& value) {
  std::vector<Result<Submission>> one;
  one.emplace_back(PulseOf(subject, value));
  CaptureOutcome outcome = capture->SubmitAll(std::move(one)).at(0);
  if (outcome.kind == CaptureOutcome::Kind::kCaptured) captured.push_back(outcome.revision);
  return outcome;
}

inline bool EdgeNode::Settled(FeedCursor head) {
  bool settled = false;
  ExpectOk(store->Read([&](edge::EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const edge::Checkpoint checkpoint, tables.checkpoint.Get());
    EDCSYNC_ASSIGN(const edge::OutboxTable::Tail tail, tables.outbox.ReadTail());
    settled = checkpoint.acknowledged_through == tail.last && checkpoint.feed_cursor == head;
    return Ok();
  }));
  return settled && session->status().state == edge::SyncState::kLive;
}

inline SyncWorld::SyncWorld(std::uint64_t seed) : random(seed), broker(scheduler, seed + 1) {
  std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
  folder = ::mkdtemp(pattern.data());
  authority = std::make_unique<CertificateAuthority>(
      Must(CertificateAuthority::Create("test CA", clock.Wall(), 3650, random)));
  gateway_identity = Issue("gateway", "");
  ExpectOk(central::CreateSqliteCentralStore(StoreOptions("central.db"), clock, random));
  store = Must(central::OpenSqliteCentralStore(StoreOptions("central.db"), clock, random));
}

inline SyncWorld::~SyncWorld() {
  edges.clear();
  store.reset();
  std::filesystem::remove_all(folder);
}

inline Identity SyncWorld::Issue(const std::string& name, const std::string& site) {
  CertificateAuthority::Request request;
  request.common_name = name;
  request.organizational_unit = site;
  request.purpose = site.empty() ? CertificateAuthority::Purpose::kGateway
                                 : CertificateAuthority::Purpose::kEdge;
  request.not_before = clock.Wall();
  request.valid_days = 365;
  const PrivateKey key = Must(PrivateKey::Generate());
  return {key, Must(authority->Issue(key, request, random))};
}

inline central::SqliteCentralStoreOptions SyncWorld::StoreOptions(const std::string& file) const {
  central::SqliteCentralStoreOptions options;
  options.path = PathOf(file);
  options.key_file = PathOf("central.key");
  options.start_writer = false;
  options.holder = "simulation";
  return options;
}

inline std::unique_ptr<GatewayNode> SyncWorld::StartGateway(const std::string& name) {
  auto node = std::make_unique<GatewayNode>();
  const GatewayId gateway(name);
  node->transport = broker.NewClient({wire::SharedHelloFilter(), wire::UpFilter(gateway)});
  central::GatewaySessionOptions options;
  options.gateway = gateway;
  node->session = std::make_unique<central::GatewaySession>(
      options, *store, *node->transport, scheduler, clock, random, gateway_identity.Seal(),
      authority->certificate());
  ExpectOk(node->session->Start());
  return node;
}

inline EdgeNode& SyncWorld::AddEdge(const std::string& name) {
  edges.push_back(std::make_unique<EdgeNode>(*this, name));
  return *edges.back();
}

inline bool SyncWorld::Settle(std::int64_t us_max) {
  return scheduler.RunUntil(
      [this] {
        FeedCursor head;
        ExpectOk(store->Read([&](central::CentralReader& reader) -> Status {
          EDCSYNC_ASSIGN(head, reader.FeedHead());
          return Ok();
        }));
        for (const auto& edge : edges) {
          if (!edge->Settled(head)) return false;
        }
        return true;
      },
      us_max);
}

inline void SyncWorld::CheckAll() {
  std::size_t captured_count = 0;
  std::vector<central::RecordState> records;
  ExpectOk(store->Read([&](central::CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(records, reader.ListRecords({}, nullptr, 1000));
    std::size_t stored_count = 0;
    for (const central::RecordState& record : records) {
      EDCSYNC_ASSIGN(const auto rows, reader.RevisionsOf(record.record_id));
      for (const auto& row : rows) stored_count += row.known.revision.origin == Origin::kSite;
      EDCSYNC_ASSIGN(const auto open, reader.OpenConflictOf(record.record_id));
      EXPECT_EQ(open.has_value(), record.heads.size() > 1) << ToString(record.key);
    }
    for (const auto& edge : edges) {
      captured_count += edge->captured.size();
      for (const RevisionId& id : edge->captured) EXPECT_TRUE(Must(reader.HasRevision(id)));
    }
    for (const RevisionId& id : written_at_centre) EXPECT_TRUE(Must(reader.HasRevision(id)));
    EXPECT_EQ(stored_count, captured_count);
    EXPECT_EQ(Must(reader.ListQuarantine(false, 10)).size(), 0u);
    return Ok();
  }));
  for (const auto& edge : edges) {
    for (const central::RecordState& record : records) {
      ExpectOk(edge->store->Read([&](edge::EdgeTables& tables) -> Status {
        const auto here = Must(tables.records.Find(record.key));
        EXPECT_TRUE(here.has_value());
        if (!here) return Ok();
        EXPECT_EQ(here->heads, record.heads) << edge->name.str() << " " << ToString(record.key);
        EXPECT_EQ(here->current, record.current);
        EXPECT_EQ(Must(tables.conflicts.Find(ToString(record.key))).has_value(),
                  record.heads.size() > 1);
        return Ok();
      }));
    }
    EXPECT_EQ(Must(edge->store->Check([](std::string_view, int) {})), std::vector<std::string>{});
  }
  EXPECT_EQ(Must(store->Check([](std::string_view, int) {})), std::vector<std::string>{});
}

}  // namespace edcsync::testing
