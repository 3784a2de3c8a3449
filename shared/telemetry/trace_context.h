// W3C Trace Context's `traceparent` (www.w3.org/TR/trace-context, 3.2): by which trace and span
// something goes on that began elsewhere. It comes beside a frame in an MQTT user property or in a
// header, from whoever can write there: it is judged before use, and decides nothing but where a
// span is drawn.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shared/crypto/trace_id.h"

namespace edcsync {

struct TraceContext {
  TraceId trace{};
  SpanId span{};
  bool sampled = false;
  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
std::string FormatTraceParent(const TraceContext& context);

// nullopt unless it is exactly a traceparent of version 00: 55 characters, lower-case digits, ids
// not all zero.
std::optional<TraceContext> ParseTraceParent(std::string_view text);

// The trace id of a traceparent that came with a message, for a log line: 32 digits, "" if it is
// none. Whoever sent the message chose it.
std::string TraceIdTextIn(std::string_view trace_parent);

}  // namespace edcsync
