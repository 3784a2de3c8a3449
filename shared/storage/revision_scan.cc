#include "shared/storage/revision_scan.h"

#include "shared/base/planted_defect.h"
#include "shared/crypto/revision_tree.h"

namespace edcsync {
namespace {

// CROSS JOIN holds SQLite to this order: records first, each one's revisions by their index.
constexpr std::string_view kScan =
    "SELECT k.record_id, r.revision_rowid, r.revision_id, k.study_oid, k.subject_key, "
    "k.study_event_oid, k.study_event_repeat_key, k.form_oid, k.form_repeat_key, r.sealed "
    "FROM record k CROSS JOIN revision r ON r.record_id = k.record_id WHERE k.site_oid = ?1";

RecordKey ScannedKey(const Statement& statement) {
  return {StudyOID(statement.Text(3)),      SubjectKey(statement.Text(4)),
          StudyEventOID(statement.Text(5)), RepeatKey(statement.Text(6)),
          FormOID(statement.Text(7)),       RepeatKey(statement.Text(8))};
}

}  // namespace

Status ScanRevisions(Database& database, const RevisionTable& revisions, const SiteOID& site,
                     const std::function<Status(const ScannedRevision&)>& each) {
  Statement statement = database.Prepare(kScan);
  statement.Bind(1, std::string_view(site.str()));
  std::int64_t record_id = 0;  // SQLite numbers rows from 1.
  RecordKey key;
  Digest key_hash{};
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return Ok();
    if (statement.Int(0) != record_id) {
      record_id = statement.Int(0);
      key = ScannedKey(statement);
      key_hash = KeyHash(key);
    }
    const BytesView id = statement.Blob(2);
    if (id.size() != sizeof(Digest)) {
      return Fail(ErrorCode::kCorrupt, "a revision's row holds a broken revision id");
    }
    const RevisionId revision = RevisionIdFromBytes(id);
    EDCSYNC_ASSIGN(bool whole, revisions.IsWhole(revision, statement.Blob(9)));
    if (EDCSYNC_DEFECT("damage-uncounted")) whole = true;
    EDCSYNC_TRY(each({key, key_hash, revision, statement.Int(1), whole}));
  }
}

}  // namespace edcsync
