// JSON as both programs read and write it. Who makes or takes apart a value includes
// <nlohmann/json.hpp> too.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace edcsync {

using Json = nlohmann::ordered_json;  // Members keep the order in which they were added.

// A value for people: a text as it is, null as `if_null`, others as JSON.
std::string Text(const Json& value, const std::string& if_null = "-");

}  // namespace edcsync
