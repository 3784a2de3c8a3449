#include "shared/doctor/finding.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "shared/base/exit_code.h"

namespace edcsync::doctor {
namespace {

constexpr std::size_t kVerdictColumns = 13;
constexpr std::size_t kCheckColumns = 22;

std::string Padded(std::string text, std::size_t columns) {
  if (text.size() < columns) text.resize(columns, ' ');
  return text + " ";
}

}  // namespace

std::string_view ToString(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk: return "ok";
    case Verdict::kWarning: return "warning";
    case Verdict::kProblem: return "problem";
    case Verdict::kNotChecked: return "not checked";
  }
  return "";
}

Finding Sound(std::string check, std::string found) {
  return {std::move(check), Verdict::kOk, std::move(found), {}};
}

Finding Warning(std::string check, std::string found, std::string advice) {
  return {std::move(check), Verdict::kWarning, std::move(found), std::move(advice)};
}

Finding Problem(std::string check, std::string found, std::string advice) {
  return {std::move(check), Verdict::kProblem, std::move(found), std::move(advice)};
}

Finding Problem(std::string check, const Error& error) {
  return Problem(std::move(check), error.message, std::string(Describe(error.code).advice));
}

Finding NotChecked(std::string check, std::string why, std::string advice) {
  return {std::move(check), Verdict::kNotChecked, std::move(why), std::move(advice)};
}

void Diagnosis::Add(Finding finding) { findings_.push_back(std::move(finding)); }

void Diagnosis::Add(std::vector<Finding> findings) {
  std::move(findings.begin(), findings.end(), std::back_inserter(findings_));
}

void Diagnosis::AddNotChecked(const std::vector<std::string>& checks, const std::string& why) {
  for (const std::string& check : checks) Add(NotChecked(check, why));
}

std::size_t Diagnosis::Count(Verdict verdict) const {
  return static_cast<std::size_t>(
      std::count_if(findings_.begin(), findings_.end(),
                    [&](const Finding& finding) { return finding.verdict == verdict; }));
}

int Diagnosis::ExitCode(bool strict) const {
  if (unconfigured_) return kExitUsage;
  const bool found = Count(Verdict::kProblem) > 0 || (strict && Count(Verdict::kWarning) > 0);
  return found ? kExitRefused : kExitOk;
}

Json Diagnosis::ToJson() const {
  Json json;
  json["sound"] = Count(Verdict::kProblem) == 0;
  json["problems"] = Count(Verdict::kProblem);
  json["warnings"] = Count(Verdict::kWarning);
  json["checks"] = Json::array();
  for (const Finding& finding : findings_) {
    json["checks"].push_back({{"check", finding.check},
                              {"outcome", ToString(finding.verdict)},
                              {"found", finding.found},
                              {"advice", finding.advice}});
  }
  return json;
}

std::string Diagnosis::ToText() const {
  std::string text;
  for (const Finding& finding : findings_) {
    text += Padded(std::string(ToString(finding.verdict)), kVerdictColumns) +
            Padded(finding.check, kCheckColumns) + finding.found + "\n";
    if (finding.advice.empty()) continue;
    text += std::string(kVerdictColumns + kCheckColumns + 2, ' ') + "-> " + finding.advice + "\n";
  }
  text += std::to_string(Count(Verdict::kProblem)) + " problems, " +
          std::to_string(Count(Verdict::kWarning)) + " warnings, " +
          std::to_string(Count(Verdict::kNotChecked)) + " not checked.\n";
  return text;
}

}  // namespace edcsync::doctor
