// Waits for the signal that ends a program in order (SIGTERM, SIGINT).
#pragma once

namespace edcsync {

// Blocks the ending signals for this and every later thread and ignores SIGPIPE. Call first in
// main, before any thread.
void BlockStopSignals();

// Returns once one arrived.
void WaitForStopSignal();

}  // namespace edcsync
