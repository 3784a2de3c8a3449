// Who has a turn, on a scheduler in virtual time: the edges are what the tests answer for them.
#include "central-gateway/reconcile/reconciler.h"

#include <gtest/gtest.h>

#include "tests/support/virtual_scheduler.h"
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

class ReconcilerTest : public CentralStoreTest {
 protected:
  void SetUp() override {
    CentralStoreTest::SetUp();
    Result<CertificateAuthority> authority =
        CertificateAuthority::Create("CA", clock_.Wall(), 100, random_);
    const PrivateKey key = Must(PrivateKey::Generate());
    CertificateAuthority::Request request;
    request.common_name = "gateway";
    request.not_before = clock_.Wall();
    request.valid_days = 90;
    const ReconcileIdentity identity{
        "gateway-1", Must(Sealer::Create(key, Must(authority->Issue(key, request, random_))))};
    reconciler_ = std::make_unique<Reconciler>(
        ReconcilerOptions{}, *store_, scheduler_, clock_, identity,
        Reconciler::Sessions{[](const EdgeId&) { return std::optional(Epoch(1)); },
                             [this](const EdgeId& edge, const wire::Frame& frame) {
                               if (const auto* compare = std::get_if<wire::Compare>(&frame)) {
                                 AnswerNotYet(edge, *compare);
                               }
                             }});
  }
  void AskFor(const EdgeId& edge) {
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EdgeRow row;
      row.edge = edge;
      row.site = SiteOID("Kisumu");
      row.added_at = clock_.Wall();
      EDCSYNC_TRY(writer.InsertEdge(row));
      EDCSYNC_TRY(AskForReconciliation(writer, row, "operator", ""));
      return Ok();
    }));
  }
  void AnswerNotYet(const EdgeId& edge, const wire::Compare& compare) {
    asked_.insert(edge);
    wire::Comparison answer;
    answer.epoch = compare.epoch;
    answer.reconciliation = compare.reconciliation;
    answer.serial = compare.serial;
    answer.answer = wire::ReconcileAnswer::kNotYet;
    answer.wait_sequence = Sequence(7);
    scheduler_.Post([this, edge, answer] { reconciler_->OnFrame(edge, answer, {}, 100); });
  }

  testing::VirtualClock virtual_clock_;
  testing::VirtualScheduler scheduler_{virtual_clock_};
  std::set<EdgeId> asked_;
  std::unique_ptr<Reconciler> reconciler_;
};

// Four edges with a long backlog were asked for as long as it lasted, and nobody else was.
TEST_F(ReconcilerTest, EdgesThatAreNotReadyForLongMakeRoomForOthers) {
  std::set<EdgeId> all;
  for (std::size_t i = 0; i <= Reconciler::kRunCountMax; ++i) {
    const EdgeId edge("edge-" + std::to_string(i));
    AskFor(edge);
    all.insert(edge);
  }
  reconciler_->Start();
  scheduler_.RunFor(300'000'000);
  EXPECT_EQ(asked_.size(), Reconciler::kRunCountMax);
  EXPECT_TRUE(scheduler_.RunUntil([&] { return asked_ == all; }, 400'000'000));
  // They have their turn again.
  asked_.clear();
  EXPECT_TRUE(scheduler_.RunUntil([&] { return asked_ == all; }, 1'500'000'000));
  reconciler_->Stop();
}

}  // namespace
}  // namespace edcsync::central
