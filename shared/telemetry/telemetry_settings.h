// [telemetry] of both programs' configuration: where spans go. Without an endpoint nothing is
// traced.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "shared/base/toml_file.h"
#include "shared/telemetry/otlp_exporter.h"
#include "shared/telemetry/tracer.h"

namespace edcsync {

struct TelemetrySettings {
  std::string otlp_endpoint;  // Empty: off. https, or http to a loopback address.
  std::string otlp_ca_file;
  int sampling_percent = 100;  // Of traces; of a record at both programs alike.
};
// `resolve` makes a path of the file an absolute one.
TelemetrySettings ReadTelemetrySettings(
    TomlFile& toml, const std::function<std::string(const std::string&)>& resolve);

// Tracer and exporter, started; both nullptr if off. `clock` and `random` outlive it.
struct Telemetry {
  std::unique_ptr<OtlpExporter> exporter;
  std::unique_ptr<Tracer> tracer;
};
Telemetry StartTelemetry(const TelemetrySettings& settings, TelemetryResource resource,
                         const Clock& clock, Random& random);

}  // namespace edcsync
