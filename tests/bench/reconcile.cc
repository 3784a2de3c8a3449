#include "tests/bench/reconcile.h"

#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "schema/migrations.h"
#include "shared/base/random.h"
#include "shared/crypto/revision_tree.h"
#include "shared/storage/migration.h"
#include "shared/storage/revision_scan.h"
#include "tests/bench/service.h"

namespace edcsync::bench {
namespace {

constexpr std::size_t kSealedBytes = 700;  // A form of 25 items, compressed as little as sealed.

double SecondsOf(const std::function<void()>& run) {
  const auto begun = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

void Fill(Database& database, std::uint64_t count) {
  SeededRandom random(1);
  Bytes sealed(kSealedBytes);
  random.Fill(sealed);
  Need(database.Begin());
  for (std::uint64_t i = 0; i < count; ++i) {
    RevisionId id;
    random.Fill(id.digest);
    Statement record = database.Prepare(
        "INSERT INTO record (study_oid, subject_key, study_event_oid, study_event_repeat_key, "
        "form_oid, form_repeat_key, site_oid, heads, current_revision_id, current_version, "
        "removed) "
        "VALUES ('CDISCPILOT01', ?1, 'SE.WEEK_2', '1', 'F.VS', '1', 'SITE.702', ?2, ?2, 1, 0)");
    const std::string subject = "01-702-" + std::to_string(i);
    Need(record.Bind(1, std::string_view(subject)).Bind(2, id.view()).Run());
    Statement revision = database.Prepare(
        "INSERT INTO revision (revision_id, record_id, version, parents, origin, edited_at_ms, "
        "edited_at_counter, user, edge_id, received_at_ms, sealed) "
        "VALUES (?1, ?2, 1, x'', 1, 0, 0, 'nurse', 'kisumu', 0, ?3)");
    Need(revision.Bind(1, id.view())
             .Bind(2, static_cast<std::int64_t>(i + 1))
             .Bind(3, BytesView(sealed))
             .Run());
  }
  Need(database.Commit());
}

}  // namespace

nlohmann::ordered_json MeasureReconcile(std::uint64_t record_count) {
  std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-bench-XXXXXX").string();
  const std::string folder = ::mkdtemp(pattern.data());
  DatabaseOptions options;
  options.path = folder + "/central.db";
  double counted_s = 0, walked_s = 0;
  {
    const std::unique_ptr<Database> database = Need(Database::Open(options));
    Need(Migrate(*database, schema::CentralMigrations()));
    Fill(*database, record_count);
    // The better of two: the first fills the machine's cache, as whoever wrote the rows would have.
    for (int i = 0; i < 2; ++i) {
      std::uint64_t bytes = 0;
      const double walked = SecondsOf([&] {
        Statement walk = database->Prepare(
            "SELECT k.subject_key, r.revision_id FROM record k CROSS JOIN revision r "
            "ON r.record_id = k.record_id WHERE k.site_oid = 'SITE.702'");
        while (Need(walk.Step())) bytes += walk.Text(0).size() + walk.Blob(1).size();
      });
      RevisionTree tree;
      const double counted = SecondsOf([&] {
        Need(ScanRevisions(*database, SiteOID("SITE.702"), [&](const ScannedRevision& scanned) {
          tree.Add(scanned.key_hash, scanned.id);
          return Ok();
        }));
      });
      if (tree.count() != record_count || bytes == 0) Abandon("the walk missed rows");
      counted_s = i == 0 ? counted : std::min(counted, counted_s);
      walked_s = i == 0 ? walked : std::min(walked, walked_s);
    }
  }
  std::filesystem::remove_all(folder);
  return {{"records", record_count},
          {"countedS", counted_s},
          {"walkAloneS", walked_s},
          {"shareOfCeiling", counted_s > 0 ? walked_s / counted_s : 0}};
}

}  // namespace edcsync::bench
