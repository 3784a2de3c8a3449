#include "tests/simulation/reconciling.h"

#include <map>

#include "shared/storage/database.h"

namespace edcsync::simulation {
namespace {

using central::DifferenceKind;
using central::ReconciliationRow;
using central::ReconciliationState;

constexpr std::int64_t kEndsUsMax = 600 * kSecond;

struct Harm {
  bool at_centre = false;
  bool damage = false;  // Else the row is gone.
  DifferenceKind kind() const {
    if (at_centre) return damage ? DifferenceKind::kDamagedAtCentre : DifferenceKind::kMissingAtCentre;
    return damage ? DifferenceKind::kDamagedAtSite : DifferenceKind::kMissingAtSite;
  }
};
using Harms = std::map<RevisionId, Harm>;

struct Row {
  RevisionId id;
  std::int64_t record = 0;
};

class Reconciling {
 public:
  // Draws of its own, so that what a world lives through before does not depend on this.
  explicit Reconciling(World& world) : world_(world), random_(world.options.seed * 7919 + 1) {}

  void Run() {
    for (const auto& edge : world_.edges) {
      if (!world_.revoked.contains(edge->edge())) edges_.push_back(edge.get());
    }
    if (edges_.empty()) return;
    const std::map<EdgeId, Harms> none;
    CompareAll(none, "at rest");
    if (!world_.violations.empty()) return;
    std::map<EdgeId, Harms> harmed;
    Harms at_centre;
    for (EdgeMachine* edge : edges_) HarmSite(*edge, harmed[edge->edge()]);
    HarmCentre(harmed, at_centre);
    BringUp();
    if (!world_.violations.empty()) return;
    CompareAll(harmed, "after silent loss and damage");
    if (world_.violations.empty()) CompareAll(none, "once more");
    for (const auto& [edge, harms] : harmed) {
      for (const auto& [id, harm] : harms) {
        world_.history.Reached(harm.damage ? "silent damage mended" : "silent losses mended");
      }
    }
  }

 private:
  // Rows of `sql`: revision id, record key as a number. Fails the world if it cannot be read.
  std::vector<Row> RowsOf(const testing::SimDisk& disk, const char* path, const std::string& sql) {
    std::vector<Row> rows;
    WithDatabase(disk, path, [&](Database& database) -> Status {
      Statement statement = database.Prepare(sql);
      while (true) {
        EDCSYNC_ASSIGN(const bool found, statement.Step());
        if (!found) return Ok();
        rows.push_back({RevisionIdFromBytes(statement.Blob(0)), statement.Int(1)});
      }
    });
    return rows;
  }

  void WithDatabase(const testing::SimDisk& disk, const char* path,
                    const std::function<Status(Database&)>& run) {
    DatabaseOptions options;
    options.path = path;
    options.vfs = disk.vfs();
    options.create = false;
    Result<std::unique_ptr<Database>> database = Database::Open(options);
    const Status done =
        database.ok() ? run(**database) : tl::unexpected<Error>(database.error());
    if (!done.ok()) world_.Violate("settles", std::string(path) + ": " + done.error().ToString());
  }

