#include "central-gateway/store/sqlite_central_store.h"

#include "shared/crypto/field_cipher.h"
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

using Store = CentralStoreTest;

TEST_F(Store, ARevisionIsReadBackWithItsRecordHeadsSubjectAndNotes) {
  const KnownRevision first = Make("702-1082", "F.VS", {}, 1, "72");
  const KnownRevision second = Make("702-1082", "F.VS", {first.id}, 2, "74");
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(Insert(writer, first));
    CentralWriter::NewRevision added;
    EDCSYNC_ASSIGN(const std::optional<RecordState> record, writer.FindRecord(first.revision.key));
    added.row = {record->record_id, writer.Now(), second, EncodeRevision(second.revision),
                 "IT.PULSE: not an integer", true};
    added.heads = {second.id};
    added.current = second.id;
    added.current_version = 2;
    EDCSYNC_TRY(writer.InsertRevision(added));
    return Ok();
  }));
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    const auto record = Must(reader.FindRecord(first.revision.key));
    EXPECT_TRUE(record.has_value());
    EXPECT_EQ(record->heads, std::vector{second.id});
    EXPECT_EQ(record->current_version, 2u);
    EXPECT_EQ(record->site, SiteOID("Kisumu"));
    EXPECT_EQ(Must(reader.SiteOfSubject(StudyOID("CDISCPILOT01"), SubjectKey("702-1082"))),
              SiteOID("Kisumu"));
    const auto rows = Must(reader.RevisionsOf(record->record_id));
    EXPECT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].known.revision, first.revision);
    EXPECT_FALSE(rows[0].clock_suspect);
    EXPECT_EQ(rows[1].nonconformance, "IT.PULSE: not an integer");
    EXPECT_TRUE(Must(reader.FindRevision(second.id))->clock_suspect);
    EXPECT_TRUE(Must(reader.HasRevision(first.id)));
    EXPECT_FALSE(Must(reader.HasRevision(RevisionId{})));
    EXPECT_EQ(Must(reader.NodeOf(second.id)).parents, std::vector{first.id});
    EXPECT_EQ(reader.NodeOf(RevisionId{}).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(Must(reader.ListRecords({.study = "", .site = "Kisumu", .subject = "", .form = ""},
                                      nullptr, 10)).size(), 1u);
    EXPECT_EQ(Must(reader.ListRecords({}, &first.revision.key, 10)).size(), 0u);
    return Ok();
  }));
}

TEST_F(Store, ASubjectOfAnotherSiteIsRefused) {
  ExpectOk(store_->Write(
      [&](CentralWriter& writer) { return Insert(writer, Make("702-1082", "F.VS", {}, 1, "1")); }));
  const Status refused = store_->Write([&](CentralWriter& writer) {
    return Insert(writer, Make("702-1082", "F.AE", {}, 1, "1", "Tororo"));
  });
  EXPECT_EQ(refused.error().code, ErrorCode::kWrongSite);
}

TEST_F(Store, AFailingWorkIsRolledBackAloneAndTheAuditChainGoesOn) {
  const KnownRevision a = Make("S1", "F.VS", {}, 1, "1");
  const KnownRevision b = Make("S2", "F.VS", {}, 1, "2");
  const KnownRevision c = Make("S3", "F.VS", {}, 1, "3");
  std::vector<bool> outcomes;
  const auto done = [&](Status status) { outcomes.push_back(status.ok()); };
  // The first Done submits nothing before the others wait: all three share one transaction.
  ExpectOk(store_->Submit([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(store_->Submit([&](CentralWriter& w) { return Insert(w, a); }, done, 0));
    EDCSYNC_TRY(store_->Submit([&](CentralWriter& w) -> Status {
      EDCSYNC_TRY(Insert(w, b));
      return Fail(ErrorCode::kLocked, "a work that fails at its end");
    }, done, 0));
    EDCSYNC_TRY(store_->Submit([&](CentralWriter& w) { return Insert(w, c); }, done, 0));
    return writer.CountDuplicates(3);
  }, [](Status status) { ExpectOk(status); }, 0));
  EXPECT_EQ(outcomes, (std::vector<bool>{true, false, true}));
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    EXPECT_TRUE(Must(reader.HasRevision(a.id)));
    EXPECT_FALSE(Must(reader.HasRevision(b.id)));
    EXPECT_TRUE(Must(reader.HasRevision(c.id)));
    EXPECT_FALSE(Must(reader.SiteOfSubject(StudyOID("CDISCPILOT01"), SubjectKey("S2"))));
    EXPECT_EQ(Must(reader.FeedHead()), FeedCursor(2));
    const auto figures = Must(reader.CountAll());
    EXPECT_EQ(figures.records, 2u);
    EXPECT_EQ(figures.revisions, 2u);
    EXPECT_EQ(figures.audit_entries, 2u);
    EXPECT_EQ(figures.duplicates, 3u);
    return Ok();
  }));
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

