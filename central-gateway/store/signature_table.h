// Table `signature`: who signed for a revision, when and with which meaning. Append-only. Each row
// carries an HMAC by the store's mark key over its fields, so that one cannot be moved to another
// revision, nor its name, time or meaning altered unseen (21 CFR 11.70). Threads: as its Database.
#pragma once

#include "central-gateway/store/desk_store.h"
#include "shared/storage/database.h"

namespace edcsync::central {

class SignatureTable {
 public:
  explicit SignatureTable(Database& database) : database_(database) {}

  Status Insert(const SignatureRow& row, BytesView mark_key);
  // In the order of signing; `valid` is filled.
  Result<std::vector<SignatureRow>> Of(const RevisionId& revision, BytesView mark_key);

 private:
  Database& database_;
};

}  // namespace edcsync::central
