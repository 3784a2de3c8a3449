// What this build calls itself.
#pragma once

namespace edcsync {

inline constexpr char kRelease[] = "0.1.0";

}  // namespace edcsync
