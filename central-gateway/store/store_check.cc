#include "central-gateway/store/store_check.h"

#include <set>

#include "central-gateway/store/sql_values.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kRecordsAtOnce = 256;

class StoreCheck {
 public:
  StoreCheck(CentralTables& tables, const std::function<void(std::string_view, int)>& progress)
      : tables_(tables), progress_(progress) {}

  Result<std::vector<std::string>> Run() {
    Tell("database", 0);
    EDCSYNC_ASSIGN(findings_, tables_.database.CheckIntegrity());
    Tell("audit", 10);
    std::uint64_t entry_count = 0;
    Keep("audit", tables_.audit.Verify(entry_count, nullptr));
    EDCSYNC_TRY(CheckRecords());
    Tell("intake", 80);
    EDCSYNC_TRY(CheckIntake());
    EDCSYNC_TRY(CheckChains());
    Tell("quarantine", 90);
    EDCSYNC_TRY(CheckQuarantine());
    Tell("feed", 95);
    EDCSYNC_TRY(CheckFeed());
    EDCSYNC_TRY(CheckNotices());
    EDCSYNC_TRY(CheckQueue());
    Tell("done", 100);
    return std::move(findings_);
  }

 private:
  void Tell(std::string_view part, int percent) {
    if (progress_) progress_(part, percent);
  }
  bool Full() const { return findings_.size() >= kFindingCountMax; }
  void Find(std::string finding) {
    if (!Full()) findings_.push_back(std::move(finding));
  }
  // A part that damage stops is a finding of its own.
  void Keep(const std::string& part, Result<std::vector<std::string>> found) {
    if (!found.ok()) return Find(part + ": " + found.error().ToString());
    for (std::string& finding : *found) Find(std::move(finding));
  }

  Status CheckRecords();
  Status CheckRecord(const RecordRow& record);
  void CheckHeads(const std::string& name, const RecordRow& record,
                  const std::vector<StoredRevision>& revisions);
  Status CheckColumns(const std::string& name, const StoredRevision& stored);
  Status CheckIntake();
  Status CheckChains();
  Status CheckChain(const EdgeRow& edge);
  Status CheckQuarantine();
  Status CheckFeed();
  Status CheckNotices();
  Status CheckQueue();

  CentralTables& tables_;
  const std::function<void(std::string_view, int)>& progress_;
  std::vector<std::string> findings_;
};

Status StoreCheck::CheckRecords() {
  EDCSYNC_ASSIGN(const std::uint64_t total, tables_.records.Count());
  std::uint64_t seen = 0;
  std::optional<RecordKey> after;
  while (!Full()) {
    Tell("records", 20 + static_cast<int>(total == 0 ? 60 : 60 * seen / total));
    Result<std::vector<RecordRow>> rows =
        tables_.records.List({}, after ? &*after : nullptr, kRecordsAtOnce);
    if (!rows.ok()) {
      Find("records: " + rows.error().ToString());
      return Ok();
    }
    if (rows->empty()) return Ok();
    for (const RecordRow& row : *rows) EDCSYNC_TRY(CheckRecord(row));
    seen += rows->size();
    after = rows->back().key;
  }
  return Ok();
}

Status StoreCheck::CheckRecord(const RecordRow& record) {
  const std::string name = "record " + ToString(record.key) + ": ";
  const Result<std::vector<StoredRevision>> revisions =
      tables_.revisions.ListOf(record.record_id);
  if (!revisions.ok()) {
    Find(name + revisions.error().ToString());
    return Ok();
  }
  if (revisions->empty()) {
    Find(name + "it has no revision");
    return Ok();
  }
  CheckHeads(name, record, *revisions);
  for (const StoredRevision& stored : *revisions) {
    if (stored.known.revision.key != record.key) Find(name + "it holds another record's revision");
    EDCSYNC_TRY(CheckColumns(name, stored));
  }
  EDCSYNC_ASSIGN(const std::optional<SiteOID> site,
                 tables_.sites.SiteOfSubject(record.key.study, record.key.subject));
  if (!site || *site != record.site) Find(name + "its subject belongs to another site");
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> conflict,
                 tables_.conflicts.OpenOf(record.record_id));
  if (record.heads.size() > 1 && !conflict) {
    Find(name + "it has several heads and no open conflict");
  }
  if (record.heads.size() == 1 && conflict && !conflict->reopens) {
    Find(name + "it has one head and an open conflict");
  }
  if (conflict && conflict->heads != record.heads) {
    Find(name + "its conflict lists other heads");
  }
  return Ok();
}

