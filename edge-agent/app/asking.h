// How commands ask the running agent, and tell people what came of it. Private to this folder.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>

#include "edge-agent/app/local_agent.h"
#include "shared/base/json.h"

namespace edcsync::edge {

// Prints the error; returns its exit code.
int Report(const Error& error);

// The JSON answer of `path` from the agent of `dir`, or of `direct` over its database if none runs.
Result<Json> Ask(const std::string& dir, const std::string& path,
                 const std::function<Result<std::string>(EdgeStore&)>& direct);

// Has the running agent change something, and prints `done`. Returns the exit code.
int Post(const std::string& dir, const std::string& path, const Json& body,
         const std::string& done);

}  // namespace edcsync::edge
