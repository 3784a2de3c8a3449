#include "central-gateway/store/feed_table.h"

#include "central-gateway/store/sql_values.h"
#include "shared/base/check.h"
#include "shared/base/log.h"
#include "shared/base/planted_defect.h"

namespace edcsync::central {
namespace {

#define EDCSYNC_FEED                                                                            \
  "SELECT f.cursor, f.kind, f.site_id, f.incarnation_id, f.revision_rowid, f.conflict_id, "     \
  "f.revision_id, f.detail, e.edge_id, i.incarnation"
#define EDCSYNC_FEED_ORIGIN                                         \
  " LEFT JOIN incarnation i ON i.incarnation_id = f.incarnation_id" \
  " LEFT JOIN edge e ON e.edge_rowid = i.edge_rowid"

// Two texts, so that both are cached statements: they run side by side.
constexpr std::string_view kOfSite = EDCSYNC_FEED " FROM feed f" EDCSYNC_FEED_ORIGIN
    " WHERE f.site_id = ?1 AND f.cursor > ?2 ORDER BY f.cursor";
[[maybe_unused]] constexpr std::string_view kOfSiteUnasked =
    EDCSYNC_FEED " FROM feed f" EDCSYNC_FEED_ORIGIN
    " WHERE f.site_id <> 0 AND ?1 = ?1 AND f.cursor > ?2 ORDER BY f.cursor";
constexpr std::string_view kOfEverySite = EDCSYNC_FEED " FROM feed f" EDCSYNC_FEED_ORIGIN
    " WHERE f.site_id = 0 AND f.cursor > ?1 ORDER BY f.cursor";
constexpr std::string_view kAll = EDCSYNC_FEED ", r.revision_id FROM feed f" EDCSYNC_FEED_ORIGIN
    " LEFT JOIN revision r ON r.revision_rowid = f.revision_rowid"
    " WHERE f.cursor > ?1 ORDER BY f.cursor LIMIT ?2";

#undef EDCSYNC_FEED
#undef EDCSYNC_FEED_ORIGIN

// A statement and whether it stands on a row.
struct Stream {
  Statement statement;
  bool has_row = false;

