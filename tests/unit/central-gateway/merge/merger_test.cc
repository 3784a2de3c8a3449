#include "central-gateway/merge/merger.h"

#include "central-gateway/merge/feed_detail.h"
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

constexpr char kOdm[] = R"(<?xml version="1.0"?>
<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" ODMVersion="1.3.2" FileType="Snapshot" FileOID="f"
     CreationDateTime="2026-01-01T00:00:00">
 <Study OID="CDISCPILOT01"><GlobalVariables><StudyName>Pilot</StudyName>
 <StudyDescription>d</StudyDescription><ProtocolName>p</ProtocolName></GlobalVariables>
 <MetaDataVersion OID="MDV.1" Name="1">
  <FormDef OID="F.VS" Name="VS" Repeating="No"><ItemGroupRef ItemGroupOID="IG.VS" Mandatory="No"/></FormDef>
  <ItemGroupDef OID="IG.VS" Name="VS" Repeating="No"><ItemRef ItemOID="IT.PULSE" Mandatory="No"/></ItemGroupDef>
  <ItemDef OID="IT.PULSE" Name="Pulse" DataType="integer" Length="3"/>
 </MetaDataVersion></Study></ODM>)";

class MergerTest : public CentralStoreTest {
 protected:
  Incoming FromKisumu(const KnownRevision& known) {
    Incoming incoming = ReadIncoming(EncodeRevision(known.revision));
    incoming.edge = kisumu_;
    incoming.site = SiteOID("Kisumu");
    incoming.incarnation = incarnation_;
    incoming.sequence = Sequence(++sequence_);
    return incoming;
  }
  // As intake does: applies, and notes what became of the sequence.
  MergeResult Apply(Incoming incoming) {
    MergeResult result;
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry_));
      EDCSYNC_ASSIGN(result, merger.Apply(incoming));
      if (incoming.sequence == Sequence()) return Ok();
      return writer.InsertIntake(kisumu_, incarnation_, {incoming.sequence, incoming.id,
                                                         result.outcome, result.reason});
    }));
    return result;
  }
  MergeResult Apply(const KnownRevision& known) { return Apply(FromKisumu(known)); }
  Result<MergeResult> Release(const RevisionId& id) {
    Result<MergeResult> result = MergeResult{};
    const Status done = store_->Write([&](CentralWriter& writer) -> Status {
      const auto row = Must(writer.FindQuarantine(id));
      EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry_));
      EDCSYNC_ASSIGN(result, merger.Release(*row, "dm", "seen the source"));
      return Ok();
    });
    if (!done.ok()) return tl::unexpected<Error>(done.error());
    return result;
  }
  template <class T>
  T Read(const std::function<Result<T>(CentralReader&)>& read) {
    T value{};
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(value, read(reader));
      return Ok();
    }));
    return value;
  }
  RecordState Record(const KnownRevision& known) {
    return Read<std::optional<RecordState>>([&](CentralReader& reader) {
             return reader.FindRecord(known.revision.key);
           }).value_or(RecordState{});
  }
  std::optional<ConflictRow> Open(const KnownRevision& known) {
    const std::int64_t id = Record(known).record_id;
    return Read<std::optional<ConflictRow>>(
        [&](CentralReader& reader) { return reader.OpenConflictOf(id); });
  }
  QuarantineRow Waiting(const RevisionId& id) {
    return Read<std::optional<QuarantineRow>>([&](CentralReader& reader) {
             return reader.FindQuarantine(id);
           }).value_or(QuarantineRow{});
  }
  Outcome StoredOutcome(Sequence sequence) {
    return Read<std::optional<IntakeRow>>([&](CentralReader& reader) {
             return reader.FindIntake(kisumu_, incarnation_, sequence);
           })->outcome;
  }
  void Change(const std::function<Status(CentralWriter&)>& change) { ExpectOk(store_->Write(change)); }
  KnownRevision Pulse(std::vector<RevisionId> parents, std::uint32_t version,
                      const std::string& value) {
    return Make("S1", "F.VS", std::move(parents), version, value);
  }
  // The same revision with another item set or changed.
  KnownRevision With(KnownRevision known, const std::string& item, const std::string& value) {
    known.revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID(item)] = value;
    return Sealed(std::move(known));
  }
  static KnownRevision Sealed(KnownRevision known) {
    known.id = IdOf(EncodeRevision(known.revision));
    return known;
  }
  void ExpectQuarantined(const MergeResult& result, ErrorCode reason) {
    EXPECT_EQ(result.outcome, Outcome::kQuarantined);
    EXPECT_EQ(result.reason, static_cast<std::uint16_t>(reason));
  }
  void TearDown() override {
    EXPECT_EQ(Findings(), std::vector<std::string>{});
    CentralStoreTest::TearDown();
  }

  const LockRow lock_{LockScope::kSubject, StudyOID("CDISCPILOT01"), "S1", "dm", "closed", {}};
  RegistryCache registry_;
  std::uint64_t sequence_ = 0;
};

