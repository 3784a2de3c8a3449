#include "edge-agent/capture/capture.h"

#include <gmock/gmock.h>

#include <fstream>
#include <set>
#include <thread>

#include "shared/crypto/revision_id.h"
#include "tests/support/edge_world.h"

namespace edcsync::edge {
namespace {

using Kind = CaptureOutcome::Kind;

Submission Pulse(const std::string& subject, const std::string& value) {
  Submission submission;
  submission.key = {StudyOID("CDISCPILOT01"), SubjectKey(subject), StudyEventOID("SE.WEEK_2"),
                    RepeatKey("1"),           FormOID("F.VS"),     RepeatKey("1")};
  submission.site = SiteOID("SITE.702");
  submission.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.VS.PULSE")] = value;
  submission.user = "achieng";
  return submission;
}

Submission Because(Submission submission, const std::string& reason) {
  submission.reason_for_change = reason;
  return submission;
}

class CaptureTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    capture_.reset();
    const Status opened = world_.Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    capture_ = std::make_unique<Capture>(world_.store(), [this] { ++woken_; });
  }

  CaptureOutcome Submit(const Submission& submission) {
    std::vector<Result<Submission>> one;
    one.emplace_back(submission);
    return capture_->SubmitAll(std::move(one)).at(0);
  }

  template <class T>
  T Read(const std::function<Result<T>(EdgeTables&)>& read) {
    T value{};
    const Status status = world_.store().Read([&](EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(value, read(tables));
      return Ok();
    });
    EXPECT_TRUE(status.ok()) << status.error().ToString();
    return value;
  }

  std::vector<QueuedRevision> Outbox() {
    return Read<std::vector<QueuedRevision>>([](EdgeTables& tables) {
      return tables.outbox.Read(Sequence(), {100'000, 1u << 30});
    });
  }

  RecordRow Record(const RecordKey& key) {
    auto row = Read<std::optional<RecordRow>>(
        [&](EdgeTables& tables) { return tables.records.Find(key); });
    EXPECT_TRUE(row.has_value());
    return row.value_or(RecordRow{});
  }

  void ExpectSound() {
    const auto findings = world_.store().Check({});
    ASSERT_TRUE(findings.ok()) << findings.error().ToString();
    EXPECT_THAT(*findings, testing::IsEmpty());
  }

  void ExpectRefused(const CaptureOutcome& outcome, ErrorCode code) {
    ASSERT_EQ(outcome.kind, Kind::kRefused);
    ASSERT_EQ(outcome.reasons.size(), 1u);
    EXPECT_EQ(outcome.reasons[0].code, code) << outcome.reasons[0].ToString();
  }

  EdgeWorld world_;
  std::unique_ptr<Capture> capture_;
  std::atomic<int> woken_{0};
};

TEST_F(CaptureTest, ACapturedRecordIsThereWithItsOutboxRowAndAuditEntryAfterReopening) {
  const CaptureOutcome outcome = Submit(Pulse("01-702-1082", "72"));
  ASSERT_EQ(outcome.kind, Kind::kCaptured);
  EXPECT_EQ(outcome.version, 1u);
  EXPECT_EQ(outcome.sequence, Sequence(1));
  EXPECT_EQ(woken_, 1);
  Reopen();
  const auto queued = Outbox();
  ASSERT_EQ(queued.size(), 1u);
  EXPECT_EQ(queued[0].id, outcome.revision);
  const Result<Revision> revision = DecodeRevision(queued[0].canonical);
  ASSERT_TRUE(revision.ok());
  EXPECT_EQ(revision->items, Pulse("01-702-1082", "72").items);
  EXPECT_EQ(revision->user, "achieng");
  EXPECT_EQ(revision->edge, EdgeId("kisumu-1"));
  EXPECT_EQ(revision->edited_at.ms, world_.clock.Wall().ms);
  const auto entries = Read<std::vector<AuditEntry>>([](EdgeTables& tables) {
    return tables.audit.List({.object = {}, .action = "revision.captured"});
  });
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].actor, "achieng");
  EXPECT_EQ(entries[0].object, "CDISCPILOT01/01-702-1082/SE.WEEK_2/F.VS");
  EXPECT_THAT(entries[0].detail, testing::HasSubstr(outcome.revision.ToHex()));
  ExpectSound();
}

