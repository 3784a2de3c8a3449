// An account as commands and API show it: never its password's hash. Threads: any.
#pragma once

#include <string>

#include "central-gateway/store/people_store.h"

namespace edcsync::central {

// The `User` of schema/api/central-gateway.openapi.yaml, all of it. `lockedUntil` is null unless
// the account rests at `now`.
std::string AccountJson(const AccountRow& account, WallTime now);
// An array of `Right`.
std::string RightsJson(const std::vector<RightRow>& rights);

}  // namespace edcsync::central
