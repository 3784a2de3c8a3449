#include "central-gateway/desk/conflict_desk.h"
#include "central-gateway/intake/push_intake.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/revision_id.h"
#include "tests/fault/central_fault_world.h"

namespace edcsync::central {
namespace {

using testing::EveryCall;

// One frame of an edge with a new record, a change, a conflict, one that waits for its parent and
// one that may not be applied.
class IntakeWorld : public CentralFaultWorld {
 public:
  using CentralFaultWorld::CentralFaultWorld;

  Status Open() override {
    EDCSYNC_TRY(CentralFaultWorld::Open());
    return FindBase();
  }

  Status Operate() override {
    if (base_ == RevisionId()) EDCSYNC_TRY(FindBase());  // Opening failed after the store was open.
    const RevisionId unknown{Sha256(AsBytes("not here yet"))};
    const KnownRevision first = Make("S2", {}, 1, "70");
    const std::vector<KnownRevision> sent = {
        first, Make("S2", {first.id}, 2, "71"), Make("S1", {base_}, 2, "95"),
        Make("S3", {unknown}, 2, "72"), Make("S4", {}, 7, "73")};
    ReadPush push{epoch_, Sequence(1), {}};
    for (const KnownRevision& known : sent) {
      push.revisions.push_back(ReadIncoming(EncodeRevision(known.revision)));
    }
    Answer answer;
    RegistryCache registry;
    EDCSYNC_TRY(store_->Write([&](CentralWriter& writer) -> Status {
      const SessionContext context{kEdge, SiteOID("Kisumu"), GatewayId("g1")};
      EDCSYNC_ASSIGN(answer, TakePush(writer, registry, context, push));
      return Ok();
    }));
    const auto* receipt = std::get_if<wire::Receipt>(&answer);
    if (receipt == nullptr) return Fail(ErrorCode::kInternal, std::get<wire::Refuse>(answer).message);
    EXPECT_EQ(receipt->acknowledged_through, Sequence(sent.size()));
    EXPECT_EQ(receipt->exceptions.size(), 3u);
    return Ok();
  }
};

// Heads of the record S1.
void Change(CentralFaultWorld& world, const std::vector<std::string>& values) {
  EXPECT_EQ(testing::Describe(world.FindBase()), "ok");
  for (const std::string& value : values) {
    EXPECT_EQ(testing::Describe(world.Apply({world.Make("S1", {world.base()}, 2, value)})), "ok");
  }
}

TEST_F(CentralFault, AFrameIsMergedWhollyWithItsCursorOrNotAtAll) {
  const auto change = [](CentralFaultWorld& world) { Change(world, {"71"}); };
  EveryCall(Make<IntakeWorld>(), Begin(change)).Run();
}

TEST_F(CentralFault, AfterAKillTheStoreIsOpenedAndMergesAFrameWhateverCallFails) {
  testing::SimDisk::Files killed;  // Its log waits to be read.
  Begin([&](CentralFaultWorld& world) {
    Change(world, {"71"});
    killed = world.disk().Copy();
  });
  EveryCall(Make<testing::FromItsStart<IntakeWorld>>(), killed).Run();
}

class ResolveWorld final : public CentralFaultWorld {
 public:
  using CentralFaultWorld::CentralFaultWorld;

  Status Open() override {
    EDCSYNC_TRY(CentralFaultWorld::Open());
    EDCSYNC_TRY(FindBase());
    return store_->Read([&](CentralReader& reader) -> Status {
      CentralReader::ConflictFilter filter;
      filter.open_only = false;
      EDCSYNC_ASSIGN(const std::vector<ConflictRow> rows, reader.ListConflicts(filter));
      decision_.conflict = rows.at(0).id;
      decision_.take = base_;
      decision_.reason = "checked with the source";
      decision_.user = "dm";
      return Ok();
    });
  }

  Status Operate() override {
    const Result<RevisionId> resolved = Resolve(*store_, {clock_, random_}, decision_);
    if (resolved.ok()) return Ok();
    // Decided again after an answer that was lost: it is settled.
    if (resolved.error().code == ErrorCode::kStale) return Ok();
    return tl::unexpected<Error>(resolved.error());
  }

 private:
  Decision decision_;
};

TEST_F(CentralFault, AResolutionSettlesItsConflictWhollyOrNotAtAll) {
  const auto conflict = [](CentralFaultWorld& world) { Change(world, {"71", "95"}); };
  EveryCall(Make<ResolveWorld>(), Begin(conflict)).Run();
}

}  // namespace
}  // namespace edcsync::central
