#include "shared/storage/revision_table.h"

#include "shared/base/check.h"
#include "shared/crypto/revision_id.h"

namespace edcsync {
namespace {

#define EDCSYNC_REVISION_ROW                                                        \
  "INTO revision (revision_id, record_id, version, parents, origin, edited_at_ms, " \
  "edited_at_counter, user, edge_id, received_at_ms, sealed, revision_rowid) "      \
  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"

constexpr std::string_view kInsertRevision = "INSERT " EDCSYNC_REVISION_ROW;
constexpr std::string_view kReplaceRevision = "INSERT OR REPLACE " EDCSYNC_REVISION_ROW;

#undef EDCSYNC_REVISION_ROW

Result<RevisionId> ReadId(const Statement& row, int column) {
  const BytesView bytes = row.Blob(column);
  if (bytes.size() != sizeof(Digest)) {
    return Fail(ErrorCode::kCorrupt, "a revision's row holds a broken revision id");
  }
  return RevisionIdFromBytes(bytes);
}

// Columns: revision_rowid, record_id, received_at_ms, revision_id, sealed.
Result<StoredRevision> ReadStored(const FieldCipher& cipher, const Statement& row) {
  StoredRevision stored;
  stored.rowid = row.Int(0);
  stored.record_id = row.Int(1);
  stored.received_at = WallTime{row.Int(2)};
  EDCSYNC_ASSIGN(stored.known.id, ReadId(row, 3));
  EDCSYNC_ASSIGN(stored.canonical, OpenSealedRevision(cipher, row.Blob(4), stored.known.id));
  EDCSYNC_ASSIGN(stored.known.revision, DecodeRevision(stored.canonical));
  return stored;
}

Error UnknownRevision(const RevisionId& id) {
  return {ErrorCode::kNotFound, "revision " + id.ToHex() + " is not known here"};
}

}  // namespace

Result<Bytes> OpenSealedRevision(const FieldCipher& cipher, BytesView sealed,
                                 const RevisionId& id) {
  Result<Bytes> canonical = cipher.Open(sealed, id.view());
  if (!canonical.ok()) {
    return Fail(canonical.error().code,
                "revision " + id.ToHex() + ": " + canonical.error().message);
  }
  if (IdOf(*canonical) != id) {
    return Fail(ErrorCode::kDecryption,
                "revision " + id.ToHex() + ": the content has another revision id");
  }
  return canonical;
}

Result<std::int64_t> RevisionTable::Insert(std::int64_t record_id, const KnownRevision& known,
                                           BytesView canonical, WallTime received_at,
                                           std::optional<std::int64_t> rowid) {
  return Write(kInsertRevision, record_id, known, canonical, received_at, rowid);
}

Result<std::int64_t> RevisionTable::Write(std::string_view sql, std::int64_t record_id,
                                          const KnownRevision& known, BytesView canonical,
                                          WallTime received_at,
                                          std::optional<std::int64_t> rowid) {
  const Revision& revision = known.revision;
  Bytes sealed;
  cipher_.Seal(canonical, known.id.view(), sealed);
  Statement statement = database_.Prepare(sql);
  statement.Bind(1, known.id.view())
      .Bind(2, record_id)
      .Bind(3, std::int64_t{revision.version})
      .Bind(4, Joined(revision.parents))
      .Bind(5, static_cast<std::int64_t>(revision.origin))
      .Bind(6, revision.edited_at.ms)
      .Bind(7, std::int64_t{revision.edited_at.counter})
      .Bind(8, std::string_view(revision.user))
      .Bind(9, std::string_view(revision.edge.str()))
      .Bind(10, received_at.ms)
      .Bind(11, BytesView(sealed));
  if (rowid) {
    statement.Bind(12, *rowid);
  } else {
    statement.BindNull(12);  // SQLite gives the next.
  }
  EDCSYNC_TRY(statement.Run());
  return database_.LastInsertRowId();
}

// REPLACE removes the row and writes it again in one statement; SQLite fires no DELETE trigger for
// that unless recursive_triggers is on, which it is nowhere here.
Status RevisionTable::Mend(const KnownRevision& known, BytesView canonical) {
  CHECK(IdOf(canonical) == known.id);
  Statement statement = database_.Prepare(
      "SELECT revision_rowid, record_id, received_at_ms, sealed FROM revision "
      "WHERE revision_id = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, known.id.view()).Step());
  if (!found) return tl::unexpected<Error>(UnknownRevision(known.id));
  EDCSYNC_ASSIGN(const bool whole, IsWhole(known.id, statement.Blob(3)));
  if (whole) {
    return Fail(ErrorCode::kInvariant, "revision " + known.id.ToHex() + " is not damaged");
  }
  const std::int64_t rowid = statement.Int(0);
  const std::int64_t record_id = statement.Int(1);
  const WallTime received_at{statement.Int(2)};
  statement.Reset();
  EDCSYNC_TRY(Write(kReplaceRevision, record_id, known, canonical, received_at, rowid));
  return Ok();
}

Result<bool> RevisionTable::IsWhole(const RevisionId& id, BytesView sealed) const {
  const Result<Bytes> opened = OpenSealedRevision(cipher_, sealed, id);
  if (opened.ok()) return true;
  if (Describe(opened.error().code).retry == Retry::kTransient) {
    return tl::unexpected<Error>(opened.error());
  }
  return false;
}

Result<bool> RevisionTable::IsWhole(const RevisionId& id) const {
  Statement statement = database_.Prepare("SELECT sealed FROM revision WHERE revision_id = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, id.view()).Step());
  if (!found) return tl::unexpected<Error>(UnknownRevision(id));
  return IsWhole(id, statement.Blob(0));
}

Result<bool> RevisionTable::IsParentIn(std::int64_t record_id, const RevisionId& id) const {
  Statement statement = database_.Prepare("SELECT parents FROM revision WHERE record_id = ?1");
  statement.Bind(1, record_id);
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return false;
    const BytesView parents = statement.Blob(0);
    for (std::size_t at = 0; at + sizeof(Digest) <= parents.size(); at += sizeof(Digest)) {
      if (RevisionIdFromBytes(parents.subspan(at, sizeof(Digest))) == id) return true;
    }
  }
}

Result<bool> RevisionTable::Contains(const RevisionId& id) const {
  Statement statement = database_.Prepare("SELECT 1 FROM revision WHERE revision_id = ?1");
  return statement.Bind(1, id.view()).Step();
}

Result<GraphNode> RevisionTable::NodeOf(const RevisionId& id) const {
  Statement statement =
      database_.Prepare("SELECT version, parents FROM revision WHERE revision_id = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, id.view()).Step());
  if (!found) return tl::unexpected<Error>(UnknownRevision(id));
  const std::int64_t version = statement.Int(0);
  const BytesView parents = statement.Blob(1);
  if (version < 1 || version > UINT32_MAX || parents.size() % sizeof(Digest) != 0) {
    return Fail(ErrorCode::kCorrupt, "revision " + id.ToHex() + " has broken columns");
  }
  return GraphNode{static_cast<std::uint32_t>(version), SplitIds(parents)};
}

Result<std::optional<StoredRevision>> RevisionTable::Find(const RevisionId& id) const {
  Statement statement = database_.Prepare(
      "SELECT revision_rowid, record_id, received_at_ms, revision_id, sealed FROM revision "
      "WHERE revision_id = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, id.view()).Step());
  if (!found) return std::optional<StoredRevision>();
  EDCSYNC_ASSIGN(StoredRevision stored, ReadStored(cipher_, statement));
  return std::optional<StoredRevision>(std::move(stored));
}

Result<RevisionTable::Opened> RevisionTable::OpenRow(std::int64_t rowid) const {
  Statement statement =
      database_.Prepare("SELECT revision_id, sealed FROM revision WHERE revision_rowid = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, rowid).Step());
  if (!found) {
    return Fail(ErrorCode::kNotFound, "there is no revision row " + std::to_string(rowid));
  }
  Opened opened;
  EDCSYNC_ASSIGN(opened.id, ReadId(statement, 0));
  EDCSYNC_ASSIGN(opened.canonical, OpenSealedRevision(cipher_, statement.Blob(1), opened.id));
  return opened;
}

Result<std::vector<StoredRevision>> RevisionTable::ListOf(std::int64_t record_id) const {
  Statement statement = database_.Prepare(
      "SELECT revision_rowid, record_id, received_at_ms, revision_id, sealed FROM revision "
      "WHERE record_id = ?1 ORDER BY revision_rowid");
  statement.Bind(1, record_id);
  std::vector<StoredRevision> list;
  while (true) {
    EDCSYNC_ASSIGN(const bool row, statement.Step());
    if (!row) return list;
    EDCSYNC_ASSIGN(StoredRevision stored, ReadStored(cipher_, statement));
    list.push_back(std::move(stored));
  }
}

Result<std::uint64_t> RevisionTable::Count() const {
  // None is ever removed, so the greatest row number is the count, without a walk through all.
  Statement statement =
      database_.Prepare("SELECT coalesce(max(revision_rowid), 0) FROM revision");
  EDCSYNC_ASSIGN(const bool row, statement.Step());
  CHECK(row);
  return static_cast<std::uint64_t>(statement.Int(0));
}

Result<std::int64_t> RevisionTable::RowOf(const RevisionId& id) const {
  Statement statement =
      database_.Prepare("SELECT revision_rowid FROM revision WHERE revision_id = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, id.view()).Step());
  if (!found) return tl::unexpected<Error>(UnknownRevision(id));
  return statement.Int(0);
}

}  // namespace edcsync
