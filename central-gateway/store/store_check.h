// Everything that must hold of the stored data, found out independently of how it was written:
// the `check` command. Private to this folder.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "central-gateway/store/central_tables.h"

namespace edcsync::central {

// Walks the store on the reader's snapshot: SQLite's own check, the audit chain, heads, current
// revision, conflict and site of each record, each sealed revision against its id and its clear
// columns, intake against revisions and quarantine, each edge's outbox chain, the feed. Returns
// the findings (at most about 100), empty if all holds; an error only if it cannot go on.
// `progress` gets the part's name and 0 to 100.
Result<std::vector<std::string>> CheckStore(
    CentralTables& tables, const std::function<void(std::string_view, int)>& progress);

}  // namespace edcsync::central
