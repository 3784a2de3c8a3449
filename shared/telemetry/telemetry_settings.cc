#include "shared/telemetry/telemetry_settings.h"

#include "shared/http/listener.h"

namespace edcsync {
namespace {

// "https://HOST[:PORT]"; http in the clear only to this machine: spans name subjects' pseudonyms.
bool IsEndpoint(const std::string& text) {
  const bool https = text.starts_with("https://");
  if (!https && !text.starts_with("http://")) return false;
  const std::string authority = text.substr(https ? 8 : 7);
  if (authority.empty() || authority.find_first_of("/?#@ ") != std::string::npos) return false;
  if (https) return true;
  if (authority.front() == '[') return authority.starts_with("[::1]");
  return IsLoopback(authority.substr(0, authority.find(':')));
}

}  // namespace

TelemetrySettings ReadTelemetrySettings(
    TomlFile& toml, const std::function<std::string(const std::string&)>& resolve) {
  TelemetrySettings settings;
  settings.otlp_endpoint = toml.Text("telemetry", "otlp_endpoint", "");
  settings.otlp_ca_file = resolve(toml.Text("telemetry", "otlp_ca_file", ""));
  settings.sampling_percent =
      static_cast<int>(toml.Integer("telemetry", "sampling_percent", 100, 1, 100));
  if (!settings.otlp_endpoint.empty() && !IsEndpoint(settings.otlp_endpoint)) {
    toml.Refuse("telemetry", "otlp_endpoint",
                "as \"https://collector.example.org:4318\", without a path; http:// on a loopback "
                "address only");
  }
  return settings;
}

Telemetry StartTelemetry(const TelemetrySettings& settings, TelemetryResource resource,
                         const Clock& clock, Random& random) {
  Telemetry telemetry;
  if (settings.otlp_endpoint.empty()) return telemetry;
  OtlpExporter::Options options;
  options.endpoint = settings.otlp_endpoint;
  options.ca_file = settings.otlp_ca_file;
  options.resource = std::move(resource);
  telemetry.exporter = std::make_unique<OtlpExporter>(options);
  telemetry.exporter->Start();
  telemetry.tracer = std::make_unique<Tracer>(settings.sampling_percent / 100.0, clock, random,
                                              *telemetry.exporter);
  return telemetry;
}

}  // namespace edcsync
