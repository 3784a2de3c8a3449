#include "tests/simulation/database_view.h"

#include <algorithm>

#include "shared/base/random.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/revision_id.h"
#include "shared/model/audit_entry.h"
#include "shared/storage/data_key_table.h"
#include "shared/storage/database.h"

namespace edcsync::simulation {
namespace {

// Only reads; nothing is ever sealed with it.
class NoRandom final : public Random {
 public:
  void Fill(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), 0); }
};

struct Opened {
  std::unique_ptr<Database> database;
  std::unique_ptr<SqliteDataKeyTable> keys;
  NoRandom random;
  std::unique_ptr<FieldCipher> cipher;
};

Result<std::unique_ptr<Database>> OpenDatabase(const std::string& vfs, const std::string& path) {
  DatabaseOptions options;
  options.path = path;
  options.vfs = vfs;
  options.read_only = true;
  options.create = false;
  return Database::Open(options);
}

Result<std::unique_ptr<Opened>> Open(const std::string& vfs, const std::string& path,
                                     const std::string& key_file) {
  auto opened = std::make_unique<Opened>();
  EDCSYNC_ASSIGN(opened->database, OpenDatabase(vfs, path));
  opened->keys = std::make_unique<SqliteDataKeyTable>(*opened->database, *opened->database);
  EDCSYNC_ASSIGN(const KeyEncryptionKey kek, KeyEncryptionKey::Load(key_file));
  EDCSYNC_ASSIGN(opened->cipher, FieldCipher::Open(kek, *opened->keys, opened->random));
  return opened;
}

// Runs `each` on every row of `sql`.
Status ForEach(Database& database, std::string_view sql,
               const std::function<void(const Statement&)>& each) {
  Statement statement = database.Prepare(sql);
  while (true) {
    EDCSYNC_ASSIGN(const bool row, statement.Step());
    if (!row) return Ok();
    each(statement);
  }
}

std::string Text(const Statement& row, int column) { return std::string(row.Text(column)); }

Bytes BytesAt(const Statement& row, int column) {
  const BytesView view = row.Blob(column);
  return {view.begin(), view.end()};
}

RevisionId IdAt(const Statement& row, int column) {
  return row.Blob(column).size() == 32 ? RevisionIdFromBytes(row.Blob(column)) : RevisionId{};
}

std::optional<RevisionId> OptionalIdAt(const Statement& row, int column) {
  if (row.IsNull(column)) return std::nullopt;
  return IdAt(row, column);
}

std::string HexAt(const Statement& row, int column) { return ToHex(row.Blob(column)); }

void ReadRevision(const Opened& opened, const Statement& row, StoreView& view,
                  const std::map<std::int64_t, std::string>& keys) {
  const RevisionId id = IdAt(row, 0);
  const auto finding = [&](const std::string& what) {
    view.findings.push_back("revision " + id.ToHex() + " " + what);
  };
  const Result<Bytes> canonical = opened.cipher->Open(row.Blob(8), id.view());
  if (!canonical.ok()) return finding("does not open: " + canonical.error().message);
  if (IdOf(*canonical) != id) return finding("has another id than its content");
  Result<Revision> revision = DecodeRevision(*canonical);
  if (!revision.ok()) return finding("does not decode");
  if (revision->version != row.Int(2) || JoinIds(revision->parents) != BytesAt(row, 3) ||
      static_cast<std::int64_t>(revision->origin) != row.Int(4) ||
      revision->edited_at.ms != row.Int(5) || revision->edited_at.counter != row.Int(6) ||
      revision->edge.str() != row.Text(7)) {
    finding("differs from its columns");
  }
  const auto key = keys.find(row.Int(1));
  if (key == keys.end() || key->second != ToString(revision->key)) {
    return finding("stands under another record");
  }
  view.records[key->second].arrived.push_back(id);
  view.revisions.emplace(id, std::move(*revision));
}

