// A central store in a folder of its own, a clock that stands still, and revisions of a site.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "central-gateway/store/sqlite_central_store.h"
#include "shared/crypto/revision_id.h"
#include "tests/support/manual_clock.h"

namespace edcsync::central {

inline void ExpectOk(const Status& status) {
  ASSERT_TRUE(status.ok()) << status.error().ToString();
}

template <class T>
T Must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().ToString());
  return std::move(result).value();
}

class CentralStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    ExpectOk(CreateSqliteCentralStore(Options("init"), clock_, random_));
    store_ = OpenStore("gateway-1");
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EdgeRow edge;
      edge.edge = kisumu_;
      edge.site = SiteOID("Kisumu");
      edge.added_at = clock_.Wall();
      edge.certificates_pem = {"new pem", "old pem"};
      EDCSYNC_TRY(writer.InsertEdge(edge));
      return writer.SetIncarnation(kisumu_, incarnation_);
    }));
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  SqliteCentralStoreOptions Options(const std::string& holder) const {
    SqliteCentralStoreOptions options;
    options.path = folder_ + "/central.db";
    options.key_file = folder_ + "/central.key";
    options.start_writer = false;
    options.holder = holder;
    return options;
  }

  std::unique_ptr<CentralStore> OpenStore(const std::string& holder) {
    auto store = OpenSqliteCentralStore(Options(holder), clock_, random_);
    EXPECT_TRUE(store.ok()) << (store.ok() ? "" : store.error().ToString());
    return std::move(*store);
  }

  // A revision of the record `form` of subject `subject` with one item.
  KnownRevision Make(const std::string& subject, const std::string& form,
                     std::vector<RevisionId> parents, std::uint32_t version,
                     const std::string& value, const std::string& site = "Kisumu") {
    KnownRevision known;
    Revision& revision = known.revision;
    revision.key = {StudyOID("CDISCPILOT01"), SubjectKey(subject), StudyEventOID("SE.WEEK_2"),
                    RepeatKey("1"),           FormOID(form),       RepeatKey("1")};
    revision.site = SiteOID(site);
    revision.version = version;
    std::sort(parents.begin(), parents.end());
    revision.parents = std::move(parents);
    revision.user = "nurse";
    revision.edge = kisumu_;
    revision.edited_at = {clock_.Wall().ms, ++counter_};
    random_.Fill(revision.salt);
    revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.PULSE")] = value;
    known.id = IdOf(EncodeRevision(revision));
    return known;
  }

  // As the merger does: the heads after it, the winner, feed included.
  Status Insert(CentralWriter& writer, const KnownRevision& known, bool from_edge = true) {
    CentralWriter::NewRevision added;
    EDCSYNC_ASSIGN(const std::optional<RecordState> record,
                   writer.FindRecord(known.revision.key));
    std::vector<KnownRevision> heads{known};
    if (record) {
      added.row.record_id = record->record_id;
      added.heads = NextHeads(record->heads, known.revision.parents, known.id);
      for (const RevisionId& id : added.heads) {
        if (id == known.id) continue;
        EDCSYNC_ASSIGN(const std::optional<RevisionRow> row, writer.FindRevision(id));
        heads.push_back(row->known);
      }
    } else {
      added.heads = {known.id};
    }
    const KnownRevision& winner = Winner(heads);
    added.row.received_at = writer.Now();
    added.row.known = known;
    added.row.canonical = EncodeRevision(known.revision);
    added.current = winner.id;
    added.current_version = winner.revision.version;
    added.current_removed = winner.revision.removed;
    if (from_edge) {
      added.origin_edge = kisumu_;
      added.origin_incarnation = incarnation_;
    }
    EDCSYNC_TRY(writer.InsertRevision(added));
    return writer.AppendAudit("edge:" + kisumu_.str(), "revision.applied",
                              ToString(known.revision.key), "version=1");
  }

  // The conflict over the heads that the record `key` has.
  static Result<ConflictRow> ConflictOver(CentralWriter& writer, const RecordKey& key,
                                          std::vector<std::string> items = {}) {
    EDCSYNC_ASSIGN(const std::optional<RecordState> record, writer.FindRecord(key));
    ConflictRow conflict;
    EDCSYNC_ASSIGN(conflict.id, writer.NewId());
    conflict.record_id = record->record_id;
    conflict.key = record->key;
    conflict.site = record->site;
    conflict.severity = Severity::kHard;
    conflict.heads = record->heads;
    conflict.items = std::move(items);
    conflict.opened_at = writer.Now();
    EDCSYNC_TRY(writer.InsertConflict(conflict));
    return conflict;
  }

  // Runs SQL on the file as another program would, triggers out of the way if need be.
  void Damage(const std::string& sql) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ + "/central.db").c_str(), &raw), SQLITE_OK);
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
    sqlite3_free(message);
    sqlite3_close(raw);
  }

  std::vector<std::string> Findings() { return Must(store_->Check(nullptr)); }

  ManualClock clock_;
  SeededRandom random_{7};
  std::string folder_;
  const EdgeId kisumu_{"edge-kisumu"};
  const Incarnation incarnation_ = random_.NewId<Incarnation>();
  std::uint32_t counter_ = 0;
  std::unique_ptr<CentralStore> store_;
};

}  // namespace edcsync::central
