#include "edge-agent/store/edge_store.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "shared/crypto/revision_id.h"
#include "shared/model/hybrid_clock.h"
#include "tests/support/edge_world.h"

namespace edcsync::edge {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

KnownRevision RevisionOf(const std::string& subject, const std::string& value, Random& random) {
  KnownRevision known;
  Revision& revision = known.revision;
  revision.key = {StudyOID("CDISCPILOT01"), SubjectKey(subject), StudyEventOID("SE.WEEK_2"),
                  RepeatKey("1"),           FormOID("F.VS"),     RepeatKey("1")};
  revision.site = SiteOID("SITE.702");
  revision.edge = EdgeId("kisumu-1");
  revision.edited_at = {1'780'000'000'000, 0};
  revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.VS.PULSE")] = value;
  random.Fill(revision.salt);
  known.id = IdOf(EncodeRevision(revision));
  return known;
}

Status Store(EdgeStore& store, const KnownRevision& known) {
  EdgeTables& tables = store.writer_tables();
  RecordRow row{0, known.revision.key, known.revision.site, {known.id}, known.id, 1, false};
  EDCSYNC_ASSIGN(const std::int64_t record_id, tables.records.Insert(row));
  EDCSYNC_ASSIGN(const std::int64_t rowid,
                 tables.revisions.Insert(record_id, known, EncodeRevision(known.revision),
                                         store.clock().Wall()));
  EDCSYNC_TRY(tables.outbox.Append(rowid, known.id, store.clock().Wall(), 0));
  AuditEntry entry;
  entry.actor = "achieng";
  entry.action = "revision.captured";
  entry.object = ToString(known.revision.key);
  return tables.audit.Append(entry);
}

class EdgeStoreTest : public testing::Test {
 protected:
  void Open() {
    const Status opened = world_.Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  }
  void Fill(int count) {
    Open();
    ASSERT_TRUE(world_.store().writer().Run([&]() -> Status {
      for (int i = 1; i <= count; ++i) {
        EDCSYNC_TRY(Store(world_.store(),
                          RevisionOf("S" + std::to_string(i), std::to_string(i), world_.random)));
      }
      return Ok();
    }).ok());
  }
  std::vector<std::string> Findings() {
    Open();
    const auto findings = world_.store().Check({});
    EXPECT_TRUE(findings.ok()) << findings.error().ToString();
    return findings.ok() ? *findings : std::vector<std::string>{};
  }
  ErrorCode OpenError() {
    const Status opened = world_.Open();
    EXPECT_FALSE(opened.ok());
    return opened.ok() ? ErrorCode::kInternal : opened.error().code;
  }
  Checkpoint GetCheckpoint() {
    Checkpoint checkpoint;
    EXPECT_TRUE(world_.store().Read([&](EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(checkpoint, tables.checkpoint.Get());
      return Ok();
    }).ok());
    return checkpoint;
  }

  EdgeWorld world_;
};

TEST_F(EdgeStoreTest, AStoreKeepsItsIncarnationWhenItIsOpenedAgain) {
  Open();
  const Incarnation first = GetCheckpoint().incarnation;
  EXPECT_NE(first, Incarnation{});
  Open();
  EXPECT_EQ(GetCheckpoint().incarnation, first);
}

TEST_F(EdgeStoreTest, ASecondAgentOnTheSameDatabaseIsRefusedWhileAReaderIsNot) {
  Fill(1);
  const auto second = EdgeStore::Open(world_.options, world_.clock, world_.random);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyRunning);
  EdgeStoreOptions options = world_.options;
  options.read_only = true;
  const auto reader = EdgeStore::Open(options, world_.clock, world_.random);
  ASSERT_TRUE(reader.ok()) << reader.error().ToString();
  EXPECT_THAT(*(*reader)->Check({}), IsEmpty());
}

TEST_F(EdgeStoreTest, AReadOnlyStoreReadsTheClosedDatabaseAndNeverWrites) {
  world_.options.read_only = true;
  EXPECT_EQ(OpenError(), ErrorCode::kNotFound);
  EXPECT_EQ(world_.BytesOf("edge"), "");
  world_.options.read_only = false;
  Fill(2);
  world_.Close();
  world_.options.read_only = true;
  EXPECT_THAT(Findings(), IsEmpty());
  const Status written = world_.store().writer().Run([&] {
    return world_.store().writer_tables().locks.Set({1, StudyOID("A"), ""});
  });
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code, ErrorCode::kPermissions);
}