Status ReadStore(const Opened& opened, StoreView& view) {
  Database& database = *opened.database;
  std::map<std::int64_t, std::string> keys;
  EDCSYNC_TRY(ForEach(
      database,
      "SELECT record_id, study_oid, subject_key, study_event_oid, study_event_repeat_key, "
      "form_oid, form_repeat_key, site_oid, heads, current_revision_id, current_version, removed "
      "FROM record",
      [&](const Statement& row) {
        RecordView record;
        record.record_id = row.Int(0);
        record.key = {StudyOID(Text(row, 1)), SubjectKey(Text(row, 2)),
                      StudyEventOID(Text(row, 3)), RepeatKey(Text(row, 4)),
                      FormOID(Text(row, 5)), RepeatKey(Text(row, 6))};
        record.site = Text(row, 7);
        record.heads = SplitIds(row.Blob(8));
        record.current = IdAt(row, 9);
        record.current_version = static_cast<std::uint32_t>(row.Int(10));
        record.removed = row.Int(11) != 0;
        const std::string key = ToString(record.key);
        keys[record.record_id] = key;
        view.records[key] = std::move(record);
      }));
  EDCSYNC_TRY(ForEach(database,
                      "SELECT revision_id, record_id, version, parents, origin, edited_at_ms, "
                      "edited_at_counter, edge_id, sealed FROM revision ORDER BY revision_rowid",
                      [&](const Statement& row) { ReadRevision(opened, row, view, keys); }));
  Digest hash{};
  std::uint64_t number = 0;
  return ForEach(
      database,
      "SELECT number, id, at_ms, actor, action, object, detail, hash FROM audit ORDER BY number",
      [&](const Statement& row) {
        AuditEntry entry;
        entry.number = ++number;
        entry.id = static_cast<std::uint64_t>(row.Int(1));
        entry.at.ms = row.Int(2);
        entry.actor = Text(row, 3);
        entry.action = Text(row, 4);
        entry.object = Text(row, 5);
        entry.detail = Text(row, 6);
        Bytes hashed(hash.begin(), hash.end());
        Append(hashed, EncodeAuditEntry(entry));
        hash = Sha256(hashed);
        if (row.Int(0) != static_cast<std::int64_t>(number) || BytesAt(row, 7) !=
                                                                   Bytes(hash.begin(), hash.end())) {
          view.findings.push_back("audit entry " + std::to_string(row.Int(0)) +
                                  " breaks the chain");
        }
        view.audit.push_back({entry.at.ms, entry.actor, entry.action, entry.object, entry.detail});
      });
}

std::string LockAt(const Statement& row) {
  return Text(row, 0) + " " + std::to_string(row.Int(1)) + " " + Text(row, 2);
}

