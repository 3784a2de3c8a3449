// The tables that edge and centre share, on the edge's schema.
#include <gmock/gmock.h>

#include "schema/migrations.h"
#include "shared/crypto/revision_id.h"
#include "shared/storage/audit_table.h"
#include "shared/storage/data_key_table.h"
#include "shared/storage/migration.h"
#include "shared/storage/record_table.h"
#include "shared/storage/revision_table.h"
#include "tests/unit/shared/storage/temporary_folder.h"

namespace edcsync {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

RecordKey Key(const std::string& subject, const std::string& form = "F.VS") {
  return {StudyOID("CDISCPILOT01"), SubjectKey(subject), StudyEventOID("SE.WEEK_2"),
          RepeatKey("1"),           FormOID(form),       RepeatKey("1")};
}

RevisionId IdNamed(const std::string& name) { return {Sha256(AsBytes(name))}; }

RecordRow Row(const RecordKey& key, const std::string& site) {
  return {0, key, SiteOID(site), {IdNamed("a")}, IdNamed("a"), 1, false};
}

class TablesTest : public testing::Test {
 protected:
  TablesTest() : database_(OpenDatabase(folder_.File("edge.db"))) {
    EXPECT_TRUE(Migrate(*database_, schema::EdgeMigrations()).ok());
    reader_ = OpenDatabase(folder_.File("edge.db"));
    keys_ = std::make_unique<SqliteDataKeyTable>(*database_, *reader_);
    OpenCipher();
  }
  void OpenCipher() {
    auto cipher = FieldCipher::Open(KeyEncryptionKey({1, 2, 3}), *keys_, random_);
    ASSERT_TRUE(cipher.ok()) << cipher.error().ToString();
    cipher_ = std::move(*cipher);
  }
  void Commit(const std::function<Status()>& work) {
    auto transaction = WriteTransaction::Begin(*database_);
    ASSERT_TRUE(transaction.ok());
    const Status status = work();
    ASSERT_TRUE(status.ok()) << status.error().ToString();
    ASSERT_TRUE(transaction->Commit().ok());
  }
  KnownRevision NewRevision(const std::string& subject, const std::string& value) {
    KnownRevision known;
    known.revision.key = Key(subject);
    known.revision.site = SiteOID("SITE.702");
    known.revision.edge = EdgeId("kisumu-1");
    known.revision.user = "achieng";
    known.revision.edited_at = {1000, 4'000'000'000u};
    known.revision.items[{ItemGroupOID("IG"), RepeatKey("1")}][ItemOID("IT")] = value;
    random_.Fill(known.revision.salt);
    known.id = IdOf(EncodeRevision(known.revision));
    return known;
  }

  TemporaryFolder folder_;
  SeededRandom random_{7};
  std::unique_ptr<Database> database_;
  std::unique_ptr<Database> reader_;
  std::unique_ptr<SqliteDataKeyTable> keys_;
  std::unique_ptr<FieldCipher> cipher_;
};

TEST_F(TablesTest, ARecordIsFoundByEachOfItsKeysPartsAndUpdatedInPlace) {
  RecordTable records(*database_);
  std::int64_t id = 0;
  Commit([&]() -> Status {
    EDCSYNC_ASSIGN(id, records.Insert(Row(Key("S1"), "SITE.702")));
    return Ok();
  });
  RecordRow row = **records.Find(Key("S1"));
  EXPECT_EQ(row.record_id, id);
  EXPECT_EQ(row.key, Key("S1"));
  EXPECT_EQ(row.site, SiteOID("SITE.702"));
  RecordKey other = Key("S1");
  other.form_repeat = RepeatKey("2");
  EXPECT_FALSE(records.Find(other)->has_value());
  row.heads = {IdNamed("b"), IdNamed("c")};
  row.current = IdNamed("c");
  row.current_version = 4'000'000'000u;
  row.removed = true;
  Commit([&] { return records.Update(row); });
  const RecordRow read = **records.FindById(id);
  EXPECT_EQ(read.heads, row.heads);
  EXPECT_EQ(read.current, row.current);
  EXPECT_EQ(read.current_version, row.current_version);
  EXPECT_TRUE(read.removed);
  row.record_id = 99;
  EXPECT_EQ(CodeOf(records.Update(row)), ErrorCode::kInvariant);
}

TEST_F(TablesTest, RecordsAreListedInKeyOrderByPageAndFilter) {
  RecordTable records(*database_);
  Commit([&]() -> Status {
    for (const char* subject : {"S2", "S10", "S1"}) {
      for (const char* form : {"F.VS", "F.AE"}) {
        EDCSYNC_TRY(records.Insert(
            Row(Key(subject, form), std::string(subject) == "S2" ? "SITE.703" : "SITE.702")));
      }
    }
    return Ok();
  });
  const auto names = [&](const RecordTable::Filter& filter) {
    std::vector<std::string> list;
    std::optional<RecordKey> after;
    while (true) {
      const auto page = records.List(filter, after ? &*after : nullptr, 2);
      EXPECT_TRUE(page.ok());
      if (!page.ok() || page->empty()) return list;
      for (const RecordRow& row : *page) list.push_back(row.key.subject.str() + row.key.form.str());
      after = page->back().key;
    }
  };
  EXPECT_THAT(names({}), ElementsAre("S1F.AE", "S1F.VS", "S10F.AE", "S10F.VS", "S2F.AE", "S2F.VS"));
  EXPECT_THAT(names({.study = "CDISCPILOT01", .site = "SITE.702", .subject = {}, .form = "F.VS"}),
              ElementsAre("S1F.VS", "S10F.VS"));
  EXPECT_THAT(names({.study = {}, .site = {}, .subject = "S2", .form = {}}),
              ElementsAre("S2F.AE", "S2F.VS"));
  EXPECT_THAT(names({.study = "OTHER", .site = {}, .subject = {}, .form = {}}), IsEmpty());
}

TEST_F(TablesTest, ARevisionIsReadBackWholeAlsoUnderAKeyOpenedAnew) {
  RecordTable records(*database_);
  const KnownRevision known = NewRevision("S1", "Known-Value-1");
  const Bytes canonical = EncodeRevision(known.revision);
  std::int64_t rowid = 0;
  Commit([&]() -> Status {
    RevisionTable revisions(*database_, *cipher_);
    EDCSYNC_TRY(cipher_->Reserve(1, WallTime{5}));
    EDCSYNC_ASSIGN(const std::int64_t record_id, records.Insert(Row(Key("S1"), "SITE.702")));
    EDCSYNC_ASSIGN(rowid, revisions.Insert(record_id, known, canonical, WallTime{6}));
    return Ok();
  });
  OpenCipher();
  const RevisionTable revisions(*database_, *cipher_);
  const auto stored = revisions.Find(known.id);
  ASSERT_TRUE(stored.ok() && stored->has_value());
  EXPECT_EQ((*stored)->known.revision, known.revision);
  EXPECT_EQ((*stored)->canonical, canonical);
  EXPECT_EQ((*stored)->received_at, WallTime{6});
  EXPECT_EQ((*stored)->rowid, rowid);
  EXPECT_EQ(revisions.OpenRow(rowid)->canonical, canonical);
  EXPECT_EQ(revisions.ListOf((*stored)->record_id)->size(), 1u);
  EXPECT_EQ(*revisions.RowOf(known.id), rowid);
  EXPECT_EQ(revisions.NodeOf(known.id)->version, 1u);
  EXPECT_TRUE(*revisions.Contains(known.id));
  EXPECT_FALSE(*revisions.Contains(IdNamed("x")));
  EXPECT_FALSE(revisions.Find(IdNamed("x"))->has_value());
  EXPECT_EQ(revisions.NodeOf(IdNamed("x")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(revisions.RowOf(IdNamed("x")).error().code, ErrorCode::kNotFound);
}

TEST_F(TablesTest, ASealedRevisionUnderAnotherIdDoesNotOpen) {
  const KnownRevision a = NewRevision("S1", "1");
  const KnownRevision b = NewRevision("S1", "2");
  Bytes sealed;
  Bytes forged;
  Commit([&]() -> Status {
    EDCSYNC_TRY(cipher_->Reserve(2, WallTime{5}));
    cipher_->Seal(EncodeRevision(a.revision), a.id.view(), sealed);
    // Sealed by one who has the key, under an id that is not the content's.
    cipher_->Seal(EncodeRevision(a.revision), b.id.view(), forged);
    return Ok();
  });
  EXPECT_TRUE(OpenSealedRevision(*cipher_, sealed, a.id).ok());
  EXPECT_EQ(OpenSealedRevision(*cipher_, sealed, b.id).error().code, ErrorCode::kDecryption);
  EXPECT_EQ(OpenSealedRevision(*cipher_, forged, b.id).error().code, ErrorCode::kDecryption);
}

TEST_F(TablesTest, RevisionsAndAuditEntriesRefuseUpdateAndDelete) {
  AuditTable audit(*database_);
  RecordTable records(*database_);
  RevisionTable revisions(*database_, *cipher_);
  const KnownRevision known = NewRevision("S1", "1");
  Commit([&]() -> Status {
    EDCSYNC_TRY(cipher_->Reserve(1, WallTime{5}));
    EDCSYNC_ASSIGN(const std::int64_t record_id, records.Insert(Row(Key("S1"), "SITE.702")));
    EDCSYNC_TRY(revisions.Insert(record_id, known, EncodeRevision(known.revision), WallTime{6}));
    return audit.Append({});
  });
  for (const char* sql : {"UPDATE revision SET user = 'x'", "DELETE FROM revision",
                          "UPDATE audit SET actor = 'x'", "DELETE FROM audit",
                          "DELETE FROM record", "DELETE FROM data_key"}) {
    EXPECT_FALSE(database_->Execute(sql).ok()) << sql;
  }
  EXPECT_EQ(*revisions.Count(), 1u);
}

TEST_F(TablesTest, TheAuditChainGoesOnAfterForgettingAndBreaksWhereAnEntryWasAltered) {
  AuditTable audit(*database_);
  const auto append = [&](const std::string& actor) {
    AuditEntry entry;
    entry.id = 1u << 20;
    entry.at = WallTime{9};
    entry.actor = actor;
    entry.action = "revision.captured";
    entry.object = "object of " + actor;
    return audit.Append(entry);
  };
  Commit([&] { return append("a"); });
  audit.Forget();
  Commit([&] { return append("b"); });
  {
    // Rolled back and forgotten: its number is given again.
    auto transaction = WriteTransaction::Begin(*database_);
    ASSERT_TRUE(append("lost").ok());
  }
  audit.Forget();
  Commit([&] { return append("c"); });
  std::uint64_t count = 0;
  EXPECT_THAT(*audit.Verify(count, {}), IsEmpty());
  EXPECT_EQ(count, 3u);
  const auto later = audit.List({.object = {}, .action = {}, .after_number = 1, .count_max = 1});
  ASSERT_EQ(later->size(), 1u);
  EXPECT_EQ(later->at(0).actor, "b");
  EXPECT_EQ(audit.List({.object = "object of c", .action = {}})->at(0).number, 3u);
  EXPECT_THAT(*audit.List({.object = {}, .action = "other"}), IsEmpty());
  ASSERT_TRUE(database_->Execute("DROP TRIGGER audit_is_never_altered;"
                                 "UPDATE audit SET object = 'other' WHERE number = 2").ok());
  EXPECT_THAT(*audit.Verify(count, {}), ElementsAre("audit entry 2: hash does not follow"));
}

TEST_F(TablesTest, DataKeysAreReadBackAndTheirReservationsAreKept) {
  const Bytes wrapped(60, 7);
  const KeyId first = KeyEncryptionKey({1}).Id();
  const KeyId second = KeyEncryptionKey({2}).Id();
  Commit([&] { return keys_->Insert({3, wrapped, 10, WallTime{5}, first, WallTime{6}}); });
  EXPECT_EQ(keys_->Load()->at(0).wrapped_by, first);
  Commit([&] { return keys_->SetUsesReserved(3, std::uint64_t{1} << 31); });
  const auto keys = keys_->Load();
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ(keys->at(0).id, 3u);
  EXPECT_EQ(keys->at(0).wrapped, wrapped);
  EXPECT_EQ(keys->at(0).uses_reserved, std::uint64_t{1} << 31);
  EXPECT_EQ(keys->at(0).created_at, WallTime{5});
  EXPECT_EQ(CodeOf(keys_->SetUsesReserved(4, 1)), ErrorCode::kInvariant);
  const Bytes again(60, 8);
  Commit([&]() -> Status {
    EDCSYNC_TRY(keys_->SetWrapped({3, again, 0, {}, second, WallTime{9}}));
    EXPECT_EQ(keys_->LoadForWriting()->at(0).wrapped, again);
    EXPECT_EQ(keys_->Load()->at(0).wrapped, wrapped);  // Not committed yet.
    return Ok();
  });
  EXPECT_EQ(keys_->Load()->at(0).wrapped_by, second);
  EXPECT_EQ(keys_->Load()->at(0).uses_reserved, std::uint64_t{1} << 31);
  EXPECT_EQ(CodeOf(keys_->SetWrapped({4, again, 0, {}, second, {}})), ErrorCode::kInvariant);
}

}  // namespace
}  // namespace edcsync