TEST_F(CaptureTest, AChangeNeedsAReasonAndThenFollowsTheCurrentRevision) {
  const CaptureOutcome first = Submit(Pulse("S1", "72"));
  ExpectRefused(Submit(Pulse("S1", "73")), ErrorCode::kReasonRequired);
  ExpectRefused(Submit(Because(Pulse("S1", "73"), " \n")), ErrorCode::kReasonRequired);
  const CaptureOutcome second = Submit(Because(Pulse("S1", "73"), "Transcription error"));
  ASSERT_EQ(second.kind, Kind::kCaptured);
  EXPECT_EQ(second.version, 2u);
  const RecordRow record = Record(Pulse("S1", "").key);
  EXPECT_EQ(record.current, second.revision);
  EXPECT_THAT(record.heads, testing::ElementsAre(second.revision));
  const auto queued = Outbox();
  ASSERT_EQ(queued.size(), 2u);
  EXPECT_THAT(DecodeRevision(queued[1].canonical)->parents, testing::ElementsAre(first.revision));
  ExpectSound();
}

TEST_F(CaptureTest, ARepeatIsUnchangedAlsoWhenItsBaseIsNoLongerCurrent) {
  const CaptureOutcome first = Submit(Pulse("S1", "72"));
  Submission change = Because(Pulse("S1", "73"), "Transcription error");
  change.base_revision = first.revision;
  const CaptureOutcome second = Submit(change);
  const CaptureOutcome repeat = Submit(change);  // The answer was lost; the front end asks again.
  EXPECT_EQ(repeat.kind, Kind::kUnchanged);
  EXPECT_EQ(repeat.version, 2u);
  EXPECT_EQ(repeat.revision, second.revision);
  EXPECT_EQ(Outbox().size(), 2u);
  EXPECT_EQ(woken_, 2);
}

TEST_F(CaptureTest, AChangeOfAnOlderRevisionIsStaleAndNamesTheCurrentOne) {
  const CaptureOutcome first = Submit(Pulse("S1", "72"));
  const CaptureOutcome second = Submit(Because(Pulse("S1", "73"), "Transcription error"));
  Submission late = Because(Pulse("S1", "74"), "Typed over");
  late.base_revision = first.revision;
  const CaptureOutcome outcome = Submit(late);
  EXPECT_EQ(outcome.kind, Kind::kStale);
  EXPECT_EQ(outcome.current, second.revision);
  Submission unknown = Pulse("S2", "74");
  unknown.base_revision = first.revision;
  const CaptureOutcome absent = Submit(unknown);
  EXPECT_EQ(absent.kind, Kind::kStale);
  EXPECT_FALSE(absent.current.has_value());
  EXPECT_EQ(Outbox().size(), 2u);
}

TEST_F(CaptureTest, ARemovalIsARevisionAndTheRecordCanBeRestoredWithAReason) {
  Submission removal = Pulse("S1", "72");
  removal.remove = true;
  removal.items.clear();
  ExpectRefused(Submit(removal), ErrorCode::kNotFound);
  Submit(Pulse("S1", "72"));
  ExpectRefused(Submit(removal), ErrorCode::kReasonRequired);
  const CaptureOutcome removed = Submit(Because(removal, "Entered for the wrong subject"));
  ASSERT_EQ(removed.kind, Kind::kCaptured);
  EXPECT_TRUE(Record(removal.key).removed);
  EXPECT_EQ(Submit(removal).kind, Kind::kUnchanged);
  ExpectRefused(Submit(Pulse("S1", "72")), ErrorCode::kReasonRequired);
  const CaptureOutcome restored = Submit(Because(Pulse("S1", "72"), "It was the right one"));
  EXPECT_EQ(restored.version, 3u);
  EXPECT_FALSE(Record(removal.key).removed);
  Reopen();
  ExpectSound();
}

