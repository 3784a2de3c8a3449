// The ceiling of the drain: the very rows a drained central store holds, written again into an
// empty one by plain statements, 500 records a commit, with the product's schema, pragmas, disk.
#pragma once

#include <cstdint>
#include <string>

namespace edcsync::bench {

struct Ceiling {
  std::uint64_t records = 0;
  double records_per_s = 0;
  double sealed_bytes_mean = 0;
};

// `source`: a central store into which one edge was drained, closed. `scratch`: made anew.
Ceiling MeasureCeiling(const std::string& source, const std::string& scratch);

}  // namespace edcsync::bench
