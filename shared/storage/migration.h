// Brings a database to the schema this program was built for. PRAGMA user_version counts the
// migrations applied; each runs in a transaction of its own together with the new user_version,
// so a crash leaves a whole version. A database of a later release is refused (kSchemaTooNew)
// and untouched.
#pragma once

#include "schema/migrations.h"
#include "shared/storage/database.h"

namespace edcsync {

Status Migrate(Database& database, std::span<const schema::Migration> migrations);

}  // namespace edcsync
