// A reconciliation of a site and a centre that hold the same: its two real halves on databases of as
// many records, their frames sealed and opened as on the way. What crosses the wire, how long it
// takes, what memory it needs; and the walk over all revisions beside one that computes nothing.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

namespace edcsync::bench {

nlohmann::ordered_json MeasureReconcile(std::uint64_t record_count);

}  // namespace edcsync::bench
