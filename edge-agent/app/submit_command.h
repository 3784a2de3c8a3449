// `edge-agent submit`: NDJSON from a file or standard input through the running agent.
#pragma once

#include <string>

#include "edge-agent/app/config.h"

namespace edcsync::edge {

struct SubmitOptions {
  std::string file = "-";
  std::string rejects_file;   // Lines refused or stale, verbatim, to be corrected and sent again.
  bool json = false;
  int batch = 200;            // Lines a request.
  int wait_s = 0;             // How long to try again while the agent is away.
};

// Returns an ExitCode. Prints progress to standard error, the summary to standard output.
int RunSubmit(const Config& config, const SubmitOptions& options);

}  // namespace edcsync::edge
