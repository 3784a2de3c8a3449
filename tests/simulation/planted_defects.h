// The deliberate defects: at least one for each invariant, each a mistake that somebody could make.
// They stand in the product's sources as EDCSYNC_DEFECT(name) and are compiled into the
// simulation's program only. A test asserts that each is found, and within how many seeds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace edcsync::simulation {

struct PlantedDefect {
  const char* name;
  const char* invariant;  // Which it breaks, as the design counts them.
  const char* what;
  std::uint64_t seed;  // Found it last, so the test looks there first and then at the first 200.
};

const std::vector<PlantedDefect>& PlantedDefects();

// From now on this one is there; "" for none. REQUIRES: "" or a name of the list.
void PlantDefect(const std::string& name);

// How often the planted one was met since: 0 means that nothing could have found it.
std::uint64_t DefectMet();

}  // namespace edcsync::simulation
