// enroll.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace edcsync::edge {

// `dir`, `json` and `code` outlive the command line.
void AddEnrollCommand(CLI::App& app, const std::string& dir, const bool& json, int& code);

}  // namespace edcsync::edge
