// The command line of the edge agent. Returns an ExitCode.
#pragma once

namespace edcsync::edge {

int RunCommandLine(int argc, char** argv);

}  // namespace edcsync::edge
