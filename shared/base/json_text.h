// A JSON value as people read it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace edcsync {

// A text as it is, null as `if_null`, other values as JSON.
std::string Text(const nlohmann::ordered_json& value, const std::string& if_null = "-");

}  // namespace edcsync
