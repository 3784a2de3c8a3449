// What a doctor finds: one small check, one finding. `edge-agent doctor` and `central-gateway doctor`
// put the same kinds of check together for what lies on their own machine.
//
//   made by   shared/doctor/*_checks.h, edge-agent/app/doctor.h, central-gateway/app/doctor.h
//   shown by  the `doctor` commands; kept in a support bundle as doctor.json
//
// A check reads and measures; it never alters what it looks at. `check` is a stable name for
// scripts ("broker.tls"), `found` one sentence, `advice` what to do (empty when sound). No finding
// holds an item value, a secret or a SubjectKey.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/json.h"
#include "shared/base/status.h"

namespace edcsync::doctor {

enum class Verdict : std::uint8_t {
  kOk,
  kWarning,     // It works, and somebody should look at it before it does not.
  kProblem,
  kNotChecked,  // What it needs is not there; `found` says what.
};
std::string_view ToString(Verdict verdict);  // "ok", "warning", "problem", "not checked".

struct Finding {
  std::string check;
  Verdict verdict = Verdict::kOk;
  std::string found;
  std::string advice;
};

Finding Sound(std::string check, std::string found);
Finding Warning(std::string check, std::string found, std::string advice);
Finding Problem(std::string check, std::string found, std::string advice);
// What errors.def advises.
Finding Problem(std::string check, const Error& error);
Finding NotChecked(std::string check, std::string why, std::string advice = {});

// The findings of one examination, in the order of the checks.
class Diagnosis {
 public:
  void Add(Finding finding);
  void Add(std::vector<Finding> findings);
  // Names checks that could not be made, all for one reason.
  void AddNotChecked(const std::vector<std::string>& checks, const std::string& why);
  // The configuration does not load: ExitCode() is then kExitUsage.
  void SetUnconfigured() { unconfigured_ = true; }

  const std::vector<Finding>& findings() const { return findings_; }
  std::size_t Count(Verdict verdict) const;
  // kExitOk; kExitRefused if there is a problem (with `strict` a warning too); kExitUsage.
  int ExitCode(bool strict) const;
  // {"sound","problems","warnings","checks":[{"check","outcome","found","advice"}]}
  Json ToJson() const;
  // A line a check and what to do below it, for a person.
  std::string ToText() const;

 private:
  std::vector<Finding> findings_;
  bool unconfigured_ = false;
};

}  // namespace edcsync::doctor
