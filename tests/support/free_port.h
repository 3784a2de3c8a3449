// Ports for the programs that tests start.
#pragma once

namespace edcsync::testing {

// A port of 127.0.0.1 that was free a moment ago. It lies below those that the kernel gives to
// connections, so none of them takes it in between; programs that run side by side look in
// different places. Any thread.
int FreePort();

}  // namespace edcsync::testing
