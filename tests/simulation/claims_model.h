// Who holds which conflict, kept beside the product from what people were told, to judge it: two data
// managers never hold one conflict at a time, and nobody decides what another holds or with a claim
// they have lost.
#pragma once

#include <map>

#include "central-gateway/desk/claims.h"
#include "tests/simulation/world.h"

namespace edcsync::simulation {

class ClaimsModel {
 public:
  explicit ClaimsModel(World& world) : world_(world) {}

  // What asking for a claim was answered.
  void Asked(SnowflakeId conflict, const std::string& user,
             const Result<central::ConflictWork>& answer);
  // A decision (or a proposal) was taken, which ends the claim; `fencing_token` as it was handed in.
  void Decided(SnowflakeId conflict, const std::string& user,
               std::optional<std::uint64_t> fencing_token);
  void Released(SnowflakeId conflict);
  // Nobody was told what became of it: the centre died meanwhile.
  void Unknown(SnowflakeId conflict) { holders_.erase(conflict); }

 private:
  struct Holder {
    std::string user;
    std::uint64_t fencing_token = 0;
    WallTime expires_at;
  };
  // Null if nobody is known to hold or have held it. A restored centre has forgotten claims.
  Holder* HolderOf(SnowflakeId conflict);
  bool Counts(const Holder& holder) const;

  World& world_;
  std::uint64_t restores_ = 0;
  std::map<SnowflakeId, Holder> holders_;
};

}  // namespace edcsync::simulation
