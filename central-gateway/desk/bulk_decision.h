// One rule for many conflicts: which head it takes. Threads: any.
#pragma once

#include <optional>
#include <string_view>

#include "central-gateway/store/central_store.h"

namespace edcsync::central {

enum class BulkRule {
  kCurrent,  // The head that counts now.
  kNewest,   // The one edited last.
  kSite,     // The one captured at a site, if exactly one was.
  kOnline,   // The one entered at the centre, if exactly one was.
};
std::optional<BulkRule> ParseBulkRule(std::string_view text);

// kNotFound, kStale (it has ended), kFieldInvalid if the rule does not fit this conflict.
Result<RevisionId> HeadByRule(CentralStore& store, SnowflakeId conflict, BulkRule rule);

}  // namespace edcsync::central