// A gateway may be watched for years: what an edge's last comparison found stays known, however many
// failed since.
TEST_F(Store, AnEdgesLastComparisonIsTheLastThatCameToItsEndWithWhatItFound) {
  const auto compared = [&](CentralWriter& writer, std::uint64_t id,
                            ReconciliationState state) -> Status {
    ReconciliationRow row;
    row.id = SnowflakeId(id);
    row.site = SiteOID("Kisumu");
    row.edge = kisumu_;
    row.asked_at = {static_cast<std::int64_t>(id)};
    row.changed_at = row.asked_at;
    EDCSYNC_TRY(writer.InsertReconciliation(row));
    row.state = ReconciliationState::kRunning;
    EDCSYNC_TRY(writer.UpdateReconciliation(row));
    for (std::uint8_t i = 0; state == ReconciliationState::kDifferent && i < 3; ++i) {
      DifferenceRow difference;
      difference.revision.digest[0] = static_cast<std::uint8_t>(id + i);
      difference.outcome =
          i == 0 ? DifferenceOutcome::kBroughtBack : DifferenceOutcome::kNotBroughtBack;
      EDCSYNC_TRY(writer.PutDifference(row.id, difference));
    }
    row.state = state;
    row.ended_at = WallTime{static_cast<std::int64_t>(id) + 5};
    return writer.UpdateReconciliation(row);
  };
  const auto last = [&] {
    LastComparison found;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      found = Must(reader.LastComparisonOf(kisumu_));
      return Ok();
    }));
    return found;
  };
  EXPECT_FALSE(last().ended || last().compared_at);
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(compared(writer, 100, ReconciliationState::kEqual));
    EDCSYNC_TRY(compared(writer, 200, ReconciliationState::kDifferent));
    return compared(writer, 300, ReconciliationState::kFailed);
  }));
  EXPECT_EQ(last().ended, ReconciliationState::kFailed);
  EXPECT_EQ(last().compared_at, WallTime{205});
  EXPECT_EQ(last().differences, 3u);
  EXPECT_EQ(last().not_brought_back, 2u);
  ExpectOk(store_->Write([&](CentralWriter& writer) {
    return compared(writer, 400, ReconciliationState::kEqual);
  }));
  EXPECT_EQ(last().ended, ReconciliationState::kEqual);
  EXPECT_EQ(last().compared_at, WallTime{405});
  EXPECT_EQ(last().differences, 0u);
}

TEST_F(Store, TwoProcessesOnOneFileSeeEachOtherAndKeepAuditAndFeedUnbroken) {
  const auto other = OpenStore("gateway-2");
  for (int i = 0; i < 6; ++i) {
    CentralStore& store = i % 2 == 0 ? *store_ : *other;
    ExpectOk(store.Write([&](CentralWriter& writer) -> Status {
      EXPECT_EQ(Must(writer.FeedHead()), FeedCursor(static_cast<std::uint64_t>(i)));
      return Insert(writer, Make("S" + std::to_string(i / 2), "F" + std::to_string(i), {}, 1, "1"));
    }));
  }
  std::uint64_t entries = 0;
  EXPECT_EQ(Must(other->VerifyAudit(entries, nullptr)), std::vector<std::string>{});
  EXPECT_EQ(entries, 6u);
  const LockRow lock{LockScope::kSubject, StudyOID("CDISCPILOT01"), "S1", "dm", "closed", {}};
  const RecordKey locked = Make("S1", "F1", {}, 1, "1").revision.key;
  std::uint64_t generation = 0;
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EXPECT_FALSE(Must(writer.IsLocked(locked, SiteOID("Kisumu"))));
    generation = Must(writer.RegistryGeneration());
    return Ok();
  }));
  ExpectOk(other->Write([&](CentralWriter& writer) { return writer.SetLock(lock); }));
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EXPECT_TRUE(Must(writer.IsLocked(locked, SiteOID("Kisumu"))));
    EXPECT_GT(Must(writer.RegistryGeneration()), generation);
    return Ok();
  }));
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