  Status Next() {
    EDCSYNC_ASSIGN(has_row, statement.Step());
    return Ok();
  }
  std::int64_t cursor() const { return statement.Int(0); }
};

}  // namespace

Status FeedTable::AppendRevision(std::int64_t site, std::optional<std::int64_t> incarnation,
                                 std::int64_t revision_rowid) {
  Statement statement = database_.Prepare(
      "INSERT INTO feed (kind, site_id, incarnation_id, revision_rowid) VALUES (1, ?1, ?2, ?3)");
  statement.Bind(1, site);
  if (incarnation) statement.Bind(2, *incarnation);
  EDCSYNC_TRY(statement.Bind(3, revision_rowid).Run());
  return Ok();
}

Status FeedTable::Append(const FeedRow& row, std::int64_t site,
                         std::optional<std::int64_t> incarnation) {
  CHECK(row.kind != FeedKind::kRevision);
  Statement statement = database_.Prepare(
      "INSERT INTO feed (kind, site_id, incarnation_id, conflict_id, revision_id, detail) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  statement.Bind(1, Number(row.kind)).Bind(2, site);
  if (incarnation) statement.Bind(3, *incarnation);
  if (row.kind == FeedKind::kConflict) statement.Bind(4, Signed(row.conflict.value()));
  BindOptional(statement, 5, row.revision);
  EDCSYNC_TRY(statement.Bind(6, BytesView(row.detail)).Run());
  return Ok();
}

Result<FeedRow> FeedTable::Read(const Statement& statement) {
  FeedRow row;
  row.cursor = FeedCursor(Unsigned(statement.Int(0)));
  row.kind = static_cast<FeedKind>(statement.Int(1));
  EDCSYNC_ASSIGN(row.site, sites_.OidOf(statement.Int(2)));
  row.conflict = SnowflakeId(Unsigned(statement.Int(5)));
  row.revision = OptionalId(statement, 6);
  const BytesView detail = statement.Blob(7);
  row.detail.assign(detail.begin(), detail.end());
  if (!statement.IsNull(3)) {
    row.origin_edge = EdgeId(statement.Text(8));
    row.origin_incarnation = RandomIdAt<Incarnation>(statement, 9);
  }
  return row;
}

Result<CentralReader::FeedPage> FeedTable::After(std::optional<std::int64_t> site,
                                                 std::optional<std::int64_t> skip,
                                                 FeedCursor after, std::size_t count_max,
                                                 std::size_t bytes_max) {
  CHECK(count_max > 0);
  CentralReader::FeedPage page;
  page.next = after;
  Stream own{database_.Prepare(EDCSYNC_DEFECT("feed-of-every-site") ? kOfSiteUnasked : kOfSite)};
  // No row has site -1.
  own.statement.Bind(1, site.value_or(-1)).Bind(2, Signed(after.value()));
  Stream every{database_.Prepare(kOfEverySite)};
  every.statement.Bind(1, Signed(after.value()));
  EDCSYNC_TRY(own.Next());
  EDCSYNC_TRY(every.Next());
  std::size_t size_bytes = 0;
  for (std::size_t scanned = 0; own.has_row || every.has_row; ++scanned) {
    if (page.rows.size() == count_max || scanned == kScanCountMax) {
      page.more = true;
      return page;
    }
    Stream& first = !every.has_row || (own.has_row && own.cursor() < every.cursor()) ? own : every;
    const Statement& at = first.statement;
    const bool is_revision = at.Int(1) == Number(FeedKind::kRevision);
    if (!(is_revision && skip && !at.IsNull(3) && at.Int(3) == *skip)) {
      EDCSYNC_ASSIGN(FeedRow row, Read(at));
      if (is_revision) {
        Result<RevisionTable::Opened> opened = revisions_.OpenRow(at.Int(4));
        if (!opened.ok()) {
          if (Describe(opened.error().code).retry == Retry::kTransient) {
            return tl::unexpected<Error>(opened.error());
          }
          // Lost or damaged here. It holds nothing else back: a reconciliation with a site that has
          // it puts it back, and with it another entry.
          Log(LogLevel::kError, "feed.revision_lost",
              {{"cursor", first.cursor()}, {"why", opened.error().message}});
          page.next = FeedCursor(Unsigned(first.cursor()));
          EDCSYNC_TRY(first.Next());
          continue;
        }
        row.revision = opened->id;
        row.canonical = std::move(opened->canonical);
      }
      size_bytes += row.canonical.size() + row.detail.size();
      if (size_bytes > bytes_max && !page.rows.empty()) {
        page.more = true;
        return page;
      }
      page.rows.push_back(std::move(row));
    }
    page.next = FeedCursor(Unsigned(first.cursor()));
    EDCSYNC_TRY(first.Next());
  }
  // Nothing is left for this reader: entries of other sites are behind it too.
  EDCSYNC_ASSIGN(const FeedCursor head, Head());
  page.next = std::max(after, head);
  return page;
}

Result<std::uint64_t> FeedTable::CountAfter(std::optional<std::int64_t> site,
                                            std::optional<std::int64_t> skip, FeedCursor after) {
  Statement statement = database_.Prepare(
      "SELECT count(*) FROM (SELECT incarnation_id FROM feed WHERE site_id = ?1 AND cursor > ?2 "
      "ORDER BY cursor LIMIT ?4) WHERE incarnation_id IS NOT ?3 OR ?3 IS NULL");
  std::uint64_t count = 0;
  for (const std::int64_t of : {site.value_or(SiteTable::kEverySite), SiteTable::kEverySite}) {
    statement.Bind(1, of).Bind(2, Signed(after.value())).Bind(4, kBehindScanMax);
    BindOptional(statement, 3, skip);
    EDCSYNC_TRY(statement.Step());
    count += Unsigned(statement.Int(0));
    statement.Reset();
    if (!site) break;
  }
  return count;
}

Result<bool> FeedTable::ToldEverySite(BytesView lock_detail) {
  Statement statement = database_.Prepare(
      "SELECT 1 FROM feed WHERE site_id = 0 AND kind = ?1 AND detail = ?2 LIMIT 1");
  return statement.Bind(1, Number(FeedKind::kLock)).Bind(2, lock_detail).Step();
}

Result<FeedCursor> FeedTable::Head() {
  Statement statement = database_.Prepare("SELECT max(cursor) FROM feed");
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  CHECK(found);
  return FeedCursor(Unsigned(statement.Int(0)));  // NULL reads as 0.
}

Result<std::vector<FeedRow>> FeedTable::All(FeedCursor after, std::size_t count_max) {
  Statement statement = database_.Prepare(kAll);
  statement.Bind(1, Signed(after.value())).Bind(2, Limit(count_max));
  std::vector<FeedRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    EDCSYNC_ASSIGN(FeedRow row, Read(statement));
    if (!statement.IsNull(10)) row.revision = OptionalId(statement, 10);
    rows.push_back(std::move(row));
  }
}

}  // namespace edcsync::central
