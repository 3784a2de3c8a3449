// How long the conflict desk's server takes for a page of a long queue.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

namespace edcsync::bench {

// A queue of so many open conflicts: its first page by each order and under each filter, its counts,
// and one conflict in full, each as the API answers it but for HTTP; beside the ceiling, one walk
// through the same rows.
nlohmann::ordered_json MeasureDesk(std::uint64_t conflict_count);

}  // namespace edcsync::bench
