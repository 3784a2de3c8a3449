#include "central-gateway/store/central_types.h"

#include "central-gateway/store/desk_store.h"
#include "central-gateway/store/people_store.h"

namespace edcsync::central {

std::string_view ToString(EdgeStanding standing) {
  switch (standing) {
    case EdgeStanding::kActive: return "active";
    case EdgeStanding::kRevoked: return "revoked";
    case EdgeStanding::kSuspended: return "suspended";
  }
  return "suspended";
}

std::string_view ToString(ConflictEnd end) {
  switch (end) {
    case ConflictEnd::kOpen: return "open";
    case ConflictEnd::kResolved: return "resolved";
    case ConflictEnd::kSuperseded: return "superseded";
  }
  return "open";
}

std::string_view ToString(QuarantineEnd end) {
  switch (end) {
    case QuarantineEnd::kWaiting: return "waiting";
    case QuarantineEnd::kApplied: return "applied";
    case QuarantineEnd::kRejected: return "rejected";
  }
  return "waiting";
}

std::string_view ToString(Role role) {
  switch (role) {
    case Role::kDataManager: return "data_manager";
    case Role::kMonitor: return "monitor";
    case Role::kOperator: return "operator";
    case Role::kAdministrator: return "administrator";
  }
  return "monitor";
}

std::optional<Role> ParseRole(std::string_view text) {
  for (const Role role :
       {Role::kDataManager, Role::kMonitor, Role::kOperator, Role::kAdministrator}) {
    if (ToString(role) == text) return role;
  }
  return std::nullopt;
}

std::string_view ToString(ResolutionMode mode) {
  return mode == ResolutionMode::kSiteEndorsed ? "site_endorsed" : "central";
}

}  // namespace edcsync::central