Status ReadCentreTables(const Opened& opened, CentreView& view) {
  Database& database = *opened.database;
  EDCSYNC_TRY(ForEach(database,
                      "SELECT conflict_id, record_id, severity, heads, state, ended_by "
                      "FROM conflict ORDER BY conflict_id",
                      [&](const Statement& row) {
                        view.conflicts.push_back({row.Int(0), row.Int(1),
                                                  static_cast<int>(row.Int(2)),
                                                  SplitIds(row.Blob(3)),
                                                  static_cast<int>(row.Int(4)),
                                                  OptionalIdAt(row, 5)});
                      }));
  EDCSYNC_TRY(ForEach(
      database,
      "SELECT revision_id, sealed, edge_id, state, reason, missing_parent FROM quarantine "
      "ORDER BY quarantine_rowid",
      [&](const Statement& row) {
        const RevisionId id = IdAt(row, 0);
        const BytesView prefix = AsBytes("quarantine bytes ");
        Bytes additional(prefix.begin(), prefix.end());
        Append(additional, id.view());
        const Result<Bytes> bytes = opened.cipher->Open(row.Blob(1), additional);
        if (!bytes.ok() || IdOf(*bytes) != id) {
          view.findings.push_back("quarantined " + id.ToHex() + " does not open as itself");
        }
        view.quarantine.push_back({id, bytes.ok() ? *bytes : Bytes(), Text(row, 2),
                                   static_cast<int>(row.Int(3)), static_cast<int>(row.Int(4)),
                                   OptionalIdAt(row, 5)});
      }));
  EDCSYNC_TRY(ForEach(
      database, "SELECT proposal_id, conflict_id, revision_id, sealed, state FROM proposal",
      [&](const Statement& row) {
        const std::string id = std::to_string(row.Int(0));
        CentreView::Proposal proposal{row.Int(1), IdAt(row, 2), {}, static_cast<int>(row.Int(4))};
        const Result<Bytes> bytes = opened.cipher->Open(row.Blob(3), AsBytes("proposal " + id));
        const Result<Revision> revision =
            bytes.ok() ? DecodeRevision(*bytes) : Fail(ErrorCode::kDecryption, "sealed");
        if (!revision.ok() || IdOf(*bytes) != proposal.revision) {
          view.findings.push_back("proposal " + id + " does not open as itself");
        } else {
          proposal.parents = revision->parents;
        }
        view.proposals.emplace(row.Int(0), std::move(proposal));
      }));
  EDCSYNC_TRY(ForEach(database, "SELECT conflict_id, severity FROM open_conflict",
                      [&](const Statement& row) {
                        view.queue[row.Int(0)] = static_cast<int>(row.Int(1));
                      }));
  EDCSYNC_TRY(ForEach(database, "SELECT revision_id, user FROM signature",
                      [&](const Statement& row) {
                        view.signatures.emplace(IdAt(row, 0), Text(row, 1));
                      }));
  std::map<std::int64_t, std::size_t> place;
  EDCSYNC_TRY(ForEach(database,
                      "SELECT i.incarnation_id, e.edge_id, i.incarnation, i.acknowledged_through "
                      "FROM incarnation i JOIN edge e ON e.edge_rowid = i.edge_rowid",
                      [&](const Statement& row) {
                        place[row.Int(0)] = view.incarnations.size();
                        view.incarnations.push_back(
                            {Text(row, 1), HexAt(row, 2),
                             static_cast<std::uint64_t>(row.Int(3)), {}});
                      }));
  EDCSYNC_TRY(ForEach(
      database, "SELECT incarnation_id, sequence, revision_id FROM intake ORDER BY 1, 2",
      [&](const Statement& row) {
        auto& incarnation = view.incarnations.at(place.at(row.Int(0)));
        incarnation.received.push_back(IdAt(row, 2));
        if (static_cast<std::uint64_t>(row.Int(1)) != incarnation.received.size()) {
          view.findings.push_back("the intake of " + incarnation.edge + " has a gap");
        }
      }));
  EDCSYNC_TRY(ForEach(database,
                      "SELECT e.edge_id, s.site_oid, e.standing, e.epoch FROM edge e "
                      "JOIN site s ON s.site_id = e.site_id",
                      [&](const Statement& row) {
                        view.edges[Text(row, 0)] = {Text(row, 1), static_cast<int>(row.Int(2)),
                                                    static_cast<std::uint64_t>(row.Int(3))};
                      }));
  EDCSYNC_TRY(ForEach(database, "SELECT study_oid, scope, object FROM lock",
                      [&](const Statement& row) { view.locks.insert(LockAt(row)); }));
  return ForEach(database, "SELECT coalesce(max(cursor), 0) FROM feed", [&](const Statement& row) {
    view.feed_head = static_cast<std::uint64_t>(row.Int(0));
  });
}

