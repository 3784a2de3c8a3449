// reconcile list, show. Private to this folder.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace edcsync::edge {

void AddReconcileCommands(CLI::App& app, const std::string& dir, const bool& json, int& code);

}  // namespace edcsync::edge
