// `edge-agent doctor`: everything this machine can tell about its agent, running or stopped, as
// findings with what to do about each.
#pragma once

#include <string>

#include "shared/base/time.h"
#include "shared/doctor/finding.h"

namespace CLI {
class App;
}

namespace edcsync::edge {

struct Examination {
  bool deep = false;                   // The whole of `check` too.
  std::int64_t commit_budget_ms = 700; // For measuring the disk; 0: it is not measured.
};

// `dir` as LoadConfig takes it. Alters nothing that the agent or a person wrote.
doctor::Diagnosis Examine(const std::string& dir, const Examination& examination, const Clock& clock);

// `doctor` and `support-bundle`. `dir`, `json` and `code` are read and set when a command runs;
// they outlive `app`.
void AddDoctorCommands(CLI::App& app, const std::string& dir, const bool& json, int& code);

}  // namespace edcsync::edge
