#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

// One record with two heads and its conflict, one in quarantine, one edge that pushed two.
class Check : public CentralStoreTest {
 protected:
  void SetUp() override {
    CentralStoreTest::SetUp();
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_TRY(Insert(writer, first_));
      EDCSYNC_TRY(Insert(writer, second_));
      EDCSYNC_TRY(Quarantine(writer));
      EDCSYNC_ASSIGN(const ConflictRow conflict,
                     ConflictOver(writer, first_.revision.key,
                                  {"IG.VS/IT.PULSE", "IG.VS/IT.TEMP"}));
      conflict_ = conflict.id;
      Digest chain{};
      std::uint64_t sequence = 0;
      for (const RevisionId& id : {first_.id, second_.id}) {
        chain = ChainDigest(chain, id.view());
        EDCSYNC_TRY(writer.InsertIntake(kisumu_, incarnation_,
                                        {Sequence(++sequence), id, Outcome::kApplied, 0}));
      }
      return writer.AdvanceEdge(kisumu_, Sequence(2), chain, writer.Now());
    }));
    ASSERT_EQ(Findings(), std::vector<std::string>{});
  }

  Status Quarantine(CentralWriter& writer) {
    QuarantineRow row;
    row.bytes = EncodeRevision(held_.revision);
    row.revision = held_.id;
    row.edge = kisumu_;
    row.incarnation = incarnation_;
    row.sequence = Sequence(3);
    row.key = held_.revision.key;
    row.site = SiteOID("Kisumu");
    row.reason = 107;
    row.missing_parent = missing_;
    row.received_at = writer.Now();
    return writer.InsertQuarantine(row);
  }

  void ExpectFinding(const std::string& part) {
    const std::vector<std::string> findings = Findings();
    EXPECT_FALSE(findings.empty());
    for (const std::string& finding : findings) {
      if (finding.find(part) != std::string::npos) return;
    }
    ADD_FAILURE() << "no finding names: " << part << "; first: "
                  << (findings.empty() ? "none" : findings[0]);
  }

  bool BytesHold(const std::string& file, const std::string& value) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    EXPECT_GT(text.str().size(), 4096u) << file;
    return text.str().find(value) != std::string::npos;
  }

  const std::string secret_ = "a pulse of seventy-two beats";
  const RevisionId missing_{Sha256(AsBytes("missing"))};
  const KnownRevision first_ = Make("S1", "F.VS", {}, 1, secret_);
  const KnownRevision second_ = Make("S1", "F.VS", {}, 1, "98.0 degrees of warmth");
  const KnownRevision held_ = Make("S1", "F.AE", {missing_}, 2, secret_);
  SnowflakeId conflict_;
};

TEST_F(Check, FindsAHeadThatWasTakenOut) {
  Damage("UPDATE record SET heads = current_revision_id");
  ExpectFinding("heads are not those");
  ExpectFinding("one head and an open conflict");
}

TEST_F(Check, FindsAWrongWinner) {
  Damage("UPDATE record SET current_revision_id = CASE WHEN substr(heads, 1, 32) = "
         "current_revision_id THEN substr(heads, 33, 32) ELSE substr(heads, 1, 32) END");
  ExpectFinding("not the winner");
}

TEST_F(Check, FindsAConflictThatIsMissing) {
  Damage("UPDATE conflict SET state = 1");
  ExpectFinding("no open conflict");
}

TEST_F(Check, FindsAQueueThatShowsAConflictOtherwise) {
  Damage("UPDATE open_conflict SET severity = 1");
  ExpectFinding("the queue shows it otherwise");
  Damage("DELETE FROM open_conflict");
  ExpectFinding("the queue shows it otherwise");
  // As a restore does first: nothing that can be made anew keeps a backup from being restored.
  ExpectOk(store_->Write([](CentralWriter& writer) { return writer.RebuildQueue(); }));
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

TEST_F(Check, FindsASealedRevisionThatWasAltered) {
  Damage("DROP TRIGGER revision_is_never_altered; "
         "UPDATE revision SET sealed = (SELECT sealed FROM revision WHERE revision_rowid = 2) "
         "WHERE revision_rowid = 1");
  ExpectFinding("does not authenticate");
}

TEST_F(Check, FindsAClearColumnThatWasAltered) {
  Damage("DROP TRIGGER revision_is_never_altered; UPDATE revision SET user = 'somebody else' "
         "WHERE revision_rowid = 1");
  ExpectFinding("altered columns");
}

TEST_F(Check, FindsABrokenAuditChain) {
  Damage("DROP TRIGGER audit_is_never_altered; UPDATE audit SET actor = 'x' WHERE number = 1");
  ExpectFinding("audit entry 1");
}

TEST_F(Check, FindsIntakeThatNamesNothingAndAnOutboxChainThatDoesNotFollow) {
  Damage("DROP TRIGGER intake_keeps_its_revision; "
         "UPDATE intake SET revision_id = zeroblob(32) WHERE sequence = 2");
  ExpectFinding("names a revision that is nowhere");
  ExpectFinding("outbox chain is not");
}

TEST_F(Check, FindsAFeedEntryThatWasTakenOut) {
  Damage("DROP TRIGGER feed_no_delete; DELETE FROM feed WHERE cursor = 1");
  ExpectFinding("in the feed");
}

TEST_F(Check, FindsQuarantineThatDoesNotOpen) {
  Damage("DROP TRIGGER quarantine_keeps_its_bytes; "
         "UPDATE quarantine SET sealed = zeroblob(length(sealed))");
  ExpectFinding("quarantine");
}

TEST_F(Check, TriggersRefuseAlteration) {
  for (const char* sql :
       {"UPDATE revision SET version = 9", "DELETE FROM revision", "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit", "UPDATE feed SET site_id = 0", "DELETE FROM feed",
        "DELETE FROM intake", "UPDATE intake SET sequence = sequence + 9",
        "UPDATE conflict SET severity = 1", "DELETE FROM conflict", "DELETE FROM quarantine",
        "UPDATE quarantine SET sealed = x'00'", "DELETE FROM data_key"}) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ + "/central.db").c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_CONSTRAINT) << sql;
    sqlite3_close(raw);
  }
}