TEST_F(EdgeStoreTest, ADatabaseWithoutItsKeyFileIsRefusedAndNoNewKeyIsMade) {
  Fill(1);
  world_.Close();
  std::filesystem::rename(world_.options.key_file, world_.PathOf("away"));
  EXPECT_EQ(OpenError(), ErrorCode::kKeyMissing);
  EXPECT_FALSE(std::filesystem::exists(world_.options.key_file));
  ASSERT_TRUE(KeyEncryptionKey::Create(world_.options.key_file, world_.random).ok());
  EXPECT_EQ(OpenError(), ErrorCode::kKeyWrong);
  std::filesystem::rename(world_.PathOf("away"), world_.options.key_file);
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(EdgeStoreTest, ADatabaseOfAnotherEdgeOrSiteIsRefused) {
  Open();
  world_.options.edge = EdgeId("tororo-1");
  EXPECT_EQ(OpenError(), ErrorCode::kConfiguration);
  world_.options.edge = EdgeId("kisumu-1");
  world_.options.site = SiteOID("SITE.703");
  EXPECT_EQ(OpenError(), ErrorCode::kConfiguration);
}

// Killed with SIGKILL at places the system chooses, while making its database and writing to it.
TEST_F(EdgeStoreTest, AnAgentKilledAnywhereLeavesADatabaseThatOpensAndIsSound) {
  for (int round = 0; round < 12; ++round) {
    EdgeWorld world("SITE.702", static_cast<std::uint64_t>(round) + 1);
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (::write(ready[1], "x", 1) != 1 || !world.Open().ok()) ::_exit(1);
      for (int i = 0;; ++i) {
        const KnownRevision known = RevisionOf("S" + std::to_string(i), "72", world.random);
        if (!world.store().writer().Run([&] { return Store(world.store(), known); }).ok()) {
          ::_exit(1);
        }
      }
    }
    char byte;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ::usleep(static_cast<useconds_t>(round * 2000));  // Where it is killed; proves nothing itself.
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(ready[0]);
    ::close(ready[1]);
    const Status opened = world.Open();
    ASSERT_TRUE(opened.ok()) << "round " << round << ": " << opened.error().ToString();
    EXPECT_THAT(*world.store().Check({}), IsEmpty());
  }
}

TEST_F(EdgeStoreTest, AWorkThatFailsLeavesTheOutboxAndAuditChainsInStep) {
  Open();
  GroupCommit& writer = world_.store().writer();
  std::vector<Status> answers;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(writer.Submit([&, i]() -> Status {
      EDCSYNC_TRY(Store(world_.store(), RevisionOf("S" + std::to_string(i), "72", world_.random)));
      if (i % 2 == 1) return Fail(ErrorCode::kStale, "undone");
      return Ok();
    }, [&](Status status) { answers.push_back(std::move(status)); }).ok());
  }
  writer.Drain();
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_TRUE(answers[0].ok() && !answers[1].ok() && answers[2].ok() && !answers[3].ok());
  EXPECT_EQ(world_.store().writer_tables().outbox.tail().last, Sequence(2));
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(EdgeStoreTest, ATamperedOrSwappedSealedRowIsFound) {
  Fill(3);
  world_.Close();
  world_.Tamper("DROP TRIGGER revision_is_never_altered;"
                "UPDATE revision SET sealed = CAST(substr(sealed, 1, 40) || x'00' || "
                "substr(sealed, 42) AS BLOB) WHERE revision_rowid = 1;");
  EXPECT_THAT(Findings(), Contains(HasSubstr("does not authenticate")));
  world_.Close();
  world_.Tamper("CREATE TEMP TABLE two AS SELECT revision_rowid AS id, sealed FROM revision;"
                "UPDATE revision SET sealed = (SELECT sealed FROM two WHERE id = 5 - "
                "revision_rowid) WHERE revision_rowid IN (2, 3);");
  const auto findings = Findings();
  EXPECT_THAT(findings, Contains(HasSubstr("/S2/")));
  EXPECT_THAT(findings, Contains(HasSubstr("/S3/")));
}

