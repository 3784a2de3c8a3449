// What the gateway's commands ask of the centre, as JSON text; read-only. The pages ask queue_view.h,
// conflict_view.h and their neighbours, which know viewers and their rights.
//
//   used by   central-gateway/app/*_commands.cc
#pragma once

#include <optional>
#include <string>

#include "central-gateway/store/central_store.h"
#include "shared/base/json.h"

namespace edcsync::central {

// {"key","current","heads","conflict","locked","history"?}; kNotFound.
Result<std::string> RecordJson(CentralStore& store, const RecordKey& key, bool history);

// {"records":[...],"next":KEY|null}
Result<std::string> RecordListJson(CentralStore& store, const CentralReader::RecordFilter& filter,
                                   const std::optional<RecordKey>& after, std::size_t count_max);

// NDJSON in submission format, in key order; `next` is set to the key to go on after.
Result<std::string> ExportPage(CentralStore& store, const CentralReader::RecordFilter& filter,
                               const std::optional<RecordKey>& after,
                               std::size_t record_count_max, bool history, std::string& next);

// {"conflicts":[{"conflictId","key","siteOID","severity","heads","items","openedAt","state"}],
//  "next":ID|null}
Result<std::string> ConflictListJson(CentralStore& store,
                                     const CentralReader::ConflictFilter& filter);

// The conflict with ancestor and heads in full, and each item in dispute side by side with the
// study's question text: "items":[{"path","question","ancestor","values":{REVISION: value}}].
Result<std::string> ConflictJson(CentralStore& store, SnowflakeId id);

Result<std::string> QuarantineListJson(CentralStore& store, bool all, std::size_t count_max);
Result<std::string> QuarantineJson(CentralStore& store, const RevisionId& revision);
// [reconcile] and the time now, to tell which comparison is overdue.
struct ComparisonSchedule {
  std::int64_t every_ms = 0;  // 0: none is.
  WallTime now;
};
Result<std::string> EdgeListJson(CentralStore& store, const ComparisonSchedule& schedule = {});
// One edge of that list for people: "compared 2026-11-20T08:00:00.000Z, equal".
std::string ComparisonText(const Json& edge);
Result<std::string> LockListJson(CentralStore& store);
// {"rows":[...],"next":CURSOR}
Result<std::string> FeedJson(CentralStore& store, FeedCursor after, std::size_t count_max);
// Counts, edges, history id, feed head.
Result<std::string> StatusJson(CentralStore& store, const ComparisonSchedule& schedule = {});

}  // namespace edcsync::central
