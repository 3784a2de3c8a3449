// Tables `proposal` and `reopening` (schema/central/0004_proposals.sql): what data managers
// proposed to sites and what became of it; conflicts that are decided anew. What may hold item
// values or words about them is sealed, each seal authenticating what it is and of which row.
//
// Invariants, held by the schema too: at most one proposal of a conflict waits; one that ended
// never alters. Threads: as its Database.
#pragma once

#include "central-gateway/store/desk_store.h"
#include "shared/crypto/field_cipher.h"
#include "shared/storage/database.h"

namespace edcsync::central {

class ProposalTable {
 public:
  ProposalTable(Database& database, FieldCipher& cipher) : database_(database), cipher_(cipher) {}

  Result<std::optional<ProposalRow>> Find(SnowflakeId id);
  Result<std::optional<ProposalRow>> WaitingOf(SnowflakeId conflict);
  Result<std::vector<ProposalRow>> Of(SnowflakeId conflict);  // Oldest first.
  // Seals once: room was reserved.
  Status Insert(const ProposalRow& row);
  // State, end and answer of one that waits. kStale if it has ended. Seals once.
  Status End(const ProposalRow& row);

  Result<std::optional<ReopeningRow>> ReopeningOf(SnowflakeId conflict);
  Result<std::optional<SnowflakeId>> ReopenedAs(SnowflakeId conflict);
  Status InsertReopening(const ReopeningRow& row);  // Seals once.

 private:
  Result<ProposalRow> Read(const Statement& statement);

  Database& database_;
  FieldCipher& cipher_;
};

}  // namespace edcsync::central