TEST_F(EdgeStoreTest, AlteredClearColumnsAndHeadsAreFound) {
  Fill(2);
  world_.Close();
  world_.Tamper("DROP TRIGGER revision_is_never_altered;"
                "UPDATE revision SET user = 'somebody' WHERE revision_rowid = 1;"
                "UPDATE record SET removed = 1 WHERE record_id = 2;");
  EXPECT_THAT(Findings(),
              testing::UnorderedElementsAre(HasSubstr("does not match its clear columns"),
                                            HasSubstr("not the winning head")));
}

TEST_F(EdgeStoreTest, AnAlteredOrRemovedAuditEntryIsFound) {
  Fill(3);
  world_.Close();
  world_.Tamper("DROP TRIGGER audit_is_never_altered;"
                "UPDATE audit SET actor = 'somebody' WHERE number = 2;");
  EXPECT_THAT(Findings(), testing::ElementsAre("audit entry 2: hash does not follow"));
  world_.Close();
  world_.Tamper("DROP TRIGGER audit_is_never_removed; DELETE FROM audit WHERE number = 3;");
  EXPECT_THAT(Findings(), Contains("audit entry 4: entry 3 was expected"));
}

TEST_F(EdgeStoreTest, AnOutboxWithAGapOrABrokenEndDoesNotOpen) {
  Fill(3);
  world_.Close();
  world_.Tamper("DROP TRIGGER outbox_is_never_altered;"
                "UPDATE outbox SET chain = zeroblob(32) WHERE sequence = 1;");
  EXPECT_THAT(Findings(), Contains("outbox 1: chain does not follow"));
  world_.Close();
  world_.Tamper("UPDATE outbox SET revision_rowid = 1 WHERE sequence = 3;");
  EXPECT_EQ(OpenError(), ErrorCode::kInvariant);
  world_.Tamper("DELETE FROM outbox WHERE sequence = 2;");
  EXPECT_EQ(OpenError(), ErrorCode::kInvariant);
}

TEST_F(EdgeStoreTest, AnAcknowledgementBeyondTheOutboxDoesNotOpen) {
  Fill(1);
  world_.Close();
  world_.Tamper("UPDATE checkpoint SET acknowledged_through = 2;");
  EXPECT_EQ(OpenError(), ErrorCode::kInvariant);
}

TEST_F(EdgeStoreTest, TheCheckpointIsReadBackInEveryField) {
  Open();
  Checkpoint written = GetCheckpoint();
  EXPECT_FALSE(written.clock_drift_ms.has_value());
  EXPECT_FALSE(written.last_contact.has_value());
  written.history = world_.random.NewId<HistoryId>();
  written.feed_cursor = FeedCursor(7);
  written.last_edit = {99, 4'000'000'000u};
  written.clock_drift_ms = -1234;
  written.last_contact = WallTime{55};
  written.paused = true;
  written.stopped_for = 305;
  written.stopped_message = "A person must decide.";
  ASSERT_TRUE(world_.store().writer().Run([&] {
    return world_.store().writer_tables().checkpoint.Update(written);
  }).ok());
  Open();
  const Checkpoint read = GetCheckpoint();
  EXPECT_EQ(read.incarnation, written.incarnation);
  EXPECT_EQ(read.history, written.history);
  EXPECT_EQ(read.feed_cursor, written.feed_cursor);
  EXPECT_EQ(read.last_edit, written.last_edit);
  EXPECT_EQ(read.clock_drift_ms, written.clock_drift_ms);
  EXPECT_EQ(read.last_contact, written.last_contact);
  EXPECT_TRUE(read.paused);
  EXPECT_EQ(read.stopped_for, 305);
  EXPECT_EQ(read.stopped_message, written.stopped_message);
}

TEST_F(EdgeStoreTest, AReaderSeesOneSnapshotWhileTheWriterGoesOn) {
  Fill(1);
  const Status status = world_.store().Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const std::uint64_t before, tables.records.Count());
    EDCSYNC_TRY(world_.store().writer().Run([&] {
      return Store(world_.store(), RevisionOf("S9", "72", world_.random));
    }));
    EDCSYNC_ASSIGN(const std::uint64_t after, tables.records.Count());
    EXPECT_EQ(before, 1u);
    EXPECT_EQ(after, 1u);
    return Ok();
  });
  ASSERT_TRUE(status.ok()) << status.error().ToString();
  ASSERT_TRUE(world_.store().Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const std::uint64_t now, tables.records.Count());
    EXPECT_EQ(now, 2u);
    return Ok();
  }).ok());
}

