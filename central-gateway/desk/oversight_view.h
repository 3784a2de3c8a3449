// What runs around the queue, as the desk's API shows it: sites and edges, quarantine, audit trail.
// Threads: any.
#pragma once

#include "central-gateway/desk/form_view.h"

namespace edcsync::central {

// Counts and edges of the parts of the trial in `edges_of`; figures of records are 0 for a viewer
// who reads none.
Result<Json> OverviewJson(CentralStore& store, const Viewer& viewer,
                          const std::vector<Scope>& edges_of, const DueTimes& due_times,
                          WallTime now);

Result<Json> StudiesJson(CentralStore& store, StudyCatalogue& catalogue, const Viewer& viewer);

// {"quarantine": [...]}; `next` is set to the row to go on after, nullopt at the end. What does not
// decode, so that its study is unknown, is shown to those who may see everything.
struct QuarantineRequest {
  std::optional<QuarantineEnd> state = QuarantineEnd::kWaiting;  // nullopt: any.
  std::int64_t after_row = 0;
  std::size_t count_max = 100;
};
Result<Json> QuarantinePageJson(CentralStore& store, const Viewer& viewer,
                                const QuarantineRequest& request,
                                std::optional<std::int64_t>& next);
// With its values. kNotFound also for what the viewer may not see.
Result<Json> QuarantinedJson(CentralStore& store, StudyCatalogue& catalogue, const Viewer& viewer,
                             const RevisionId& revision);
// True if the viewer may decide about it.
Result<bool> MayDecideQuarantined(CentralStore& store, const Viewer& viewer,
                                  const RevisionId& revision);

// {"entries": [...]}, newest first; `next` is the number to go on before.
Result<Json> AuditJson(CentralStore& store, const AuditFilter& filter,
                       std::optional<std::uint64_t>& next);
std::string AuditCsvHead();
std::string AuditCsv(const Json& page);

}  // namespace edcsync::central
