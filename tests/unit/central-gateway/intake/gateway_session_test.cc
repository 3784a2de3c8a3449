#include "central-gateway/intake/gateway_session.h"

#include <set>

#include "shared/wire/topics.h"
#include "tests/support/fake_network.h"
#include "tests/support/virtual_scheduler.h"
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

// A store whose commit falls behind for as long as the test says: works wait until it is let go.
class SlowStore final : public CentralStore {
 public:
  explicit SlowStore(CentralStore& store) : store_(store) {}

  void Hold() { holding_ = true; }
  void LetGo() {
    holding_ = false;
    for (auto& run : std::exchange(held_, {})) run();
  }
  std::size_t held() const { return held_.size(); }

  Status Submit(Work work, Done done, std::size_t bytes) override {
    if (!holding_) return store_.Submit(std::move(work), std::move(done), bytes);
    held_.push_back([this, work = std::move(work), done = std::move(done), bytes] {
      ExpectOk(store_.Submit(work, done, bytes));
    });
    return Ok();
  }
  Status Write(Work work) override { return store_.Write(std::move(work)); }
  Status Read(const std::function<Status(CentralReader&)>& read) override {
    return store_.Read(read);
  }
  Result<std::size_t> RewrapKeys(WrappingKey& next, const std::string& actor,
                                 const std::string& detail) override {
    return store_.RewrapKeys(next, actor, detail);
  }
  Result<FieldCipher::Keys> DescribeKeys() override { return store_.DescribeKeys(); }
  Status Backup(const std::string& path, const std::function<void(int)>& progress) override {
    return store_.Backup(path, progress);
  }
  Result<std::vector<std::string>> Check(
      const std::function<void(std::string_view, int)>& progress) override {
    return store_.Check(progress);
  }
  Result<std::vector<std::string>> VerifyAudit(
      std::uint64_t& entry_count, const std::function<void(std::uint64_t)>& progress) override {
    return store_.VerifyAudit(entry_count, progress);
  }

 private:
  CentralStore& store_;
  bool holding_ = false;
  std::vector<std::function<void()>> held_;
};

