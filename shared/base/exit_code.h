// What the programs exit with; scripts rely on it.
#pragma once

namespace edcsync {

enum ExitCode : int {
  kExitOk = 0,
  kExitRefused = 1,       // The request was understood and refused, in part or whole; or findings.
  kExitUsage = 2,         // Wrong options or configuration.
  kExitUnavailable = 3,   // The service, its disk or the network cannot do it now.
};

}  // namespace edcsync
