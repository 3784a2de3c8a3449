#include "shared/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace edcsync {

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "CHECK failed at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace edcsync
