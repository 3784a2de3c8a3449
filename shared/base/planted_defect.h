// EDCSYNC_DEFECT("name") marks a place where a deliberate defect can be planted, so that the
// simulation can show that it would be found (tests/simulation/planted_defects.h lists them all).
// In the product it is the constant false and leaves nothing behind; only the simulation's own
// objects are compiled with EDCSYNC_PLANTED_DEFECTS, and there it asks for the defect switched on.
#pragma once

#ifdef EDCSYNC_PLANTED_DEFECTS
#include <string_view>

namespace edcsync {
bool DefectPlanted(std::string_view name);
}  // namespace edcsync

#define EDCSYNC_DEFECT(name) ::edcsync::DefectPlanted(name)
#else
#define EDCSYNC_DEFECT(name) false
#endif
