// What a reconciliation costs each side: the walk over all of a site's revisions that fills the
// tree.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

namespace edcsync::bench {

// Seconds to count so many records of one revision each, and the share of the ceiling: one walk
// through the same rows without key, hashes and tree.
nlohmann::ordered_json MeasureReconcile(std::uint64_t record_count);

}  // namespace edcsync::bench