// A gateway in virtual time; the test is the edge of Kisumu, which keeps what it sent.
class GatewaySessionTest : public CentralStoreTest {
 protected:
  void SetUp() override {
    CentralStoreTest::SetUp();
    slow_.emplace(*store_);
    broker_.chances.delay_us_max = 0;  // What is heard last was said last.
    ExpectOk(store_->Write([&](CentralWriter& writer) {
      return writer.AddCertificate(kisumu_, edge_.certificate().ToPem());
    }));
    client_->Listen({[] {}, [](Error) {}, [this](Message message) { Hear(message); }});
    client_->Connect();
    options_.gateway = GatewayId("g1");
    options_.may_take = [this] { return room_; };
  }
  void TearDown() override {
    if (session_ != nullptr) session_->Stop();
    session_.reset();
    CentralStoreTest::TearDown();
  }
  // A gateway's process begins.
  void Start() {
    if (session_ != nullptr) session_->Stop();
    session_ = std::make_unique<GatewaySession>(options_, *slow_, *transport_, scheduler_, clock_,
                                                random_,
                                                Credentials{{gateway_}, {authority_.certificate()}});
    ExpectOk(session_->Start());
    scheduler_.RunFor(kSecondUs);
  }
  void SayHello() {
    wire::Hello hello;
    hello.hello_id = 7;
    hello.incarnation = incarnation_;
    hello.next_sequence = Sequence(sent_.size() + 1);
    Publish(wire::HelloTopic(kisumu_), hello);
  }
  void Open() {
    Start();
    SayHello();
    ASSERT_TRUE(scheduler_.RunUntil([this] { return welcome_.has_value(); }, 60 * kSecondUs));
  }
  // The next revision of the outbox; its values take so many bytes.
  wire::Push Capture(std::size_t value_bytes = 2, std::size_t values = 1) {
    KnownRevision known = Make("S" + std::to_string(sent_.size()), "F.VS", {}, 1, "70");
    for (std::size_t i = 0; i < values; ++i) {
      known.revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}]
                          [ItemOID("IT.N" + std::to_string(i))] = std::string(value_bytes, 'v');
    }
    known.id = IdOf(EncodeRevision(known.revision));
    sent_.push_back(known);
    return {welcome_->epoch, Sequence(sent_.size()), {EncodeRevision(known.revision)}};
  }
  void Say(const wire::Frame& frame) { Publish(wire::UpTopic(GatewayId("g1"), kisumu_), frame); }
  void ExpectReceipts(std::size_t count) {
    ASSERT_TRUE(scheduler_.RunUntil([&] { return receipts_.size() == count; }, 60 * kSecondUs));
  }
  void ExpectRefused(ErrorCode reason, std::size_t count = 1) {
    ASSERT_TRUE(scheduler_.RunUntil([&] { return refusals_.size() == count; }, 60 * kSecondUs));
    EXPECT_EQ(refusals_.back().reason, static_cast<std::uint16_t>(reason));
  }
  std::size_t Stored() {
    std::size_t stored = 0;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      for (const KnownRevision& known : sent_) {
        EDCSYNC_ASSIGN(const bool there, reader.HasRevision(known.id));
        stored += there ? 1 : 0;
      }
      return Ok();
    }));
    return stored;
  }

  std::optional<SlowStore> slow_;
  edcsync::testing::VirtualClock time_;
  edcsync::testing::VirtualScheduler scheduler_{time_};
  edcsync::testing::FakeBroker broker_{scheduler_, 1};
  std::unique_ptr<edcsync::testing::FakeBroker::Client> transport_ = broker_.NewClient(
      {std::string(wire::SharedHelloFilter()), wire::UpFilter(GatewayId("g1"))});
  std::unique_ptr<edcsync::testing::FakeBroker::Client> client_ =
      broker_.NewClient({wire::DownTopic(kisumu_)});
  const CertificateAuthority authority_ =
      *CertificateAuthority::Create("trial CA", clock_.Wall(), 365, random_);
  const Sealer edge_ = Join("edge-kisumu", "Kisumu", CertificateAuthority::Purpose::kEdge);
  const Sealer gateway_ = Join("gateway", "", CertificateAuthority::Purpose::kGateway);
  GatewaySessionOptions options_;
  Status room_ = Ok();
  std::unique_ptr<GatewaySession> session_;
  std::vector<KnownRevision> sent_;
  std::optional<wire::Welcome> welcome_;
  std::vector<wire::Receipt> receipts_;
  std::vector<wire::Refuse> refusals_;

 private:
  Sealer Join(const std::string& name, const std::string& site,
              CertificateAuthority::Purpose purpose) {
    CertificateAuthority::Request request;
    request.common_name = name;
    request.organizational_unit = site;
    request.purpose = purpose;
    request.not_before = clock_.Wall();
    request.valid_days = 30;
    const PrivateKey key = Must(PrivateKey::Generate());
    return Must(Sealer::Create(key, Must(authority_.Issue(key, request, random_))));
  }
  void Publish(const std::string& topic, const wire::Frame& frame) {
    const Bytes sealed = Must(wire::SealFrame(frame, edge_, gateway_.certificate()));
    ExpectOk(client_->Publish(topic, sealed, false, [](Status) {}));
    scheduler_.RunFor(10'000);  // Arrives, in the order in which it was said.
  }
  void Hear(const Message& message) {
    const auto frame = wire::OpenFrame(message.payload, edge_, gateway_.certificate());
    ASSERT_TRUE(frame.ok()) << frame.error().ToString();
    if (const auto* welcome = std::get_if<wire::Welcome>(&*frame)) welcome_ = *welcome;
    if (const auto* receipt = std::get_if<wire::Receipt>(&*frame)) receipts_.push_back(*receipt);
    if (const auto* refuse = std::get_if<wire::Refuse>(&*frame)) refusals_.push_back(*refuse);
  }
};

