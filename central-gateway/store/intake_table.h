// Table `intake`: what became of each sequence of each incarnation. It makes a repeated push
// recognisable, and a restored or cloned edge: a sequence that comes again with another revision.
//
// Invariant: a sequence never changes its revision. Threads: as its Database.
#pragma once

#include "central-gateway/store/central_types.h"
#include "shared/storage/database.h"

namespace edcsync::central {

class IntakeTable {
 public:
  explicit IntakeTable(Database& database) : database_(database) {}

  // `incarnation` is the small number of EdgeTable.
  Result<std::optional<IntakeRow>> Find(std::int64_t incarnation, Sequence sequence);
  Result<std::vector<IntakeRow>> List(std::int64_t incarnation, Sequence after,
                                      std::size_t count_max);
  // No effect if the sequence already stands with this revision; kIncarnationMismatch if it
  // stands with another.
  Status Insert(std::int64_t incarnation, const IntakeRow& row);
  Status SetOutcome(std::int64_t incarnation, Sequence sequence, Outcome outcome,
                    std::uint16_t reason);  // kNotFound.

 private:
  Database& database_;
};

}  // namespace edcsync::central