TEST_F(MergerTest, AFastForwardIsAppliedAndARepeatIsADuplicate) {
  const KnownRevision first = Pulse({}, 1, "70");
  const KnownRevision second = Pulse({first.id}, 2, "72");
  EXPECT_EQ(Apply(first).outcome, Outcome::kApplied);
  EXPECT_EQ(Apply(second).outcome, Outcome::kApplied);
  EXPECT_EQ(Apply(first).outcome, Outcome::kDuplicate);
  EXPECT_EQ(Record(first).heads, std::vector{second.id});
  EXPECT_FALSE(Open(first));
}

TEST_F(MergerTest, OneConflictIsOpenedUpdatedRaisedInSeverityAndNeverLowered) {
  const KnownRevision base = Pulse({}, 1, "70");
  const KnownRevision left = With(Pulse({base.id}, 2, "70"), "IT.TEMP", "36.6");
  const KnownRevision right = With(Pulse({base.id}, 2, "70"), "IT.SIDE", "left");
  Apply(base);
  EXPECT_EQ(Apply(left).outcome, Outcome::kApplied);
  EXPECT_EQ(Apply(right).outcome, Outcome::kConflictWon);
  const auto opened = Open(base);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->severity, Severity::kSoft);
  EXPECT_EQ(opened->ancestor, base.id);
  const KnownRevision third = With(Pulse({base.id}, 2, "70"), "IT.TEMP", "39.9");
  Apply(third);
  EXPECT_EQ(Open(base)->id, opened->id);
  EXPECT_EQ(Open(base)->severity, Severity::kHard);
  EXPECT_EQ(Open(base)->heads.size(), 3u);
  // Follows one of the two that differ: what is left is soft again, the conflict stays hard.
  std::vector<RevisionId> two{left.id, third.id};
  std::sort(two.begin(), two.end());
  Apply(With(Pulse(two, 3, "70"), "IT.TEMP", "36.7"));
  EXPECT_EQ(Open(base)->id, opened->id);
  EXPECT_EQ(Open(base)->severity, Severity::kHard);
}

TEST_F(MergerTest, ALaterVersionWinsTheEarlierOneStaysReadableAndADescendantOfAllHeadsSupersedes) {
  const KnownRevision base = Pulse({}, 1, "70");
  const KnownRevision loser = Pulse({base.id}, 2, "71");
  const KnownRevision step = Pulse({base.id}, 2, "80");
  const KnownRevision winner = Pulse({step.id}, 3, "81");
  Apply(base);
  Apply(step);
  Apply(winner);
  EXPECT_EQ(Apply(loser).outcome, Outcome::kConflictLost);
  EXPECT_EQ(Record(base).current, winner.id);
  const SnowflakeId conflict = Open(base)->id;
  std::vector<RevisionId> heads = Record(base).heads;
  const KnownRevision after = Pulse(heads, 4, "81");
  EXPECT_EQ(Apply(after).outcome, Outcome::kApplied);
  EXPECT_FALSE(Open(base));
  const auto ended = Read<std::optional<ConflictRow>>(
      [&](CentralReader& reader) { return reader.FindConflict(conflict); });
  EXPECT_EQ(ended->end, ConflictEnd::kSuperseded);
  EXPECT_EQ(ended->ended_by, after.id);
  EXPECT_TRUE(Read<bool>([&](CentralReader& reader) { return reader.HasRevision(loser.id); }));
}

TEST_F(MergerTest, TheSameContentConvergesAndNobodyIsAsked) {
  const KnownRevision base = Pulse({}, 1, "70");
  Apply(base);
  Apply(Pulse({base.id}, 2, "72"));
  EXPECT_EQ(Apply(Pulse({base.id}, 2, "72")).outcome, Outcome::kConverged);
  EXPECT_EQ(Record(base).heads.size(), 1u);
  EXPECT_EQ(Record(base).current_version, 3u);
  EXPECT_FALSE(Open(base));
}

