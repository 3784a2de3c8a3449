// What it costs the centre to be watched: GET /metrics of a gateway with many edges and much in its
// store, beside one with as many edges and little in it: the ceiling, for figures of the edges must be
// read anyway.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace edcsync::bench {

// `conflicts`: open ones, each of a record of its own with two revisions; as many have ended, and as
// many revisions wait in quarantine.
nlohmann::ordered_json MeasureScrape(const std::string& bin, int edges, std::uint64_t conflicts);

}  // namespace edcsync::bench