TEST_F(GatewaySessionTest, ReceiptsOfACommitThatFallsBehindWaitForItAndCarryLessCredit) {
  Open();
  Say(Capture());
  ExpectReceipts(1);
  EXPECT_EQ(receipts_[0].credit.frames, options_.credit.frames);
  EXPECT_EQ(receipts_[0].credit.bytes, options_.credit.bytes);

  slow_->Hold();
  for (int i = 0; i < 3; ++i) Say(Capture());
  scheduler_.RunFor(2 * kSecondUs);
  EXPECT_EQ(receipts_.size(), 1u);  // None before the commit.
  EXPECT_EQ(session_->figures().queued_frames, 3u);
  EXPECT_EQ(Stored(), 1u);
  slow_->LetGo();
  ExpectReceipts(4);
  EXPECT_TRUE(refusals_.empty());  // Nothing was dropped or sent back.
  EXPECT_EQ(receipts_.back().acknowledged_through, Sequence(4));
  EXPECT_EQ(receipts_.back().credit.frames, 1u);  // Two seconds behind.
  EXPECT_EQ(receipts_.back().credit.bytes, LoadShedding::kBytesMin);
  EXPECT_EQ(session_->figures().queued_frames, 0u);

  // Quick commits give back what was taken, step by step.
  std::set<std::uint32_t> credits;
  while (receipts_.back().credit.frames < options_.credit.frames) {
    credits.insert(receipts_.back().credit.frames);
    Say(Capture());
    ExpectReceipts(sent_.size());
    ASSERT_LT(sent_.size(), 40u);
  }
  EXPECT_GE(credits.size(), 3u);
  EXPECT_EQ(receipts_.back().acknowledged_through, Sequence(sent_.size()));
  EXPECT_EQ(Stored(), sent_.size());
}

TEST_F(GatewaySessionTest, MoreOpenedFramesThanMemoryTakesAreSentBackAndTakenAgainLater) {
  Open();
  slow_->Hold();
  std::vector<wire::Push> pushes;
  while (refusals_.empty()) {
    ASSERT_LT(pushes.size(), 100u);
    pushes.push_back(Capture(60'000, 8));  // Half a megabyte.
    Say(pushes.back());
  }
  ExpectRefused(ErrorCode::kBusy);
  EXPECT_GT(refusals_[0].retry_after_ms, 0u);
  EXPECT_EQ(slow_->held(), pushes.size() - 1);
  EXPECT_LE(session_->figures().queued_bytes, limits::kIntakeQueueBytesMax);
  slow_->LetGo();
  ExpectReceipts(pushes.size() - 1);
  EXPECT_EQ(session_->figures().queued_bytes, 0u);
  Say(pushes.back());
  ExpectReceipts(pushes.size());
  EXPECT_EQ(receipts_.back().acknowledged_through, Sequence(pushes.size()));
  EXPECT_EQ(Stored(), pushes.size());
}

TEST_F(GatewaySessionTest, WithoutRoomOnTheDiskAPushIsSentBackWithItsReasonAndTakenOnceThereIs) {
  Open();
  room_ = Fail(ErrorCode::kDiskFull, "4 MiB are left");
  const wire::Push push = Capture();
  Say(push);
  ExpectRefused(ErrorCode::kDiskFull);
  EXPECT_EQ(refusals_[0].retry_after_ms, 10'000u);
  EXPECT_EQ(refusals_[0].epoch, welcome_->epoch);
  EXPECT_EQ(Stored(), 0u);
  room_ = Ok();
  Say(push);  // In the same session.
  ExpectReceipts(1);
  EXPECT_EQ(Stored(), 1u);
}

TEST_F(GatewaySessionTest, MoreFramesThanAgreedAreSentBackWithTheTimeToWaitAndTakenAfterIt) {
  options_.frames_per_second_max = 0.5;  // The burst: one frame.
  Open();
  const wire::Push push = Capture();
  Say(push);
  ExpectRefused(ErrorCode::kOverCredit);
  EXPECT_EQ(Stored(), 0u);
  const std::uint32_t wait_ms = refusals_[0].retry_after_ms;
  EXPECT_GT(wait_ms, 1'900u);
  EXPECT_LE(wait_ms, 2'000u);
  scheduler_.RunFor(std::int64_t{wait_ms} * 1000 + 1000);
  Say(push);
  ExpectReceipts(1);
  EXPECT_EQ(Stored(), 1u);
}

// Story: a gateway forgot a revoked edge's certificates when it started again, so it took its Hello
// for a stranger's and said nothing; the site saw a link that timed out for ever.
TEST_F(GatewaySessionTest, AnEdgeRevokedBeforeTheGatewayStartedIsToldSo) {
  ExpectOk(store_->Write([&](CentralWriter& writer) {
    return writer.SetEdgeStanding(kisumu_, EdgeStanding::kRevoked, "stolen");
  }));
  Start();
  SayHello();
  ExpectRefused(ErrorCode::kRevokedEdge);
  EXPECT_FALSE(welcome_.has_value());
}

}  // namespace
}  // namespace edcsync::central
