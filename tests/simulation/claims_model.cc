#include "tests/simulation/claims_model.h"

namespace edcsync::simulation {

ClaimsModel::Holder* ClaimsModel::HolderOf(SnowflakeId conflict) {
  const History::Counts& faults = world_.history.faults();
  const auto restored = faults.find("centre restored from a backup");
  const std::uint64_t restores = restored == faults.end() ? 0 : restored->second;
  if (restores != restores_) holders_.clear();
  restores_ = restores;
  const auto found = holders_.find(conflict);
  return found == holders_.end() ? nullptr : &found->second;
}

bool ClaimsModel::Counts(const Holder& holder) const {
  return holder.expires_at > world_.centre.clock.Wall();
}

void ClaimsModel::Asked(SnowflakeId conflict, const std::string& user,
                        const Result<central::ConflictWork>& answer) {
  const Holder* const before = HolderOf(conflict);
  const std::string about = "conflict " + std::to_string(conflict.value());
  if (!answer.ok()) {
    if (answer.error().code != ErrorCode::kClaimed) return;
    world_.history.Reached("claims refused");
    if (before != nullptr && (before->user == user || !Counts(*before))) {
      world_.Violate("I5", "a claim is refused though nobody else holds " + about);
    }
    return;
  }
  world_.history.Reached("claims");
  world_.history.Checked("claims");
  if (before != nullptr && before->user != user) {
    if (Counts(*before)) world_.Violate("I5", "two data managers hold " + about);
    if (answer->fencing_token <= before->fencing_token) {
      world_.Violate("I5", "another's claim has no higher fencing token: " + about);
    }
    world_.history.Reached("claims taken over");
    if (before->expires_at.ms != 0) world_.history.Reached("claims that ran out");
  }
  holders_[conflict] = {user, answer->fencing_token, answer->claim_expires_at};
}

void ClaimsModel::Decided(SnowflakeId conflict, const std::string& user,
                          std::optional<std::uint64_t> fencing_token) {
  Holder* const holder = HolderOf(conflict);
  if (holder == nullptr) return;
  world_.history.Checked("decisions against claims");
  const std::string about = "conflict " + std::to_string(conflict.value());
  if (holder->user != user && Counts(*holder)) {
    world_.Violate("I5", user + " decided what " + holder->user + " holds: " + about);
  }
  const bool own = holder->user == user && holder->fencing_token == fencing_token.value_or(0);
  if (fencing_token && (!own || !Counts(*holder))) {
    world_.Violate("I5", user + " decided with a claim that was lost: " + about);
  }
  holder->expires_at = {};
}

void ClaimsModel::Released(SnowflakeId conflict) {
  if (Holder* const holder = HolderOf(conflict)) holder->expires_at = {};
}

}  // namespace edcsync::simulation
