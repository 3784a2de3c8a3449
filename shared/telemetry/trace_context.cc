#include "shared/telemetry/trace_context.h"

#include <algorithm>

namespace edcsync {
namespace {

constexpr std::size_t kLength = 55;

bool IsLowerHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// False if all of it is zero.
template <class Id>
bool ReadId(std::string_view hex, Id& id) {
  const std::optional<Bytes> bytes = FromHex(hex);
  if (!IsLowerHex(hex) || !bytes || bytes->size() != id.size()) return false;
  std::copy(bytes->begin(), bytes->end(), id.begin());
  return std::ranges::any_of(id, [](std::uint8_t byte) { return byte != 0; });
}

}  // namespace

std::string FormatTraceParent(const TraceContext& context) {
  return "00-" + ToHex(context.trace) + "-" + ToHex(context.span) +
         (context.sampled ? "-01" : "-00");
}

std::optional<TraceContext> ParseTraceParent(std::string_view text) {
  if (text.size() != kLength || text.substr(0, 3) != "00-" || text[35] != '-' || text[52] != '-') {
    return std::nullopt;
  }
  const std::string_view flags = text.substr(53);
  TraceContext context;
  if (!IsLowerHex(flags) || !ReadId(text.substr(3, 32), context.trace) ||
      !ReadId(text.substr(36, 16), context.span)) {
    return std::nullopt;
  }
  context.sampled = ((*FromHex(flags))[0] & 1U) != 0;
  return context;
}

std::string TraceIdTextIn(std::string_view trace_parent) {
  const std::optional<TraceContext> context = ParseTraceParent(trace_parent);
  return context ? ToHex(context->trace) : "";
}

}  // namespace edcsync
