// How much slower than in a release build the tests and the processes they start may be. Waits for
// a condition are longer by it, and random cases and seeds fewer; what is asserted is the same.
#pragma once

namespace edcsync::testing {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define EDCSYNC_TESTS_ARE_SANITIZED
#endif
#endif

#ifdef EDCSYNC_TESTS_ARE_SANITIZED
inline constexpr int kSlowdown = 5;  // As EDCSYNC_SLOWDOWN in packaging/cmake/options.cmake.
#else
inline constexpr int kSlowdown = 1;
#endif

}  // namespace edcsync::testing
