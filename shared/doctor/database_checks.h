// Is a database file sound, and what does it hold? Reads only, beside a running service too.
#pragma once

#include <string>

#include "shared/base/json.h"
#include "shared/doctor/finding.h"

namespace edcsync::doctor {

// SQLite's own quick check: every page can be read and stands in order, without comparing indexes
// with tables (`check` does).
Finding CheckDatabasePages(const std::string& check, const std::string& path);

// The schema is the one that this program knows; an older one is brought up at the service's start.
Finding CheckSchemaVersion(const std::string& check, const std::string& path, std::size_t newest);
// Before a store is opened only to look into it, for that migrates it. kSchemaTooNew if
// it has a later schema than `newest`, kUnavailable if a former one, what reading it fails with.
Status RequireSchemaVersion(const std::string& path, std::size_t newest);

// {"schemaVersion","pageSize","pages","tables":{"record":123,...}}: numbers of rows, no content.
Result<Json> DescribeDatabase(const std::string& path);

}  // namespace edcsync::doctor
