// `central-gateway doctor`: everything this machine can tell about its gateway, running or stopped,
// as findings with what to do about each.
#pragma once

#include <string>

#include "shared/base/time.h"
#include "shared/doctor/finding.h"

namespace edcsync::central {

struct Examination {
  bool deep = false;                   // The whole of `check` too.
  std::int64_t commit_budget_ms = 700; // For measuring the disk; 0: it is not measured.
};

// `dir` as LoadConfig takes it. Alters nothing that the gateway or a person wrote.
doctor::Diagnosis Examine(const std::string& dir, const Examination& examination, const Clock& clock);

}  // namespace edcsync::central
