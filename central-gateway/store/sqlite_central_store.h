// CentralStore on one SQLite database. One writer with group commit; readers on snapshots of
// their own. Several processes of one machine may share the file (a second gateway, commands):
// tails and caches are read anew whenever PRAGMA data_version shows another's commit.
#pragma once

#include "central-gateway/store/central_store.h"
#include "shared/base/random.h"
#include "shared/base/time.h"
#include "shared/storage/writer_watch.h"

namespace edcsync::central {

struct SqliteCentralStoreOptions {
  std::string path;
  std::string key_file;       // Key-encryption key, 64 hexadecimal digits, mode 0600.
  std::shared_ptr<KeyRing> keys = nullptr;  // If set, keys come from here, not from `key_file`.
  std::string vfs;
  int cache_kib = 64 * 1024;
  bool start_writer = true;   // False: works run at once on the caller's thread.
  std::string holder;         // Of the Snowflake worker lease: "gateway-1", "command-4711".
  WriterWatch* watch = nullptr;  // Outlives the store; nullptr: nobody watches the writer.
};

// Makes a new database (and its key file): schema, history id, mark key. kAlreadyExists.
Status CreateSqliteCentralStore(const SqliteCentralStoreOptions& options, const Clock& clock,
                                Random& random);

// Opens one; migrates it. kNotFound, kKeyWrong, kKeyMissing, kSchemaTooNew, kCorrupt ...
Result<std::unique_ptr<CentralStore>> OpenSqliteCentralStore(
    const SqliteCentralStoreOptions& options, const Clock& clock, Random& random);

}  // namespace edcsync::central
