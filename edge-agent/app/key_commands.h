// `key status|rotate|generate`: the key-encryption key of this edge's database.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace edcsync::edge {

// `dir`, `json` and `code` are read and set when a command runs; they outlive `app`.
void AddKeyCommands(CLI::App& app, const std::string& dir, const bool& json, int& code);

}  // namespace edcsync::edge
