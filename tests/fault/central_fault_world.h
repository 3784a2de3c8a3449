// A central store on a simulated disk, for the tests that fail its calls.
#pragma once

#include <algorithm>

#include "central-gateway/merge/merger.h"
#include "central-gateway/store/sqlite_central_store.h"
#include "shared/crypto/revision_id.h"
#include "tests/fault/every_call.h"
#include "tests/fault/look.h"
#include "tests/support/manual_clock.h"

namespace edcsync::central {

inline constexpr char kCentralPath[] = "/central/central.db";
inline const EdgeId kEdge{"kisumu-1"};

// A central store on the disk; the operation comes with the class derived.
class CentralFaultWorld : public testing::FaultWorld {
 public:
  CentralFaultWorld(testing::SimDisk& disk, const testing::FaultFolder& folder,
                    std::uint64_t seed = 2)
      : disk_(disk), random_(seed) {
    options_.path = kCentralPath;
    options_.key_file = folder.path + "/central.key";
    options_.vfs = disk.vfs();
    options_.start_writer = false;
    options_.holder = "fault";
  }

  Status Open() override {
    EDCSYNC_ASSIGN(store_, OpenSqliteCentralStore(options_, clock_, random_));
    return Ok();
  }
  void Close() override { store_.reset(); }
  Status Operate() override { return Ok(); }
  std::string Look() override {
    return testing::LookAt(
        disk_, kCentralPath,
        {"SELECT current_version, length(heads) / 32, removed FROM record ORDER BY 1, 2",
         "SELECT acknowledged_through FROM incarnation", "SELECT outcome, reason FROM intake",
         "SELECT state, severity, length(heads) / 32 FROM conflict",
         "SELECT state, reason FROM quarantine ORDER BY 2", "SELECT kind FROM feed ORDER BY cursor",
         "SELECT action FROM audit ORDER BY number"});
  }
  Result<std::vector<std::string>> Check() override { return store_->Check(nullptr); }

  Status Create() { return CreateSqliteCentralStore(options_, clock_, random_); }
  testing::SimDisk& disk() { return disk_; }
  CentralStore& store() { return *store_; }

  // An edge in session, and its first record.
  Status Fill() {
    EDCSYNC_TRY(store_->Write([&](CentralWriter& writer) -> Status {
      EdgeRow edge;
      edge.edge = kEdge;
      edge.site = SiteOID("Kisumu");
      edge.added_at = clock_.Wall();
      EDCSYNC_TRY(writer.InsertEdge(edge));
      EDCSYNC_TRY(writer.SetIncarnation(kEdge, random_.NewId<Incarnation>()));
      EDCSYNC_TRY(writer.BindSession(kEdge, GatewayId("g1"), "test", clock_.Wall(), std::nullopt));
      return Ok();
    }));
    return Apply({Make("S1", {}, 1, "70")});
  }

  // Merges as an offer of the edge's would be.
  Status Apply(const std::vector<KnownRevision>& revisions) {
    RegistryCache registry;
    return store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry));
      for (const KnownRevision& known : revisions) {
        Incoming incoming = ReadIncoming(EncodeRevision(known.revision));
        incoming.edge = kEdge;
        incoming.site = SiteOID("Kisumu");
        EDCSYNC_TRY(merger.Apply(incoming));
      }
      return Ok();
    });
  }

  // Learns the first revision of S1 and the edge's epoch.
  Status FindBase() {
    return store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(const auto edge, reader.FindEdge(kEdge));
      epoch_ = edge.value().epoch;
      EDCSYNC_ASSIGN(const auto record, reader.FindRecord(KeyOf("S1")));
      EDCSYNC_ASSIGN(const auto rows, reader.RevisionsOf(record.value().record_id));
      base_ = rows.at(0).known.id;
      return Ok();
    });
  }
  const RevisionId& base() const { return base_; }

  // The same revision each time it is asked for.
  KnownRevision Make(const std::string& subject, std::vector<RevisionId> parents,
                     std::uint32_t version, const std::string& value) {
    KnownRevision known;
    Revision& revision = known.revision;
    revision.key = KeyOf(subject);
    revision.site = SiteOID("Kisumu");
    revision.version = version;
    revision.parents = std::move(parents);
    revision.user = "nurse";
    revision.edge = kEdge;
    revision.edited_at = {clock_.Wall().ms, 0};
    revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.PULSE")] = value;
    known.id = IdOf(EncodeRevision(revision));
    return known;
  }

 protected:
  static RecordKey KeyOf(const std::string& subject) {
    return {StudyOID("CDISCPILOT01"), SubjectKey(subject), StudyEventOID("SE.WEEK_2"),
            RepeatKey("1"),           FormOID("F.VS"),     RepeatKey("1")};
  }

  testing::SimDisk& disk_;
  ManualClock clock_;
  SeededRandom random_;
  SqliteCentralStoreOptions options_;
  std::unique_ptr<CentralStore> store_;
  RevisionId base_;
  Epoch epoch_;
};

class CentralFault : public ::testing::Test {
 protected:
  // A store with an edge and a record of one revision.
  testing::SimDisk::Files Begin(const std::function<void(CentralFaultWorld&)>& more = {}) {
    testing::SimDisk disk("begin", 1);
    CentralFaultWorld world(disk, folder_, 1);
    EXPECT_EQ(testing::Describe(world.Create()), "ok");
    EXPECT_EQ(testing::Describe(world.Open()), "ok");
    EXPECT_EQ(testing::Describe(world.Fill()), "ok");
    if (more) more(world);
    world.Close();
    return disk.Copy();
  }

  template <class World>
  testing::EveryCall::MakeWorld Make() {
    return [this](testing::SimDisk& disk) { return std::make_unique<World>(disk, folder_); };
  }

  testing::FaultFolder folder_;
};

}  // namespace edcsync::central
