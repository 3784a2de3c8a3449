// Table `feed`: what was merged, in the order of commits. Cursors are given inside the one write
// transaction, so a reader that has seen cursor n has seen every entry up to n.
//
// Threads: as its Database.
#pragma once

#include "central-gateway/store/central_store.h"
#include "central-gateway/store/site_table.h"
#include "shared/storage/revision_table.h"

namespace edcsync::central {

class FeedTable {
 public:
  // Rows looked at in one call of After(): an edge's own revisions are passed over, and a reader
  // holds its snapshot for a bounded time only.
  static constexpr std::size_t kScanCountMax = 4096;

  FeedTable(Database& database, SiteTable& sites, RevisionTable& revisions)
      : database_(database), sites_(sites), revisions_(revisions) {}

  Status AppendRevision(std::int64_t site, std::optional<std::int64_t> incarnation,
                        std::int64_t revision_rowid);
  // An entry that is no revision.
  Status Append(const FeedRow& row, std::int64_t site, std::optional<std::int64_t> incarnation);

  // What is lost or damaged is passed over, so that it holds nothing else back.
  // `site`: nullopt if no row names it yet. `skip`: the incarnation whose revisions are left out.
  // On a stable snapshot.
  Result<CentralReader::FeedPage> After(std::optional<std::int64_t> site,
                                        std::optional<std::int64_t> skip, FeedCursor after,
                                        std::size_t count_max, std::size_t bytes_max);
  // How many entries After() would still give, among the next kBehindScanMax of the site.
  static constexpr std::int64_t kBehindScanMax = 20'000;
  Result<std::uint64_t> CountAfter(std::optional<std::int64_t> site,
                                   std::optional<std::int64_t> skip, FeedCursor after);
  Result<bool> ToldEverySite(BytesView lock_detail);
  Result<FeedCursor> Head();
  Result<std::vector<FeedRow>> All(FeedCursor after, std::size_t count_max);

 private:
  Result<FeedRow> Read(const Statement& statement);

  Database& database_;
  SiteTable& sites_;
  RevisionTable& revisions_;
};

}  // namespace edcsync::central