TEST_F(CaptureTest, EachScopeOfLockRefusesItsRecordsAndNoOthers) {
  const RecordKey key = Pulse("S1", "").key;
  const StudyOID study = key.study;
  const Lock locks[] = {{1, study, ""}, {2, study, "SITE.702"}, {3, study, "S1"},
                        {4, study, ToString(key)}};
  const Lock others[] = {{1, StudyOID("OTHER"), ""}, {2, study, "SITE.703"}, {3, study, "S2"},
                         {4, study, ToString(Pulse("S2", "").key)}};
  const auto change = [&](const auto& edit) {
    ASSERT_TRUE(world_.store().writer().Run([&] { return edit(world_.store().writer_tables()); })
                    .ok());
  };
  for (const Lock& other : others) {
    change([&](EdgeTables& tables) { return tables.locks.Set(other); });
  }
  int pulse = 60;
  for (const Lock& lock : locks) {
    change([&](EdgeTables& tables) { return tables.locks.Set(lock); });
    const Submission submission = Because(Pulse("S1", std::to_string(++pulse)), "Control");
    ExpectRefused(Submit(submission), ErrorCode::kLocked);
    change([&](EdgeTables& tables) { return tables.locks.Clear(lock); });
    EXPECT_EQ(Submit(submission).kind, Kind::kCaptured) << int{lock.scope};
  }
}

TEST_F(CaptureTest, OneBadSubmissionOfABatchIsRefusedAloneAndLaterOnesSeeEarlierOnes) {
  Submission elsewhere = Pulse("S3", "72");
  elsewhere.site = SiteOID("SITE.703");
  Submission large = Pulse("S4", "72");
  for (int i = 0; i < 9; ++i) {
    large.items[{ItemGroupOID("IG.AE"), RepeatKey(std::to_string(i + 1))}][ItemOID("IT.AE.TEXT")] =
        std::string(limits::kValueBytesMax, 'x');
  }
  std::vector<Result<Submission>> batch;
  batch.emplace_back(Pulse("S1", "72"));
  batch.emplace_back(Fail(ErrorCode::kFieldMissing, "formOID is missing"));
  batch.emplace_back(Pulse("S1", "72"));
  batch.emplace_back(Because(Pulse("S1", "73"), "Control"));
  batch.emplace_back(elsewhere);
  batch.emplace_back(large);
  batch.emplace_back(Pulse("S2", "80"));
  const auto outcomes = capture_->SubmitAll(std::move(batch));
  ASSERT_EQ(outcomes.size(), 7u);
  EXPECT_EQ(outcomes[0].kind, Kind::kCaptured);
  ExpectRefused(outcomes[1], ErrorCode::kFieldMissing);
  EXPECT_EQ(outcomes[2].kind, Kind::kUnchanged);
  EXPECT_EQ(outcomes[2].revision, outcomes[0].revision);
  EXPECT_EQ(outcomes[3].version, 2u);
  ExpectRefused(outcomes[4], ErrorCode::kWrongSite);
  ExpectRefused(outcomes[5], ErrorCode::kTooLarge);
  EXPECT_EQ(outcomes[6].sequence, Sequence(3));
  EXPECT_EQ(woken_, 1);
  ExpectSound();
}

TEST_F(CaptureTest, AClockSetBackKeepsEditTimesRisingAlsoAfterReopening) {
  EditTime last;
  for (int i = 0; i < 6; ++i) {
    const CaptureOutcome outcome = Submit(Because(Pulse("S1", std::to_string(60 + i)), "Control"));
    ASSERT_EQ(outcome.kind, Kind::kCaptured);
    const auto stored = Read<std::optional<StoredRevision>>(
        [&](EdgeTables& tables) { return tables.revisions.Find(outcome.revision); });
    EXPECT_GT(stored->known.revision.edited_at, last);
    last = stored->known.revision.edited_at;
    world_.clock.SetWall({world_.clock.Wall().ms - 3'600'000});
    if (i % 2 == 1) Reopen();
  }
}