TEST_F(Store, ALateHolderOfAnEpochIsFenced) {
  const auto other = OpenStore("gateway-2");
  Epoch first;
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(first, writer.BindSession(kisumu_, GatewayId("g1"), "0.1", writer.Now(), 40));
    return writer.CheckEpoch(kisumu_, first);
  }));
  ExpectOk(other->Write([&](CentralWriter& writer) -> Status {
    EXPECT_EQ(Must(writer.BindSession(kisumu_, GatewayId("g2"), "0.1", writer.Now(), {})),
              first.Next());
    return Ok();
  }));
  const Status late =
      store_->Write([&](CentralWriter& writer) { return writer.CheckEpoch(kisumu_, first); });
  EXPECT_EQ(late.error().code, ErrorCode::kStaleEpoch);
  const Status unknown = store_->Write(
      [&](CentralWriter& writer) { return writer.CheckEpoch(EdgeId("nobody"), first); });
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnknownEdge);
}

TEST_F(Store, TheFeedSkipsWhatAnEdgeCapturedItselfAndStillMovesItsCursor) {
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    for (int i = 0; i < 3; ++i) {
      EDCSYNC_TRY(Insert(writer, Make("S1", "F" + std::to_string(i), {}, 1, "1")));
    }
    return Insert(writer, Make("T1", "F1", {}, 1, "1", "Tororo"), false);
  }));
  const SiteOID kisumu("Kisumu");
  const auto page = [&](FeedCursor after, std::size_t count_max, std::size_t bytes_max,
                        const Incarnation& incarnation) {
    CentralReader::FeedPage read;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(read, reader.FeedAfter(kisumu, kisumu_, incarnation, after, count_max,
                                            bytes_max));
      return Ok();
    }));
    return read;
  };
  const auto own = page(FeedCursor(), 10, 1'000'000, incarnation_);
  EXPECT_TRUE(own.rows.empty());
  EXPECT_FALSE(own.more);
  EXPECT_EQ(own.next, FeedCursor(4));  // Past its own and past the other site's.

  const KnownRevision centre = Make("S1", "F9", {}, 1, "1");
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(Insert(writer, centre, false));
    FeedRow lock;
    lock.kind = FeedKind::kLock;
    lock.detail = {1, 2, 3};
    return writer.AppendFeed(lock);
  }));
  const auto news = page(own.next, 10, 1'000'000, incarnation_);
  ASSERT_EQ(news.rows.size(), 2u);
  EXPECT_EQ(news.rows[0].revision, centre.id);
  EXPECT_EQ(news.rows[0].canonical, EncodeRevision(centre.revision));
  EXPECT_EQ(news.rows[1].kind, FeedKind::kLock);
  EXPECT_EQ(news.rows[1].detail, (Bytes{1, 2, 3}));
  EXPECT_EQ(news.next, FeedCursor(6));

  // A new incarnation lost its database: it gets its own earlier revisions, page by page.
  const Incarnation renewed = random_.NewId<Incarnation>();
  FeedCursor cursor;
  std::size_t rows = 0;
  for (int i = 0; i < 5; ++i) {
    const auto one = page(cursor, i == 0 ? 1 : 10, i == 1 ? 1 : 1'000'000, renewed);
    rows += one.rows.size();
    if (i < 2) {
      EXPECT_EQ(one.rows.size(), 1u);
      EXPECT_TRUE(one.more);
    }
    cursor = one.next;
  }
  EXPECT_EQ(rows, 5u);
  EXPECT_EQ(cursor, FeedCursor(6));
}

TEST_F(Store, IntakeIsIdempotentAndTellsAClonedEdge) {
  const IntakeRow row{Sequence(1), RevisionId{Sha256(AsBytes("a"))}, Outcome::kHeld, 107};
  IntakeRow cloned = row;
  cloned.revision = RevisionId{Sha256(AsBytes("b"))};
  const auto insert = [&](const IntakeRow& inserted) {
    return store_->Write([&](CentralWriter& writer) {
      return writer.InsertIntake(kisumu_, incarnation_, inserted);
    });
  };
  ExpectOk(insert(row));
  ExpectOk(insert(row));
  EXPECT_EQ(insert(cloned).error().code, ErrorCode::kIncarnationMismatch);
  ExpectOk(store_->Write([&](CentralWriter& writer) {
    return writer.SetIntakeOutcome(kisumu_, incarnation_, Sequence(1), Outcome::kApplied, 0);
  }));
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    const auto found = Must(reader.FindIntake(kisumu_, incarnation_, Sequence(1)));
    EXPECT_EQ(found->revision, row.revision);
    EXPECT_EQ(found->outcome, Outcome::kApplied);
    EXPECT_EQ(Must(reader.ListIntake(kisumu_, incarnation_, Sequence(0), 10)).size(), 1u);
    EXPECT_EQ(Must(reader.ListIntake(kisumu_, incarnation_, Sequence(1), 10)).size(), 0u);
    return Ok();
  }));
}

