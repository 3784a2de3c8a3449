#include "shared/base/status.h"

#include <array>

#include "shared/base/check.h"

namespace edcsync {
namespace {

constexpr auto kErrors = std::to_array<ErrorInfo>({
#define EDCSYNC_ERROR(number, name, text, retry, http, advice) \
  ErrorInfo{ErrorCode::name, text, Retry::retry, http, advice},
#include "shared/base/errors.def"
#undef EDCSYNC_ERROR
});

}  // namespace

const ErrorInfo* FindError(std::uint16_t number) {
  for (const ErrorInfo& info : kErrors) {
    if (static_cast<std::uint16_t>(info.code) == number) return &info;
  }
  return nullptr;
}

const ErrorInfo& Describe(ErrorCode code) {
  const ErrorInfo* info = FindError(static_cast<std::uint16_t>(code));
  CHECK(info != nullptr);
  return *info;
}

std::span<const ErrorInfo> AllErrors() { return kErrors; }

std::string_view ToString(Retry retry) {
  switch (retry) {
    case Retry::kTransient: return "transient";
    case Retry::kFrame: return "frame";
    case Retry::kEdge: return "edge";
    case Retry::kRelease: return "release";
    case Retry::kFinal: return "final";
  }
  return "final";
}

std::string Error::ToString() const {
  const ErrorInfo& info = Describe(code);
  std::string text(info.name);
  text += " (" + std::to_string(static_cast<unsigned>(code)) + "): " + message;
  if (!text.empty() && text.back() != '.' && text.back() != '?') text += '.';
  text += ' ';
  text += info.advice;
  return text;
}

}  // namespace edcsync
