// What --check-config prints. Threads: any.
#pragma once

#include "shared/base/status.h"

namespace edcsync {

// Prints each problem of a configuration that was read (`read` fails with a line for each), or
// that there is none; as JSON for scripts {"sound", "problems": [...]}. Returns an ExitCode: 0, or
// 2 if there is a problem.
int PrintConfigCheck(const Status& read, bool json);

template <class Config>
int PrintConfigCheck(const Result<Config>& config, bool json) {
  const Status read = config.ok() ? Ok() : Status(tl::unexpected<Error>(config.error()));
  return PrintConfigCheck(read, json);
}

}  // namespace edcsync
