#include "central-gateway/store/central_types.h"

namespace edcsync::central {

std::string_view ToString(EdgeStanding standing) {
  switch (standing) {
    case EdgeStanding::kActive: return "active";
    case EdgeStanding::kRevoked: return "revoked";
    case EdgeStanding::kSuspended: return "suspended";
  }
  return "suspended";
}

}  // namespace edcsync::central