TEST_F(Store, AnEdgeIsAddedBoundAdvancedAndRevoked) {
  const Digest chain = Sha256(AsBytes("chain"));
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EdgeRow again;
    again.edge = kisumu_;
    again.site = SiteOID("Kisumu");
    EXPECT_EQ(writer.InsertEdge(again).error().code, ErrorCode::kAlreadyExists);
    EDCSYNC_TRY(writer.BindSession(kisumu_, GatewayId("g1"), "0.1.0", writer.Now(), -70));
    EDCSYNC_TRY(writer.AdvanceEdge(kisumu_, Sequence(9), chain, writer.Now()));
    EXPECT_EQ(writer.AdvanceEdge(kisumu_, Sequence(8), chain, writer.Now()).error().code,
              ErrorCode::kInvariant);
    return writer.SetEdgeFeedCursor(kisumu_, FeedCursor(4), writer.Now());
  }));
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    const EdgeRow edge = *Must(reader.FindEdge(kisumu_));
    EXPECT_EQ(edge.incarnation, incarnation_);
    EXPECT_EQ(edge.acknowledged_through, Sequence(9));
    EXPECT_EQ(edge.chain, chain);
    EXPECT_EQ(edge.feed_cursor, FeedCursor(4));
    EXPECT_EQ(edge.clock_drift_ms, -70);
    EXPECT_EQ(edge.certificates_pem, (std::vector<std::string>{"new pem", "old pem"}));
    EXPECT_EQ(Must(reader.ListEdges()).size(), 1u);
    return Ok();
  }));
  const Incarnation renewed = random_.NewId<Incarnation>();
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(writer.SetIncarnation(kisumu_, renewed));
    EXPECT_EQ(writer.SetIncarnation(kisumu_, incarnation_).error().code,
              ErrorCode::kIncarnationMismatch);
    return writer.SetEdgeStanding(kisumu_, EdgeStanding::kRevoked, "stolen");
  }));
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    const EdgeRow edge = *Must(reader.FindEdge(kisumu_));
    EXPECT_EQ(edge.standing, EdgeStanding::kRevoked);
    EXPECT_EQ(edge.acknowledged_through, Sequence(0));
    EXPECT_EQ(edge.feed_cursor, FeedCursor(0));
    EXPECT_TRUE(edge.certificates_pem.empty());
    EXPECT_EQ(Must(reader.RevokedCertificatesPem()).size(), 2u);
    return Ok();
  }));
}

TEST_F(Store, WhatWaitsForTheWriterIsCommittedByItsThread) {
  store_.reset();
  SqliteCentralStoreOptions options = Options("gateway-1");
  options.start_writer = true;
  auto opened = OpenSqliteCentralStore(options, clock_, random_);
  ASSERT_TRUE(opened.ok());
  store_ = std::move(*opened);
  ExpectOk(store_->Write(
      [&](CentralWriter& writer) { return Insert(writer, Make("S1", "F.VS", {}, 1, "1")); }));
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

TEST_F(Store, ASecondInitAndAMissingStoreAreReportedClearly) {
  EXPECT_EQ(CreateSqliteCentralStore(Options("x"), clock_, random_).error().code,
            ErrorCode::kAlreadyExists);
  SqliteCentralStoreOptions absent = Options("x");
  absent.path += ".none";
  EXPECT_EQ(OpenSqliteCentralStore(absent, clock_, random_).error().code, ErrorCode::kNotFound);
  // The key file is there, its database is not: as after an interrupted creation.
  const Status half = CreateSqliteCentralStore(absent, clock_, random_);
  EXPECT_EQ(half.error().code, ErrorCode::kAlreadyExists);
  EXPECT_NE(half.error().message.find("remove the key file"), std::string::npos);
  // An empty database file: interrupted a little later.
  std::ofstream(absent.path).close();
  EXPECT_EQ(OpenSqliteCentralStore(absent, clock_, random_).error().code, ErrorCode::kCorrupt);
  EXPECT_NE(CreateSqliteCentralStore(absent, clock_, random_).error().message.find("interrupted"),
            std::string::npos);
}

TEST_F(Store, AnotherKeyDoesNotOpenTheStore) {
  SqliteCentralStoreOptions options = Options("x");
  options.key_file = folder_ + "/other.key";
  ASSERT_TRUE(KeyEncryptionKey::Create(options.key_file, random_).ok());
  EXPECT_EQ(OpenSqliteCentralStore(options, clock_, random_).error().code, ErrorCode::kKeyWrong);
}

}  // namespace
}  // namespace edcsync::central
