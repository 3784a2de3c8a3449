#include "shared/base/config_check.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "shared/base/exit_code.h"

namespace edcsync {

int PrintConfigCheck(const Status& read, bool json) {
  std::vector<std::string> problems;
  if (!read.ok()) {
    std::istringstream lines(read.error().message);
    for (std::string line; std::getline(lines, line);) problems.push_back(line);
  }
  if (json) {
    const nlohmann::json answer = {{"sound", problems.empty()}, {"problems", problems}};
    const auto replace = nlohmann::json::error_handler_t::replace;
    std::printf("%s\n", answer.dump(2, ' ', false, replace).c_str());
  } else if (problems.empty()) {
    std::printf("The configuration is sound.\n");
  } else {
    for (const std::string& one : problems) std::fprintf(stderr, "%s\n", one.c_str());
  }
  return problems.empty() ? kExitOk : kExitUsage;
}

}  // namespace edcsync
