#include "shared/base/ids.h"

#include <algorithm>

namespace edcsync {

bool IsDeviceName(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '-';
  });
}

}  // namespace edcsync