  // As a failing disk does it: past the triggers, which stand again afterwards.
  void Inflict(const testing::SimDisk& disk, const char* path, const Harms& harms) {
    if (harms.empty()) return;
    WithDatabase(disk, path, [&](Database& database) -> Status {
      EDCSYNC_TRY(database.Execute("PRAGMA foreign_keys = OFF"));
      std::vector<std::string> triggers;
      std::vector<std::string> names;
      {
        Statement all = database.Prepare(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'revision'");
        while (true) {
          EDCSYNC_ASSIGN(const bool found, all.Step());
          if (!found) break;
          names.emplace_back(all.Text(0));
          triggers.emplace_back(all.Text(1));
        }
      }
      for (const std::string& name : names) EDCSYNC_TRY(database.Execute("DROP TRIGGER " + name));
      for (const auto& [id, harm] : harms) {
        const std::string which = " WHERE revision_id = x'" + id.ToHex() + "'";
        EDCSYNC_TRY(database.Execute(
            harm.damage ? "UPDATE revision SET sealed = zeroblob(length(sealed))" + which
                        : "DELETE FROM revision" + which));
        world_.Fault(harm.damage ? "silent damage" : "silent loss", id.ToHex());
      }
      for (const std::string& sql : triggers) EDCSYNC_TRY(database.Execute(sql));
      return Ok();
    });
  }

  void HarmSite(EdgeMachine& edge, Harms& harms) {
    edge.Kill();
    // An edge whose last captured revision is gone does not start: a person must look first.
    std::vector<Row> rows =
        RowsOf(edge.disk, EdgeMachine::kDatabase,
               "SELECT revision_id, record_id FROM revision WHERE revision_rowid <> "
               "(SELECT coalesce(max(revision_rowid), 0) FROM outbox) AND revision_rowid <> "
               "(SELECT max(revision_rowid) FROM revision) ORDER BY revision_id");
    // What lies in quarantine since a former incarnation sent it is compared with nothing.
    std::set<RevisionId> at_centre;
    for (const Row& row : RowsOf(world_.centre.disk, CentreMachine::kDatabase,
                                 "SELECT revision_id, record_id FROM revision")) {
      at_centre.insert(row.id);
    }
    std::erase_if(rows, [&](const Row& row) { return !at_centre.contains(row.id); });
    harms = Draw(rows, /*at_centre=*/false);
    for (const auto& [id, harm] : harms) taken_.insert(id);
    Inflict(edge.disk, EdgeMachine::kDatabase, harms);
  }

  // Only what a site has whole can come back.
  void HarmCentre(std::map<EdgeId, Harms>& harmed, Harms& at_centre) {
    std::map<RevisionId, std::vector<EdgeId>> holders;
    for (EdgeMachine* edge : edges_) {
      for (const Row& row : RowsOf(edge->disk, EdgeMachine::kDatabase,
                                   "SELECT revision_id, record_id FROM revision")) {
        holders[row.id].push_back(edge->edge());
      }
    }
    world_.centre.Kill();
    std::vector<Row> rows;
    // Not the newest: SQLite would give its row to the next revision.
    const std::vector<Row> newest =
        RowsOf(world_.centre.disk, CentreMachine::kDatabase,
               "SELECT revision_id, record_id FROM revision ORDER BY revision_rowid DESC LIMIT 1");
    if (!newest.empty()) taken_.insert(newest[0].id);
    for (const Row& row : RowsOf(world_.centre.disk, CentreMachine::kDatabase,
                                 "SELECT revision_id, record_id FROM revision "
                                 "ORDER BY revision_id")) {
      if (holders.contains(row.id) && !taken_.contains(row.id)) rows.push_back(row);
    }
    at_centre = Draw(rows, /*at_centre=*/true);
    Inflict(world_.centre.disk, CentreMachine::kDatabase, at_centre);
    for (const auto& [id, harm] : at_centre) {
      for (const EdgeId& edge : holders[id]) harmed[edge][id] = harm;
    }
  }

  // Up to three, of as many records.
  Harms Draw(const std::vector<Row>& rows, bool at_centre) {
    Harms harms;
    std::set<std::int64_t> records;
    bool any_lost = false;
    if (rows.empty()) return harms;
    for (std::uint64_t more = 1 + random_.Below(3); more > 0; --more) {
      const Row& row = rows[random_.Below(rows.size())];
      if (!records.insert(row.record).second) continue;
      // One row is lost at the centre: of several, each comes back to a row that was one of theirs, not
      // always to its own, and the checkers tell the order of arrival by rows.
      const bool lost = random_.Below(2) == 0 && !(at_centre && any_lost);
      any_lost = any_lost || lost;
      harms[row.id] = {at_centre, /*damage=*/!lost};
    }
    return harms;
  }

  void BringUp() {
    const Status started = world_.centre.Start(0);
    if (!started.ok()) {
      return world_.Violate("settles", "the centre does not start: " + started.error().ToString());
    }
    for (EdgeMachine* edge : edges_) {
      const Status up = edge->Start();
      if (up.ok()) continue;
      return world_.Violate("settles", "does not start: " + up.error().ToString(), {edge->name()});
    }
  }

  // Every edge is compared once; each run names what `harmed` says of its edge and nothing else. What
  // the centre lost is named in the run of any one edge that has it.
  void CompareAll(const std::map<EdgeId, Harms>& harmed, const std::string& when) {
    std::map<EdgeId, SnowflakeId> asked;
    std::set<RevisionId> found;
    for (std::size_t i = 0; i < CentreMachine::kGatewayCountMax; ++i) {  // Each has edges.
      if (world_.centre.running(i)) world_.centre.StartReconciling(i);
    }
    central::CentralStore* store = world_.centre.Commands();
    if (store == nullptr) return world_.Violate("settles", "the central store does not open");
    for (EdgeMachine* edge : edges_) {
      const auto ask = [&] {
        return store->Write([&](central::CentralWriter& writer) -> Status {
          EDCSYNC_ASSIGN(const std::optional<central::EdgeRow> row, writer.FindEdge(edge->edge()));
          if (!row) return Fail(ErrorCode::kUnknownEdge, "the centre does not know it");
          EDCSYNC_ASSIGN(asked[edge->edge()],
                         central::AskForReconciliation(writer, *row, "operator", ""));
          return Ok();
        });
      };
      Status written = ask();
      // The centre's clock was ahead: its ids wait until it is there again.
      for (int i = 0; i < 360 && !written.ok() && written.error().code == ErrorCode::kClock; ++i) {
        world_.Pass(10 * kSecond);
        written = ask();
      }
      if (!written.ok()) {
        return world_.Violate("settles", written.error().ToString(), {edge->name()});
      }
    }
    for (EdgeMachine* edge : edges_) {
      const ReconciliationRow row = Await(*store, asked.at(edge->edge()));
      const auto harms = harmed.find(edge->edge());
      Judge(*store, *edge, row, harms == harmed.end() ? Harms() : harms->second, when, found);
    }
    for (const auto& [edge, harms] : harmed) {
      for (const auto& [id, harm] : harms) {
        if (found.contains(id)) continue;
        world_.Violate("I3", std::string(harm.damage ? "damage" : "a loss") + " at " +
                                 (harm.at_centre ? "the centre" : edge.str()) +
                                 " was not found " + when,
                       {edge.str(), id.ToHex()});
      }
    }
    std::string why;
    for (int i = 0; i < 60; ++i) {  // An idle edge pulls once a minute.
      world_.Pass(2 * kSecond);
      if (world_.AtRest(why)) return;
    }
    world_.Violate("settles", "compared " + when + ", " + why);
  }

  ReconciliationRow Await(central::CentralStore& store, SnowflakeId id) {
    ReconciliationRow row;
    const std::int64_t end = world_.now_us() + kEndsUsMax;
    while (true) {
      (void)store.Read([&](central::CentralReader& reader) -> Status {
        EDCSYNC_ASSIGN(const std::optional<ReconciliationRow> now, reader.FindReconciliation(id));
        if (now) row = *now;
        return Ok();
      });
      if (!row.unfinished() || world_.now_us() > end) return row;
      world_.Pass(kSecond);
    }
  }

  void Judge(central::CentralStore& store, const EdgeMachine& edge, const ReconciliationRow& row,
             const Harms& harms, const std::string& when, std::set<RevisionId>& found) {
    world_.history.Checked("reconciliations");
    const auto wrong = [&](const std::string& what, const std::string& about = "") {
      world_.Violate("I3", "a reconciliation " + when + " " + what + " (" +
                               std::string(ToString(row.state)) + ": " + row.step + ")",
                     {edge.name(), about});
    };
    std::vector<central::DifferenceRow> named;
    (void)store.Read([&](central::CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(named, reader.ListDifferences(row.id, nullptr, 10'000));
      return Ok();
    });
    for (const central::DifferenceRow& one : named) {
      const auto harm = harms.find(one.revision);
      found.insert(one.revision);
      if (harm == harms.end()) {
        wrong("names what nobody harmed, " + std::string(ToString(one.kind)), one.revision.ToHex());
      } else if (one.kind != harm->second.kind()) {
        wrong("names " + std::string(ToString(one.kind)) + " what is " +
                  std::string(ToString(harm->second.kind())),
              one.revision.ToHex());
      }
      if (one.outcome != central::DifferenceOutcome::kBroughtBack) {
        wrong("did not bring back: " + one.detail, one.revision.ToHex());
      }
    }
    const ReconciliationState expected =
        named.empty() ? ReconciliationState::kEqual : ReconciliationState::kMended;
    if (row.state != expected) wrong("ended otherwise than it should");
    if (row.site_signature.empty() || row.centre_signature.empty()) wrong("is not signed by both");
    world_.history.Reached(named.empty() ? "reconciled equal" : "reconciled mended");
  }

  World& world_;
  SeededRandom random_;
  std::vector<EdgeMachine*> edges_;
  std::set<RevisionId> taken_;  // Harmed at a site: whole at the centre.
};

}  // namespace

void Reconcile(World& world) { Reconciling(world).Run(); }

}  // namespace edcsync::simulation