void StoreCheck::CheckHeads(const std::string& name, const RecordRow& record,
                            const std::vector<StoredRevision>& revisions) {
  std::set<RevisionId> known;
  std::set<RevisionId> named;
  for (const StoredRevision& stored : revisions) {
    known.insert(stored.known.id);
    named.insert(stored.known.revision.parents.begin(), stored.known.revision.parents.end());
  }
  for (const RevisionId& parent : named) {
    if (!known.contains(parent)) Find(name + "parent " + parent.ToHex() + " is missing");
  }
  std::vector<RevisionId> heads;
  std::vector<KnownRevision> head_revisions;
  for (const RevisionId& id : known) {
    if (!named.contains(id)) heads.push_back(id);
  }
  for (const StoredRevision& stored : revisions) {
    if (!named.contains(stored.known.id)) head_revisions.push_back(stored.known);
  }
  if (heads != record.heads) Find(name + "its heads are not those of its revisions");
  if (head_revisions.empty()) return;
  const KnownRevision& winner = Winner(head_revisions);
  if (winner.id != record.current || winner.revision.version != record.current_version ||
      winner.revision.removed != record.removed) {
    Find(name + "its current revision is not the winner");
  }
}

// The clear columns say of a revision what its sealed content says.
Status StoreCheck::CheckColumns(const std::string& name, const StoredRevision& stored) {
  const Revision& content = stored.known.revision;
  Statement statement = tables_.database.Prepare(
      "SELECT version, parents, origin, edited_at_ms, edited_at_counter, user, edge_id "
      "FROM revision WHERE revision_rowid = ?1");
  statement.Bind(1, stored.rowid);
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  const Bytes parents = JoinIds(content.parents);
  const bool same = found && statement.Int(0) == std::int64_t{content.version} &&
                    AsText(statement.Blob(1)) == AsText(parents) &&
                    statement.Int(2) == Number(content.origin) &&
                    statement.Int(3) == content.edited_at.ms &&
                    statement.Int(4) == std::int64_t{content.edited_at.counter} &&
                    statement.Text(5) == content.user && statement.Text(6) == content.edge.str();
  if (!same) Find(name + "revision " + stored.known.id.ToHex() + " has altered columns");
  return Ok();
}

Status StoreCheck::CheckIntake() {
  Statement statement = tables_.database.Prepare(
      "SELECT e.edge_id, i.sequence FROM intake i "
      "JOIN incarnation n ON n.incarnation_id = i.incarnation_id "
      "JOIN edge e ON e.edge_rowid = n.edge_rowid "
      "WHERE NOT EXISTS (SELECT 1 FROM revision r WHERE r.revision_id = i.revision_id) "
      "AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.revision_id = i.revision_id)");
  while (!Full()) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return Ok();
    Find("intake: sequence " + std::to_string(statement.Int(1)) + " of edge " +
         TextAt(statement, 0) + " names a revision that is nowhere");
  }
  return Ok();
}

Status StoreCheck::CheckChains() {
  EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, tables_.edges.List());
  for (const EdgeRow& edge : edges) EDCSYNC_TRY(CheckChain(edge));
  return Ok();
}

