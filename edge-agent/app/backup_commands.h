// `backup` and `restore`: a verified copy while running, and the way back with the agent stopped.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace edcsync::edge {

// `dir` and `code` are read and set when a command runs; they outlive `app`.
void AddBackupCommands(CLI::App& app, const std::string& dir, int& code);

}  // namespace edcsync::edge