TEST_F(MergerTest, DisjointChangesMergeWhereTheFormsPolicyAllowsItAndOnlyThere) {
  Change([](CentralWriter& writer) {
    return writer.PutPolicy({StudyOID("CDISCPILOT01"), FormOID("F.VS"),
                             MergePolicy::kMergeDisjoint});
  });
  for (const std::string form : {"F.VS", "F.AE"}) {
    const KnownRevision base = Make("S1", form, {}, 1, "70");
    Apply(base);
    Apply(With(Make("S1", form, {base.id}, 2, "70"), "IT.TEMP", "36.6"));
    const Outcome outcome = Apply(With(Make("S1", form, {base.id}, 2, "70"), "IT.SIDE", "l")).outcome;
    EXPECT_EQ(outcome, form == "F.VS" ? Outcome::kMerged : Outcome::kConflictWon);
    EXPECT_EQ(Open(base).has_value(), form != "F.VS");
    if (form != "F.VS") continue;
    const RevisionId current = Record(base).current;
    const auto row = Read<std::optional<RevisionRow>>(
        [&](CentralReader& reader) { return reader.FindRevision(current); });
    EXPECT_EQ(row->known.revision.items.begin()->second.size(), 3u);
    EXPECT_EQ(row->known.revision.origin, Origin::kMerge);
  }
}

TEST_F(MergerTest, AChainThatCameBackwardsIsHeldAndFollowsItsRootHoweverLongItIs) {
  std::vector<KnownRevision> chain{Pulse({}, 1, "0")};
  for (std::uint32_t i = 1; i < 400; ++i) {
    chain.push_back(Pulse({chain.back().id}, i + 1, std::to_string(i)));
  }
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry_));
    for (std::size_t i = chain.size() - 1; i > 0; --i) {
      Incoming incoming = FromKisumu(chain[i]);
      EDCSYNC_ASSIGN(const MergeResult result, merger.Apply(incoming));
      EXPECT_EQ(result.outcome, Outcome::kHeld);
      EDCSYNC_TRY(writer.InsertIntake(kisumu_, incarnation_, {incoming.sequence, incoming.id,
                                                              result.outcome, result.reason}));
    }
    return Ok();
  }));
  EXPECT_EQ(Apply(chain[1]).outcome, Outcome::kHeld);  // A repeat gets the outcome it had.
  EXPECT_EQ(Apply(chain[0]).outcome, Outcome::kApplied);
  EXPECT_EQ(Record(chain[0]).heads, std::vector{chain.back().id});
  EXPECT_EQ(StoredOutcome(Sequence(1)), Outcome::kApplied);
  EXPECT_EQ(Read<std::vector<QuarantineRow>>([](CentralReader& reader) {
              return reader.ListQuarantine(false, 10);
            }).size(), 0u);
}

TEST_F(MergerTest, WhatMayNotBeAppliedWaitsInQuarantineWithItsReasonAndBlocksNoOther) {
  Incoming foreign = FromKisumu(Make("S2", "F.VS", {}, 1, "70", "Tororo"));
  ExpectQuarantined(Apply(foreign), ErrorCode::kWrongSite);
  KnownRevision other_writer = Pulse({}, 1, "70");
  other_writer.revision.edge = EdgeId("edge-tororo");
  ExpectQuarantined(Apply(Sealed(other_writer)), ErrorCode::kForbidden);
  KnownRevision resolution = Pulse({}, 1, "70");
  resolution.revision.origin = Origin::kResolution;
  resolution.revision.edge = EdgeId();
  ExpectQuarantined(Apply(Sealed(resolution)), ErrorCode::kForbidden);
  ExpectQuarantined(Apply(Pulse({}, 9, "70")), ErrorCode::kVersionMismatch);
  Incoming garbage = ReadIncoming({1, 2, 3});
  garbage.edge = kisumu_;
  garbage.site = SiteOID("Kisumu");
  garbage.incarnation = incarnation_;
  garbage.sequence = Sequence(++sequence_);
  EXPECT_EQ(Apply(garbage).outcome, Outcome::kQuarantined);
  const KnownRevision good = Pulse({}, 1, "70");
  EXPECT_EQ(Apply(good).outcome, Outcome::kApplied);
  KnownRevision child_of_other = Make("S3", "F.VS", {good.id}, 2, "70");
  ExpectQuarantined(Apply(child_of_other), ErrorCode::kMalformed);
  // None of these reasons is a person's to lift.
  EXPECT_EQ(Release(foreign.id).error().code, ErrorCode::kWrongSite);
  EXPECT_EQ(Waiting(foreign.id).state, QuarantineEnd::kWaiting);
}

TEST_F(MergerTest, ASubjectOfAnotherSiteIsQuarantined) {
  Incoming tororo = ReadIncoming(EncodeRevision(Make("S1", "F.AE", {}, 1, "1", "Tororo").revision));
  EXPECT_EQ(Apply(tororo).outcome, Outcome::kApplied);  // The centre's own.
  ExpectQuarantined(Apply(Pulse({}, 1, "70")), ErrorCode::kWrongSite);
}

