// What an investigator asks of reconciliations at the site, as JSON text (ICH E6(R3) 4.2.5: the
// site keeps control of its data, so it has the reports too).
//
//   used by   site_api.h, edge-agent/app/reconcile_commands.h
//
// Threads: any.
#pragma once

#include <string>

#include "edge-agent/store/edge_store.h"

namespace edcsync::edge {

// {"reconciliations":[{"reconciliationId","statedAt","signedAt","result"}]}, newest first.
Result<std::string> ReconciliationListJson(EdgeStore& store);
// The statement, and, once signed, the report and both signatures. kNotFound.
Result<std::string> ReconciliationJson(EdgeStore& store, std::uint64_t id);

}  // namespace edcsync::edge