// chain(n) = SHA-256(chain(n-1) || revision id n), chain(0) zeros.
Status StoreCheck::CheckChain(const EdgeRow& edge) {
  const std::string name = "edge " + edge.edge.str() + ": ";
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> incarnation,
                 tables_.edges.FindIncarnation(edge.edge, edge.incarnation));
  Digest chain{};
  std::int64_t sequence = 0;
  if (incarnation) {
    Statement statement = tables_.database.Prepare(
        "SELECT sequence, revision_id FROM intake WHERE incarnation_id = ?1 AND sequence <= ?2 "
        "ORDER BY sequence");
    statement.Bind(1, *incarnation).Bind(2, Signed(edge.acknowledged_through.value()));
    while (true) {
      EDCSYNC_ASSIGN(const bool found, statement.Step());
      if (!found) break;
      if (statement.Int(0) != ++sequence) {
        Find(name + "sequence " + std::to_string(sequence) + " is missing in intake");
        return Ok();
      }
      chain = ChainDigest(chain, statement.Blob(1));
    }
  }
  if (Unsigned(sequence) != edge.acknowledged_through.value()) {
    Find(name + "intake ends at sequence " + std::to_string(sequence) + ", not at " +
         std::to_string(edge.acknowledged_through.value()));
  } else if (chain != edge.chain) {
    Find(name + "the outbox chain is not that of its intake");
  }
  return Ok();
}

Status StoreCheck::CheckQuarantine() {
  std::vector<RevisionId> ids;
  {
    Statement statement = tables_.database.Prepare("SELECT revision_id FROM quarantine");
    while (true) {
      EDCSYNC_ASSIGN(const bool found, statement.Step());
      if (!found) break;
      ids.push_back(RevisionIdFromBytes(statement.Blob(0)));
    }
  }
  for (const RevisionId& id : ids) {
    if (Full()) break;
    const Result<std::optional<QuarantineRow>> row = tables_.quarantine.Find(id);
    if (!row.ok()) Find("quarantine " + id.ToHex() + ": " + row.error().ToString());
  }
  return Ok();
}

Status StoreCheck::CheckFeed() {
  Statement statement = tables_.database.Prepare(
      "SELECT (SELECT count(*) FROM revision), "
      "(SELECT count(DISTINCT revision_rowid) FROM feed WHERE kind = 1), "
      "(SELECT count(*) FROM feed), (SELECT coalesce(max(cursor), 0) FROM feed)");
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (found && statement.Int(0) != statement.Int(1)) {
    Find("feed: " + std::to_string(statement.Int(0)) + " revisions, " +
         std::to_string(statement.Int(1)) + " of them in the feed");
  }
  if (found && statement.Int(2) != statement.Int(3)) Find("feed: its cursors have gaps");
  return Ok();
}

Status StoreCheck::CheckNotices() {
  Statement statement = tables_.database.Prepare(
      "SELECT (SELECT count(*) FROM notice_delivery d JOIN notice_message m "
      "ON m.message_id = d.message_id WHERE m.channel IS NOT d.channel), "
      "coalesce((SELECT feed_cursor FROM notice_state), 0) > "
      "coalesce((SELECT max(cursor) FROM feed), 0)");
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (found && statement.Int(0) != 0) {
    Find("notices: " + std::to_string(statement.Int(0)) + " go by a message of another channel");
  }
  if (found && statement.Int(1) != 0) Find("notices: their cursor is beyond the feed");
  return Ok();
}

Status StoreCheck::CheckQueue() {
  EDCSYNC_ASSIGN(const std::vector<SnowflakeId> wrong,
                 tables_.queue.ShownOtherwise(kFindingCountMax));
  for (const SnowflakeId id : wrong) {
    Find("conflict " + std::to_string(id.value()) + ": the queue shows it otherwise");
  }
  return Ok();
}

}  // namespace

Result<std::vector<std::string>> CheckStore(
    CentralTables& tables, const std::function<void(std::string_view, int)>& progress) {
  return StoreCheck(tables, progress).Run();
}

}  // namespace edcsync::central