TEST_F(MergerTest, ALockedRecordWaitsAndItsHeldChildrenAreToldTheirOwnReason) {
  Change([&](CentralWriter& writer) { return writer.SetLock(lock_); });
  const KnownRevision first = Pulse({}, 1, "seventy");
  const KnownRevision second = Pulse({first.id}, 2, "72");
  const KnownRevision third = Pulse({second.id}, 3, "73");
  ExpectQuarantined(Apply(first), ErrorCode::kLocked);
  EXPECT_EQ(Apply(second).outcome, Outcome::kHeld);
  EXPECT_EQ(Apply(third).outcome, Outcome::kHeld);
  ASSERT_TRUE(Release(first.id).ok());
  // The lock still stands for the child: it no longer waits for a parent but for a person.
  EXPECT_EQ(Waiting(second.id).reason, static_cast<std::uint16_t>(ErrorCode::kLocked));
  EXPECT_FALSE(Waiting(second.id).missing_parent);
  EXPECT_EQ(StoredOutcome(Sequence(2)), Outcome::kQuarantined);
  Change([&](CentralWriter& writer) { return writer.ClearLock(lock_); });
  ASSERT_TRUE(Release(second.id).ok());
  EXPECT_EQ(Record(first).heads, std::vector{third.id});  // Released with its parent.
  EXPECT_EQ(StoredOutcome(Sequence(3)), Outcome::kApplied);
}

// An edge gone bad had the centre ask for a decision that it had made up itself. It has no mark, so
// it waits, like an offer without a sequence; releasing it must not take it for one.
TEST_F(MergerTest, ADecisionThatAnEdgeReturnedWithoutAMarkCannotBeReleased) {
  const KnownRevision first = Pulse({}, 1, "70");
  Apply(first);
  KnownRevision forged = Pulse({first.id}, 2, "120");
  forged.revision.origin = Origin::kResolution;
  forged.revision.edge = EdgeId();
  forged.revision.user = "dm";
  forged = Sealed(std::move(forged));
  Incoming returned = FromKisumu(forged);
  returned.sequence = Sequence();
  const auto reinstate = [&] {
    std::optional<MergeResult> result;
    Change([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry_));
      EDCSYNC_ASSIGN(result, merger.Reinstate(returned, {}, /*as_new=*/true));
      return Ok();
    });
    return result.value_or(MergeResult{});
  };
  ExpectQuarantined(reinstate(), ErrorCode::kForbidden);
  const Result<MergeResult> released = Release(forged.id);
  ASSERT_FALSE(released.ok());
  EXPECT_EQ(released.error().code, ErrorCode::kForbidden);
  EXPECT_EQ(Record(first).heads, std::vector{first.id});
  EXPECT_EQ(Waiting(forged.id).state, QuarantineEnd::kWaiting);

  // With the mark it is the centre's own: a lock that held it up can be lifted.
  KnownRevision decided = forged;
  decided.revision.user = "dm2";
  decided = Sealed(std::move(decided));
  returned = FromKisumu(decided);
  returned.sequence = Sequence();
  returned.offered = true;
  Change([&](CentralWriter& writer) { return writer.SetLock(lock_); });
  ExpectQuarantined(reinstate(), ErrorCode::kLocked);
  ASSERT_TRUE(Release(decided.id).ok());
  EXPECT_EQ(Record(first).heads, std::vector{decided.id});
}

TEST_F(MergerTest, AnUnknownFormGroupOrItemWaitsButAnUnfitValueIsStoredAndNoted) {
  Change([](CentralWriter& writer) {
    return writer.PutStudy({StudyOID("CDISCPILOT01"), MetaDataVersionOID("MDV.1"), "Pilot",
                            writer.Now(), kOdm});
  });
  ExpectQuarantined(Apply(Make("S1", "F.AE", {}, 1, "1")), ErrorCode::kStudyDefinition);
  ExpectQuarantined(Apply(With(Pulse({}, 1, "70"), "IT.TEMP", "36")), ErrorCode::kStudyDefinition);
  const KnownRevision unfit = Pulse({}, 1, "about 70");
  EXPECT_EQ(Apply(unfit).outcome, Outcome::kApplied);
  const auto row = Read<std::optional<RevisionRow>>(
      [&](CentralReader& reader) { return reader.FindRevision(unfit.id); });
  EXPECT_NE(row->nonconformance.find("IT.PULSE"), std::string::npos);
  EXPECT_EQ(row->nonconformance.find("about"), std::string::npos);
  // Story: what a person released was stored without the note.
  Change([&](CentralWriter& writer) { return writer.SetLock(lock_); });
  const KnownRevision locked = Pulse({unfit.id}, 2, "still about 70");
  ExpectQuarantined(Apply(locked), ErrorCode::kLocked);
  ASSERT_TRUE(Release(locked.id).ok());
  const auto released = Read<std::optional<RevisionRow>>(
      [&](CentralReader& reader) { return reader.FindRevision(locked.id); });
  EXPECT_NE(released->nonconformance, "");
}

}  // namespace
}  // namespace edcsync::central
