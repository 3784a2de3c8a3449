#include "central-gateway/store/id_maker.h"

#include <set>

#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

using Ids = CentralStoreTest;

std::uint64_t WorkerOf(SnowflakeId id) { return id.value() >> 12 & 0x3ff; }

SnowflakeId NewId(CentralStore& store) {
  SnowflakeId id;
  ExpectOk(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(id, writer.NewId());
    return Ok();
  }));
  return id;
}

TEST_F(Ids, TwoHoldersNeverShareAWorkerNumber) {
  const auto other = OpenStore("gateway-2");
  std::set<std::uint64_t> ids;
  const std::uint64_t mine = WorkerOf(NewId(*store_));
  const std::uint64_t theirs = WorkerOf(NewId(*other));
  EXPECT_NE(mine, theirs);
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(50'000);  // Both renew on the way.
    EXPECT_EQ(WorkerOf(NewId(*store_)), mine);
    EXPECT_EQ(WorkerOf(NewId(*other)), theirs);
  }
}

TEST_F(Ids, AHolderThatSleptPastItsLeaseTakesAnotherOne) {
  const SnowflakeId before = NewId(*store_);
  clock_.Advance(IdMaker::kLeaseMs + 1);
  const auto other = OpenStore("gateway-2");
  const SnowflakeId taken = NewId(*other);
  EXPECT_EQ(WorkerOf(taken), WorkerOf(before));
  const SnowflakeId late = NewId(*store_);
  EXPECT_NE(WorkerOf(late), WorkerOf(taken));
}

TEST_F(Ids, ALaterHolderRepeatsNoIdThoughTheClockStandsStill) {
  const SnowflakeId before = NewId(*store_);
  store_ = OpenStore("gateway-1");  // The first gives its lease up when it closes.
  store_ = OpenStore("gateway-1");
  const SnowflakeId after = NewId(*store_);
  EXPECT_GT(after, before);
}

TEST_F(Ids, ALeaseTakenInAWorkThatFailedIsTakenAgain) {
  const Status failed = store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(writer.NewId());
    return Fail(ErrorCode::kLocked, "this work fails");
  });
  EXPECT_FALSE(failed.ok());
  const auto other = OpenStore("gateway-2");
  const SnowflakeId theirs = NewId(*other);
  EXPECT_NE(WorkerOf(NewId(*store_)), WorkerOf(theirs));
}

TEST_F(Ids, WithTheClockSetBackIdsAreRefusedButTheAuditGoesOn) {
  NewId(*store_);
  clock_.SetWall({clock_.Wall().ms - 3'600'000});
  const Status refused = store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(writer.NewId());
    return Ok();
  });
  EXPECT_EQ(refused.error().code, ErrorCode::kClock);
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    for (int i = 0; i < 5000; ++i) EDCSYNC_TRY(writer.AppendAudit("a", "b", "object", "d"));
    return Ok();
  }));
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    const auto entries = Must(reader.ListAudit("object", 0, 10'000));
    EXPECT_EQ(entries.size(), 5000u);
    for (std::size_t i = 1; i < entries.size(); ++i) EXPECT_GT(entries[i].id, entries[i - 1].id);
    EXPECT_EQ(WorkerOf(SnowflakeId(entries.front().id)), WorkerOf(SnowflakeId(entries.back().id)));
    return Ok();
  }));
}

TEST_F(Ids, LocksStudiesAndPoliciesAreKeptAndBumpTheGeneration) {
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    std::uint64_t generation = Must(writer.RegistryGeneration());
    const auto bumped = [&] {
      const std::uint64_t now = Must(writer.RegistryGeneration());
      return std::exchange(generation, now) < now;
    };
    const RecordKey key = Make("S1", "F.VS", {}, 1, "1").revision.key;
    for (const LockScope scope :
         {LockScope::kStudy, LockScope::kSite, LockScope::kSubject, LockScope::kForm}) {
      const std::string objects[] = {"", "Kisumu", "S1", ToString(key)};
      const LockRow lock{scope, StudyOID("CDISCPILOT01"),
                         objects[static_cast<std::size_t>(scope) - 1], "dm", "why", writer.Now()};
      EXPECT_FALSE(Must(writer.IsLocked(key, SiteOID("Kisumu"))));
      EDCSYNC_TRY(writer.SetLock(lock));
      EXPECT_TRUE(bumped());
      EXPECT_EQ(writer.SetLock(lock).error().code, ErrorCode::kAlreadyExists);
      EXPECT_TRUE(Must(writer.IsLocked(key, SiteOID("Kisumu"))));
      EXPECT_EQ(Must(writer.ListLocks()).size(), 1u);
      EDCSYNC_TRY(writer.ClearLock(lock));
      EXPECT_TRUE(bumped());
      EXPECT_EQ(writer.ClearLock(lock).error().code, ErrorCode::kNotFound);
    }
    EDCSYNC_TRY(writer.PutStudy({key.study, MetaDataVersionOID("1"), "Pilot", {}, "<ODM/>"}));
    EDCSYNC_TRY(writer.PutStudy({key.study, MetaDataVersionOID("1"), "Pilot", {}, "<ODM2/>"}));
    EXPECT_TRUE(bumped());
    EXPECT_EQ(Must(writer.ListStudies(true)).size(), 1u);
    EXPECT_EQ(Must(writer.ListStudies(true))[0].odm_xml, "<ODM2/>");
    EXPECT_EQ(Must(writer.ListStudies(false))[0].odm_xml, "");
    EXPECT_EQ(Must(writer.PolicyFor(key.study, key.form)), MergePolicy::kFlag);
    EDCSYNC_TRY(writer.PutPolicy({key.study, FormOID(), MergePolicy::kMergeDisjoint}));
    EXPECT_EQ(Must(writer.PolicyFor(key.study, key.form)), MergePolicy::kMergeDisjoint);
    EDCSYNC_TRY(writer.PutPolicy({key.study, key.form, MergePolicy::kFlag}));
    EXPECT_EQ(Must(writer.PolicyFor(key.study, key.form)), MergePolicy::kFlag);
    EXPECT_TRUE(bumped());
    EXPECT_EQ(Must(writer.ListPolicies()).size(), 2u);
    const HistoryId history = random_.NewId<HistoryId>();
    EDCSYNC_TRY(writer.SetHistory(history));
    EXPECT_EQ(Must(writer.History()), history);
    EXPECT_EQ(Must(writer.MarkKey()).size(), 32u);
    return Ok();
  }));
}

}  // namespace
}  // namespace edcsync::central