TEST_F(CaptureTest, ARecordWithTwoHeadsKeepsTheOtherHeadAndTheNewRevisionIsCurrent) {
  const CaptureOutcome first = Submit(Pulse("S1", "72"));
  // What the feed would bring: a rival of the same version, written elsewhere.
  KnownRevision rival{{}, *DecodeRevision(Outbox()[0].canonical)};
  rival.revision.origin = Origin::kOnline;
  rival.revision.edge = EdgeId();
  const Bytes canonical = EncodeRevision(rival.revision);
  rival.id = IdOf(canonical);
  EdgeTables& tables = world_.store().writer_tables();
  ASSERT_TRUE(world_.store().writer().Run([&]() -> Status {
    EDCSYNC_ASSIGN(std::optional<RecordRow> row, tables.records.Find(rival.revision.key));
    row->heads = NextHeads(row->heads, {}, rival.id);
    row->current = std::max(first.revision, rival.id);
    EDCSYNC_TRY(tables.revisions.Insert(row->record_id, rival, canonical, WallTime{1}));
    return tables.records.Update(*row);
  }).ok());
  ExpectSound();
  const RecordRow before = Record(rival.revision.key);
  const CaptureOutcome second = Submit(Because(Pulse("S1", "75"), "Control"));
  ASSERT_EQ(second.kind, Kind::kCaptured);
  const RecordRow after = Record(rival.revision.key);
  EXPECT_EQ(after.current, second.revision);
  EXPECT_EQ(after.heads.size(), 2u);
  EXPECT_THAT(after.heads, testing::Not(testing::Contains(before.current)));
  ExpectSound();
}