TEST_F(Check, NoValueStandsInTheClearInDatabaseLogOrBackup) {
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const auto row, writer.FindQuarantine(held_.id));
    QuarantineRow decided = *row;
    decided.state = QuarantineEnd::kRejected;
    decided.decided_by = "dm";
    decided.decision_reason = secret_;
    decided.decided_at = writer.Now();
    return writer.UpdateQuarantine(decided);
  }));
  ExpectOk(store_->Backup(folder_ + "/copy.db", nullptr));
  EXPECT_FALSE(BytesHold(folder_ + "/central.db-wal", secret_));
  EXPECT_TRUE(BytesHold(folder_ + "/central.db-wal", "F.VS"));  // It was looked for rightly.
  EXPECT_FALSE(BytesHold(folder_ + "/copy.db", secret_));
  store_.reset();  // Writes the log into the database.
  EXPECT_FALSE(BytesHold(folder_ + "/central.db", secret_));
  EXPECT_TRUE(BytesHold(folder_ + "/central.db", "F.VS"));
  // The copy is whole: it opens under the same key and holds what the store held.
  SqliteCentralStoreOptions copy = Options("copy");
  copy.path = folder_ + "/copy.db";
  auto opened = OpenSqliteCentralStore(copy, clock_, random_);
  ASSERT_TRUE(opened.ok());
  store_ = std::move(*opened);
  EXPECT_EQ(Findings(), std::vector<std::string>{});
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    const auto row = Must(reader.FindQuarantine(held_.id));
    EXPECT_EQ(row->decision_reason, secret_);
    EXPECT_EQ(row->bytes, EncodeRevision(held_.revision));
    return Ok();
  }));
}

TEST_F(Check, AConflictIsOneARecordNeverLoweredAndEndsOnce) {
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    ConflictRow row = *Must(writer.FindConflict(conflict_));
    EXPECT_EQ(row.items.size(), 2u);
    EXPECT_EQ(row.key, first_.revision.key);
    ConflictRow second = row;
    second.id = row.id.Next();
    EXPECT_EQ(writer.InsertConflict(second).error().code, ErrorCode::kInvariant);
    row.severity = Severity::kSoft;
    EDCSYNC_TRY(writer.UpdateConflict(row));
    EXPECT_EQ(Must(writer.OpenConflictOf(row.record_id))->severity, Severity::kHard);
    row.end = ConflictEnd::kResolved;
    row.ended_user = "dm";
    EDCSYNC_TRY(writer.UpdateConflict(row));
    EXPECT_EQ(writer.UpdateConflict(row).error().code, ErrorCode::kStale);
    EXPECT_FALSE(Must(writer.OpenConflictOf(row.record_id)).has_value());
    EXPECT_TRUE(Must(writer.ListConflicts({})).empty());
    CentralReader::ConflictFilter all;
    all.open_only = false;
    all.site = "Kisumu";
    EXPECT_EQ(Must(writer.ListConflicts(all)).size(), 1u);
    all.after = conflict_;
    EXPECT_TRUE(Must(writer.ListConflicts(all)).empty());
    return Ok();
  }));
}

TEST_F(Check, QuarantineIsIdempotentFoundByItsParentAndDecidedOnce) {
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(Quarantine(writer));
    EXPECT_EQ(Must(writer.ListQuarantine(false, 10)).size(), 1u);
    auto held = Must(writer.HeldFor(missing_));
    EXPECT_EQ(held.size(), 1u);
    EXPECT_EQ(held[0].key, held_.revision.key);
    held[0].state = QuarantineEnd::kApplied;
    EDCSYNC_TRY(writer.UpdateQuarantine(held[0]));
    EXPECT_EQ(writer.UpdateQuarantine(held[0]).error().code, ErrorCode::kStale);
    EXPECT_TRUE(Must(writer.HeldFor(missing_)).empty());
    EXPECT_TRUE(Must(writer.ListQuarantine(false, 10)).empty());
    EXPECT_EQ(Must(writer.ListQuarantine(true, 10)).size(), 1u);
    return Ok();
  }));
}

}  // namespace
}  // namespace edcsync::central
