#include "shared/base/json.h"

#include <nlohmann/json.hpp>

namespace edcsync {

std::string Text(const Json& value, const std::string& if_null) {
  if (value.is_null()) return if_null;
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace edcsync