TEST_F(EdgeStoreTest, TheOutboxIsReadInOrderWithinItsLimitsAndOutcomesAreKept) {
  Fill(5);
  ASSERT_TRUE(world_.store().writer().Run([&] {
    return world_.store().writer_tables().outbox.SetOutcome(Sequence(4), Outcome::kQuarantined,
                                                            110);
  }).ok());
  ASSERT_TRUE(world_.store().Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const auto two, tables.outbox.Read(Sequence(1), {2, 1'000'000}));
    EXPECT_EQ(two.size(), 2u);
    EXPECT_EQ(two.at(0).sequence, Sequence(2));
    EXPECT_EQ(IdOf(two.at(1).canonical), two.at(1).id);
    EDCSYNC_ASSIGN(const auto small, tables.outbox.Read(Sequence(1), {5, 1}));
    EXPECT_EQ(small.size(), 1u);  // One at least, however large.
    EDCSYNC_ASSIGN(const auto rows, tables.outbox.List(Sequence(2), 10));
    EXPECT_EQ(rows.size(), 3u);
    EXPECT_EQ(rows.at(0).key.subject, SubjectKey("S3"));
    EXPECT_FALSE(rows.at(0).outcome.has_value());
    EXPECT_EQ(rows.at(1).outcome, Outcome::kQuarantined);
    EXPECT_EQ(rows.at(1).reason, 110);
    EDCSYNC_ASSIGN(const Digest start, tables.outbox.ChainAt(Sequence()));
    EXPECT_EQ(start, Digest{});
    EXPECT_EQ(tables.outbox.ChainAt(Sequence(6)).error().code, ErrorCode::kNotFound);
    EDCSYNC_ASSIGN(const auto none, tables.outbox.OldestWaiting(Sequence(5)));
    EXPECT_FALSE(none.has_value());
    EDCSYNC_ASSIGN(const auto oldest, tables.outbox.OldestWaiting(Sequence(4)));
    EXPECT_EQ(oldest, world_.clock.Wall());
    return Ok();
  }).ok());
}

TEST_F(EdgeStoreTest, WhatTheFeedToldIsReadBackAndARepeatOfItChangesNothing) {
  Fill(1);
  const KnownRevision waiting = RevisionOf("S1", "Held-Value-1", world_.random);
  const RevisionId parent{Sha256(AsBytes("parent"))};
  const HeldTable::Row held{waiting.id, parent, Sha256(AsBytes("mark")),
                            EncodeRevision(waiting.revision)};
  const OpenConflict conflict{"A/B/C/D", 42, Severity::kHard, WallTime{9}};
  for (int i = 0; i < 2; ++i) {
    const Status status = world_.store().writer().Run([&]() -> Status {
      EdgeTables& tables = world_.store().writer_tables();
      EDCSYNC_TRY(tables.held.Put(held));
      EDCSYNC_TRY(tables.conflicts.Put(conflict));
      EDCSYNC_TRY(tables.quarantine.Put({waiting.id, 1, 110}));
      EDCSYNC_TRY(tables.marks.Put(1, held.mark));
      return tables.locks.Set({3, StudyOID("A"), "S1"});
    });
    ASSERT_TRUE(status.ok()) << status.error().ToString();
  }
  EXPECT_EQ(world_.BytesOf("edge.db").find("Held-Value-1"), std::string::npos);
  Open();
  ASSERT_TRUE(world_.store().Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const auto rows, tables.held.WaitingFor(parent));
    EXPECT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows.at(0).canonical, held.canonical);
    EXPECT_EQ(rows.at(0).mark, held.mark);
    EDCSYNC_ASSIGN(const auto conflicts, tables.conflicts.List(10));
    EXPECT_EQ(conflicts.size(), 1u);
    EXPECT_EQ(conflicts.at(0).severity, Severity::kHard);
    EDCSYNC_ASSIGN(const auto quarantined, tables.quarantine.CountWaiting());
    EXPECT_EQ(quarantined, 1u);
    EDCSYNC_ASSIGN(const auto marks, tables.marks.List(0, 10));
    EXPECT_EQ(marks.at(0).mark, held.mark);
    EDCSYNC_ASSIGN(const auto locks, tables.locks.List());
    EXPECT_EQ(locks.size(), 1u);
    return Ok();
  }).ok());
}

}  // namespace
}  // namespace edcsync::edge
