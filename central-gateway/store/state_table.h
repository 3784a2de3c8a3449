// Table `central_state`, one row: the history id, the key of the centre's marks, and two counters.
// Threads: as its Database.
#pragma once

#include "shared/base/ids.h"
#include "shared/base/time.h"
#include "shared/crypto/field_cipher.h"
#include "shared/storage/database.h"

namespace edcsync::central {

class StateTable {
 public:
  StateTable(Database& database, FieldCipher& cipher) : database_(database), cipher_(cipher) {}

  // Once, when the database is made. Seals: room was reserved.
  Status Insert(const HistoryId& history, BytesView mark_key, WallTime now);
  Result<bool> Exists();

  Result<HistoryId> History();
  Status SetHistory(const HistoryId& history);
  Result<Bytes> MarkKey();
  Result<std::uint64_t> RegistryGeneration();
  Status BumpRegistryGeneration();
  Result<std::uint64_t> Duplicates();
  Status CountDuplicates(std::uint64_t more);

 private:
  Result<std::uint64_t> Counter(std::string_view sql);

  Database& database_;
  FieldCipher& cipher_;
};

}  // namespace edcsync::central
