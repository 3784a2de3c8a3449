// The conflict queue as the desk's API shows it (schema/api/central-gateway.openapi.yaml). Nothing
// outside the viewer's rights is counted or shown. Threads: any.
#pragma once

#include "central-gateway/desk/form_view.h"

namespace edcsync::central {

// The viewer's rights are put into `filter`. `after` nullptr: from the start.
// {"conflicts": [...], "total": N}, the total only if asked for; `next` is where the page behind begins, nullopt after the last.
struct QueueRequest {
  QueueFilter filter;
  QueueOrder order;
  std::optional<QueuePlace> after;
  std::size_t count_max = 100;
  bool with_total = true;  // Costs about as much as the page.
};
Result<Json> QueueJson(CentralStore& store, StudyCatalogue& catalogue, const Viewer& viewer,
                       const QueueRequest& request, WallTime now,
                       std::optional<QueuePlace>& next);

Result<Json> QueueCountsJson(CentralStore& store, const Viewer& viewer, QueueFilter filter,
                             WallTime now);

// Of one conflict, for lists.
Json ConflictSummaryJson(const FormContext& form, const QueueRow& row, const DueTimes& due_times,
                         WallTime now);

// A page of QueueJson as lines of CSV (RFC 4180), without the head line; and that line.
std::string QueueCsvHead();
std::string QueueCsv(const Json& page);
// One field: quoted where needed; what a spreadsheet would run as a formula is made text.
std::string CsvField(std::string_view text);

}  // namespace edcsync::central
