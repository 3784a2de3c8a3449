#include "shared/telemetry/otlp_json.h"

#include <nlohmann/json.hpp>

#include "shared/base/json.h"
#include "shared/base/release.h"

namespace edcsync {
namespace {

constexpr int kStatusError = 2;  // trace.proto, Status.StatusCode.

Json Attribute(const std::string& key, const std::variant<std::string, std::int64_t>& value) {
  Json typed;
  if (const auto* text = std::get_if<std::string>(&value)) {
    typed["stringValue"] = *text;
  } else {
    typed["intValue"] = std::to_string(std::get<std::int64_t>(value));
  }
  return {{"key", key}, {"value", std::move(typed)}};
}

Json SpanJson(const Span& span) {
  Json json{{"traceId", ToHex(span.context.trace)},
            {"spanId", ToHex(span.context.span)},
            {"name", span.name},
            {"kind", static_cast<int>(span.kind)},
            {"startTimeUnixNano", std::to_string(span.start_us * 1000)},
            {"endTimeUnixNano", std::to_string(span.end_us * 1000)}};
  if (span.parent != SpanId{}) json["parentSpanId"] = ToHex(span.parent);
  Json attributes = Json::array();
  for (const auto& [key, value] : span.attributes) attributes.push_back(Attribute(key, value));
  if (!attributes.empty()) json["attributes"] = std::move(attributes);
  Json links = Json::array();
  for (const TraceContext& link : span.links) {
    links.push_back({{"traceId", ToHex(link.trace)}, {"spanId", ToHex(link.span)}});
  }
  if (!links.empty()) json["links"] = std::move(links);
  if (!span.error.empty()) json["status"] = {{"code", kStatusError}, {"message", span.error}};
  return json;
}

}  // namespace

std::string EncodeSpans(const TelemetryResource& resource, const std::vector<Span>& spans) {
  Json list = Json::array();
  for (const Span& span : spans) list.push_back(SpanJson(span));
  const Json scope{{"scope", {{"name", "edcsync"}, {"version", kRelease}}},
                   {"spans", std::move(list)}};
  const Json about{{"attributes",
                    Json::array({Attribute("service.name", resource.service_name),
                                 Attribute("service.version", std::string(kRelease)),
                                 Attribute("service.instance.id", resource.instance)})}};
  const Json whole{{"resourceSpans", Json::array({Json{{"resource", about},
                                                       {"scopeSpans", Json::array({scope})}}})}};
  // Keys come from outside: what is not UTF-8 is replaced, not refused.
  return whole.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace edcsync
