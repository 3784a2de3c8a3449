// CHECK states what our own code guarantees. It stays on in production: a wrong clinical record
// is worse than a restart, and every state the program restarts from is durable.
#pragma once

namespace edcsync {

// Prints place and condition to standard error and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace edcsync

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::edcsync::CheckFailed(__FILE__, __LINE__, #condition))
