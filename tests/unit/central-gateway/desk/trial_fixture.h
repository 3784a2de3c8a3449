// A central store with the real study of tests/data, two sites and conflicts in its vital signs.
#pragma once

#include <initializer_list>
#include <utility>

#include "central-gateway/desk/conflict_desk.h"
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {

inline const StudyOID kPilot{"CDISCPILOT01"};
inline const SiteOID kKisumu{"Kisumu"};
inline const SiteOID kTororo{"Tororo"};
inline const ItemPath kPulse{{ItemGroupOID("IG.VS.BP"), RepeatKey("1")}, ItemOID("IT.VS.PULSE")};
inline const ItemPath kSystolic{{ItemGroupOID("IG.VS.BP"), RepeatKey("1")},
                                ItemOID("IT.VS.SYS_BP")};
inline const ItemPath kPosition{{ItemGroupOID("IG.VS.BP"), RepeatKey("1")},
                                ItemOID("IT.VS.SUBPOS")};
inline const ItemPath kWeight{{ItemGroupOID("IG.VS.BODY"), RepeatKey("1")},
                              ItemOID("IT.VS.WEIGHT")};

using Values = std::initializer_list<std::pair<ItemPath, ItemValue>>;

inline std::string ReadTestFile(const std::string& name) {
  std::ifstream file(std::string(EDCSYNC_SOURCE_DIR "/tests/data/") + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

class TrialTest : public CentralStoreTest {
 protected:
  // What the tests know of one conflict.
  struct Opened {
    KnownRevision base, left, right;
    ConflictRow row;
    std::string id() const { return std::to_string(row.id.value()); }
  };

  void SetUp() override {
    CentralStoreTest::SetUp();
    Change([&](CentralWriter& writer) -> Status {
      EdgeRow edge;
      edge.edge = EdgeId("edge-tororo");
      edge.site = kTororo;
      edge.added_at = clock_.Wall();
      EDCSYNC_TRY(writer.InsertEdge(edge));
      return writer.PutStudy({kPilot, MetaDataVersionOID("MDV.1"), "CDISCPILOT01", clock_.Wall(),
                              ReadTestFile("cdiscpilot/metadata.xml")});
    });
  }

  void Change(const std::function<Status(CentralWriter&)>& change) {
    ExpectOk(store_->Write(change));
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

  static KnownRevision Sealed(KnownRevision known) {
    known.id = IdOf(EncodeRevision(known.revision));
    return known;
  }
  // A form of vital signs as captured at `site`, a second later than the one before.
  KnownRevision Vitals(const std::string& subject, const SiteOID& site,
                       const std::vector<const KnownRevision*>& parents, Values values) {
    clock_.Advance(1000);
    std::vector<RevisionId> ids;
    std::uint32_t version = 1;
    for (const KnownRevision* parent : parents) {
      ids.push_back(parent->id);
      version = std::max(version, parent->revision.version + 1);
    }
    KnownRevision known = Make(subject, "F.VS", ids, version, "", site.str());
    known.revision.metadata_version = MetaDataVersionOID("MDV.1");
    known.revision.items.clear();
    for (const auto& [path, value] : values) {
      SetState(known.revision.items, path, {true, value});
    }
    return Sealed(std::move(known));
  }
  void Apply(const KnownRevision& known) {
    Change([&](CentralWriter& writer) -> Status {
      Incoming incoming = ReadIncoming(EncodeRevision(known.revision));
      incoming.edge = known.revision.edge;  // Empty: written at the centre.
      if (!incoming.edge.empty()) incoming.incarnation = incarnation_;
      incoming.site = known.revision.site;
      EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry_));
      EDCSYNC_TRY(merger.Apply(incoming));
      return Ok();
    });
  }
  // Two pulses upon one; the right one is the current head.
  Opened OpenConflict(const std::string& subject, const SiteOID& site = kKisumu) {
    Opened opened;
    opened.base =
        Vitals(subject, site, {}, {{kPulse, "70"}, {kSystolic, "120"}, {kPosition, "SUPINE"}});
    opened.left = Vitals(subject, site, {&opened.base},
                         {{kPulse, "71"}, {kSystolic, "120"}, {kPosition, "SUPINE"}});
    opened.right = Vitals(subject, site, {&opened.base},
                          {{kPulse, "90"}, {kSystolic, "125"}, {kPosition, "SUPINE"}});
    for (const KnownRevision* known : {&opened.base, &opened.left, &opened.right}) Apply(*known);
    opened.row = OpenOf(opened.base);
    return opened;
  }
  // The open conflict of the revision's record; one without heads if there is none.
  ConflictRow OpenOf(const KnownRevision& known) {
    const auto record = Read<std::optional<RecordState>>(
        [&](CentralReader& reader) { return reader.FindRecord(known.revision.key); });
    if (!record) return {};
    return Read<std::optional<ConflictRow>>(
               [&](CentralReader& reader) { return reader.OpenConflictOf(record->record_id); })
        .value_or(ConflictRow{});
  }
  // What counts of the revision's record now.
  Revision Current(const KnownRevision& known) {
    return Read<std::optional<RevisionRow>>(
               [&](CentralReader& reader) -> Result<std::optional<RevisionRow>> {
                 EDCSYNC_ASSIGN(const auto record, reader.FindRecord(known.revision.key));
                 return reader.FindRevision(record->current);
               })
        ->known.revision;
  }
  // In quarantine: the study does not define the form.
  KnownRevision Quarantine(const std::string& subject, const SiteOID& site = kKisumu) {
    KnownRevision known = Make(subject, "F.UNKNOWN", {}, 1, "70", site.str());
    Apply(known);
    return known;
  }

  // Every row of a table as text, however the table is keyed.
  std::string Rows(const std::string& table) {
    sqlite3* raw = nullptr;
    EXPECT_EQ(sqlite3_open((folder_ + "/central.db").c_str(), &raw), SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(raw, ("SELECT * FROM " + table).c_str(), -1, &statement, nullptr),
              SQLITE_OK)
        << table;
    std::string rows;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, i));
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
        rows += ToHex(BytesView(bytes, size)) + "|";
      }
      rows += "\n";
    }
    sqlite3_finalize(statement);
    sqlite3_close(raw);
    return rows;
  }
  // All that a data manager or an administrator could change; without the audit trail, in which
  // refusals stand too.
  std::string Everything() {
    std::string all;
    for (const char* table :
         {"record", "revision", "conflict", "conflict_work", "proposal", "reopening", "signature", "quarantine", "lock",
          "study", "study_setting", "feed", "account_right", "saved_view", "edge"}) {
      all += std::string(table) + ":\n" + Rows(table);
    }
    return all;
  }

  RegistryCache registry_;
};

}  // namespace edcsync::central
