// `endorse list|show|accept|reject`: the site's word on what data managers propose.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace edcsync::edge {

// `dir`, `json` and `code` are read and set when a command runs; they outlive `app`.
void AddEndorseCommands(CLI::App& app, const std::string& dir, const bool& json, int& code);

}  // namespace edcsync::edge
