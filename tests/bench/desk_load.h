// The desk under a Monday morning's load.
#pragma once

#include "tests/bench/measures.h"

namespace edcsync::bench {

// Fifty data managers page, open, claim, preview, decide and sign at once, each with a moment's
// thought between two calls, while many edges drain their backlogs into the same gateway: the time of
// each kind of call while the drain lasts, and of the same calls after it (the ceiling).
Json MeasureDeskLoad(const Scale& scale);

}  // namespace edcsync::bench
