#include "shared/model/outcome_json.h"

#include <nlohmann/json.hpp>

#include "shared/base/json.h"

namespace edcsync {

std::string FormatOutcome(const CaptureOutcome& outcome) {
  Json json;
  json["outcome"] = ToString(outcome.kind);
  if (outcome.kind == CaptureOutcome::Kind::kCaptured ||
      outcome.kind == CaptureOutcome::Kind::kUnchanged) {
    json["version"] = outcome.version;
    json["revisionId"] = outcome.revision.ToHex();
  }
  if (outcome.kind == CaptureOutcome::Kind::kStale) {
    json["currentRevisionId"] = outcome.current ? Json(outcome.current->ToHex()) : Json(nullptr);
  }
  if (outcome.sequence != Sequence()) json["sequence"] = outcome.sequence.value();
  if (!outcome.reasons.empty()) {
    json["reasons"] = Json::array();
    for (const Error& reason : outcome.reasons) {
      const ErrorInfo& info = Describe(reason.code);
      json["reasons"].push_back({{"code", static_cast<int>(reason.code)},
                                 {"name", info.name},
                                 {"message", reason.message},
                                 {"advice", info.advice}});
    }
  }
  return json.dump();
}

}  // namespace edcsync