TEST_F(CaptureTest, SixtyFourCallersAtOnceAreAllCapturedInOneUnbrokenOutbox) {
  world_.store().writer().Start();
  constexpr int kThreadCount = 64;
  constexpr int kEach = 8;
  std::vector<std::vector<CaptureOutcome>> outcomes(kThreadCount);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreadCount; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        // Their own record, and one that all of them change.
        std::vector<Result<Submission>> two;
        two.emplace_back(Because(Pulse("S" + std::to_string(t), std::to_string(i)), "Control"));
        two.emplace_back(Because(Pulse("ALL", std::to_string(t * kEach + i)), "Control"));
        for (CaptureOutcome& outcome : capture_->SubmitAll(std::move(two))) {
          outcomes[static_cast<std::size_t>(t)].push_back(std::move(outcome));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::uint64_t> sequences;
  for (const auto& mine : outcomes) {
    for (const CaptureOutcome& outcome : mine) {
      ASSERT_EQ(outcome.kind, Kind::kCaptured);
      sequences.insert(outcome.sequence.value());
    }
  }
  EXPECT_EQ(sequences.size(), 2u * kThreadCount * kEach);
  EXPECT_EQ(*sequences.rbegin(), sequences.size());
  EXPECT_EQ(Record(Pulse("ALL", "").key).current_version, 1u * kThreadCount * kEach);
  Reopen();
  EXPECT_EQ(Outbox().size(), sequences.size());
  ExpectSound();
}

TEST_F(CaptureTest, AFullDiskRefusesAndLeavesNothingHalfWritten) {
  const CaptureOutcome first = Submit(Pulse("S0", "72"));
  ASSERT_EQ(first.kind, Kind::kCaptured);
  Database& database = world_.store().writer_tables().database;
  std::int64_t page_count = 0;
  {
    Statement statement = database.Prepare("PRAGMA page_count");
    ASSERT_TRUE(*statement.Step());
    page_count = statement.Int(0);
  }
  ASSERT_TRUE(database.Execute("PRAGMA max_page_count=" + std::to_string(page_count + 40)).ok());
  std::vector<Result<Submission>> batch;
  for (int i = 1; i <= 400; ++i) batch.emplace_back(Pulse("S" + std::to_string(i), "72"));
  const auto outcomes = capture_->SubmitAll(std::move(batch));
  std::size_t captured = 0;
  while (captured < outcomes.size() && outcomes[captured].kind == Kind::kCaptured) ++captured;
  ASSERT_LT(captured, outcomes.size());
  for (std::size_t i = captured; i < outcomes.size(); ++i) {
    ExpectRefused(outcomes[i], ErrorCode::kDiskFull);
  }
  EXPECT_EQ(Outbox().size(), 1 + captured);
  ExpectSound();
  // Space is made: the next one follows on without a gap, in this process and in the next.
  ASSERT_TRUE(database.Execute("PRAGMA max_page_count=1000000").ok());
  EXPECT_EQ(Submit(Pulse("S999", "72")).sequence, Sequence(captured + 2));
  Reopen();
  EXPECT_EQ(Submit(Pulse("S1000", "72")).sequence, Sequence(captured + 3));
  ExpectSound();
}

TEST_F(CaptureTest, NoValueStandsInTheDatabaseItsLogOrABackup) {
  const std::string value = "Known-Value-4711-Haemoglobin";
  const std::string reason = "Known-Reason-4712";
  Submit(Pulse("S1", "72"));
  ASSERT_EQ(Submit(Because(Pulse("S1", value), reason)).kind, Kind::kCaptured);
  const Status backup = world_.store().Backup(world_.PathOf("copy.db"), {});
  ASSERT_TRUE(backup.ok()) << backup.error().ToString();
  const std::string files = world_.BytesOf("edge.db");  // With -wal and -shm: still open.
  const std::string copy = world_.BytesOf("copy.db");
  for (const std::string& bytes : {files, copy}) {
    EXPECT_NE(bytes.find("F.VS"), std::string::npos);  // Keys are clear: the right bytes are read.
    EXPECT_EQ(bytes.find(value), std::string::npos);
    EXPECT_EQ(bytes.find(reason), std::string::npos);
  }
  // The backup opens with the same key and holds the value.
  world_.Close();
  world_.options.path = world_.PathOf("copy.db");
  Reopen();
  ExpectSound();
  EXPECT_EQ(Submit(Pulse("S1", value)).kind, Kind::kUnchanged);
}

TEST(CapturePilot, TheStreamOfARealSiteIsReadBackItemByItem) {
  EdgeWorld world("SITE.703");
  ASSERT_TRUE(world.Open().ok());
  std::vector<Result<Submission>> stream;
  std::ifstream file(EDCSYNC_SOURCE_DIR "/tests/data/cdiscpilot/site-703.ndjson");
  for (std::string line; std::getline(file, line);) stream.push_back(ParseSubmission(line));
  ASSERT_EQ(stream.size(), 923u);
  for (Result<Submission>& submission : stream) {
    ASSERT_TRUE(submission.ok()) << submission.error().ToString();
    submission->reason_for_change = "Stream";
  }
  const auto outcomes = Capture(world.store(), {}).SubmitAll(stream);
  ASSERT_TRUE(world.Open().ok());
  std::map<RecordKey, std::uint32_t> versions;
  const Status read = world.store().Read([&](EdgeTables& tables) -> Status {
    for (std::size_t i = 0; i < stream.size(); ++i) {
      EXPECT_TRUE(outcomes[i].kind == Kind::kCaptured || outcomes[i].kind == Kind::kUnchanged);
      EDCSYNC_ASSIGN(const auto stored, tables.revisions.Find(outcomes[i].revision));
      EXPECT_TRUE(stored.has_value());
      if (!stored) continue;
      EXPECT_EQ(stored->known.revision.items, stream[i]->items);
      EXPECT_EQ(stored->known.revision.key, stream[i]->key);
      versions[stream[i]->key] = outcomes[i].version;
    }
    for (const auto& [key, version] : versions) {
      EDCSYNC_ASSIGN(const auto record, tables.records.Find(key));
      EXPECT_EQ(record->current_version, version);
    }
    EDCSYNC_ASSIGN(const auto count, tables.records.Count());
    EXPECT_EQ(count, versions.size());
    return Ok();
  });
  ASSERT_TRUE(read.ok());
  EXPECT_THAT(*world.store().Check({}), testing::IsEmpty());
}

}  // namespace
}  // namespace edcsync::edge