Status ReadEdgeTables(const Opened& opened, EdgeView& view) {
  Database& database = *opened.database;
  EDCSYNC_TRY(ForEach(database,
                      "SELECT incarnation, acknowledged_through, feed_cursor FROM checkpoint",
                      [&](const Statement& row) {
                        view.incarnation = HexAt(row, 0);
                        view.acknowledged_through = static_cast<std::uint64_t>(row.Int(1));
                        view.feed_cursor = static_cast<std::uint64_t>(row.Int(2));
                      }));
  EDCSYNC_TRY(ForEach(database,
                      "SELECT o.sequence, r.revision_id, o.chain FROM outbox o JOIN revision r "
                      "ON r.revision_rowid = o.revision_rowid ORDER BY o.sequence",
                      [&](const Statement& row) {
                        EdgeView::OutboxRow out;
                        out.sequence = static_cast<std::uint64_t>(row.Int(0));
                        out.revision = IdAt(row, 1);
                        const Bytes chain = BytesAt(row, 2);
                        std::copy(chain.begin(), chain.end(), out.chain.begin());
                        view.outbox.push_back(out);
                      }));
  EDCSYNC_TRY(ForEach(database, "SELECT record_key, severity FROM conflict",
                      [&](const Statement& row) {
                        view.conflicts[Text(row, 0)] = static_cast<int>(row.Int(1));
                      }));
  EDCSYNC_TRY(ForEach(database, "SELECT study_oid, scope, object FROM lock",
                      [&](const Statement& row) { view.locks.insert(LockAt(row)); }));
  EDCSYNC_TRY(ForEach(database, "SELECT revision_id FROM quarantine WHERE state <> 2",
                      [&](const Statement& row) { view.quarantined.insert(IdAt(row, 0)); }));
  EDCSYNC_TRY(ForEach(
      database, "SELECT proposal_id, revision_id, sealed, state, told, outcome FROM proposal",
      [&](const Statement& row) {
        const RevisionId id = IdAt(row, 1);
        const Result<Bytes> bytes = opened.cipher->Open(row.Blob(2), id.view());
        if (!bytes.ok() || IdOf(*bytes) != id) {
          view.findings.push_back("proposal " + std::to_string(row.Int(0)) +
                                  " does not open as itself");
        }
        view.proposals[row.Int(0)] = {id, static_cast<int>(row.Int(3)), row.Int(4) != 0,
                                      row.IsNull(5) ? 0 : static_cast<int>(row.Int(5))};
      }));
  return ForEach(database, "SELECT revision_id FROM held",
                 [&](const Statement& row) { view.held.insert(IdAt(row, 0)); });
}

}  // namespace

RevisionSet StoreView::SetOf(const RecordView& record) const {
  RevisionSet set;
  for (const RevisionId& id : record.arrived) set.emplace(id, revisions.at(id));
  return set;
}

Result<EdgeView> ReadEdge(const std::string& vfs, const std::string& path,
                          const std::string& key_file) {
  EDCSYNC_ASSIGN(const std::unique_ptr<Opened> opened, Open(vfs, path, key_file));
  EDCSYNC_TRY(opened->database->BeginRead());
  EdgeView view;
  EDCSYNC_TRY(ReadStore(*opened, view));
  EDCSYNC_TRY(ReadEdgeTables(*opened, view));
  return view;
}

Result<CentreView> ReadCentre(const std::string& vfs, const std::string& path,
                              const std::string& key_file) {
  EDCSYNC_ASSIGN(const std::unique_ptr<Opened> opened, Open(vfs, path, key_file));
  EDCSYNC_TRY(opened->database->BeginRead());
  CentreView view;
  EDCSYNC_TRY(ReadStore(*opened, view));
  EDCSYNC_TRY(ReadCentreTables(*opened, view));
  return view;
}

Result<std::set<RevisionId>> ReadIds(const std::string& vfs, const std::string& path,
                                     bool centre) {
  EDCSYNC_ASSIGN(const std::unique_ptr<Database> database, OpenDatabase(vfs, path));
  std::set<RevisionId> ids;
  const auto take = [&](const Statement& row) { ids.insert(IdAt(row, 0)); };
  EDCSYNC_TRY(ForEach(*database, "SELECT revision_id FROM revision", take));
  EDCSYNC_TRY(ForEach(*database,
                      centre ? "SELECT revision_id FROM quarantine" : "SELECT revision_id FROM held",
                      take));
  return ids;
}

}  // namespace edcsync::simulation
