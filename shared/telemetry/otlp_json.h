// Spans in OTLP's JSON encoding (opentelemetry-proto 1.x, trace/v1/trace.proto by the protobuf JSON
// mapping, with OTLP's exceptions: ids are hexadecimal, enums numbers). 64-bit integers are texts.
#pragma once

#include <string>
#include <vector>

#include "shared/telemetry/tracer.h"

namespace edcsync {

struct TelemetryResource {
  std::string service_name;  // "edge-agent", "central-gateway".
  std::string instance;      // The edge's or gateway's id.
};

// An ExportTraceServiceRequest.
std::string EncodeSpans(const TelemetryResource& resource, const std::vector<Span>& spans);

}  // namespace edcsync
