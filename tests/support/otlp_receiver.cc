#include "tests/support/otlp_receiver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace edcsync::testing {
namespace {

// The JSON mapping writes 64-bit integers as texts.
std::int64_t Int64At(const SortedJson& json, const char* name) {
  const std::string text = json.at(name).get<std::string>();
  std::size_t used = 0;
  const std::int64_t value = std::stoll(text, &used);
  if (used != text.size()) throw std::invalid_argument(text);
  return value;
}

std::string IdAt(const SortedJson& json, const char* name, std::size_t digits) {
  const std::string id = json.at(name).get<std::string>();
  if (id.size() != digits || id.find_first_not_of("0123456789abcdef") != std::string::npos ||
      id.find_first_not_of('0') == std::string::npos) {
    throw std::invalid_argument(std::string(name) + " " + id);
  }
  return id;
}

SortedJson AttributesOf(const SortedJson& json) {
  SortedJson attributes = SortedJson::object();
  if (!json.contains("attributes")) return attributes;
  for (const SortedJson& attribute : json["attributes"]) {
    const SortedJson& value = attribute.at("value");
    if (value.size() != 1) throw std::invalid_argument(value.dump());
    const std::string key = attribute.at("key");
    if (value.contains("stringValue")) {
      attributes[key] = value["stringValue"].get<std::string>();
    } else {
      attributes[key] = Int64At(value, "intValue");
    }
  }
  return attributes;
}

SeenSpan SpanOf(const SortedJson& json) {
  SeenSpan span;
  span.name = json.at("name");
  span.trace = IdAt(json, "traceId", 32);
  span.span = IdAt(json, "spanId", 16);
  if (json.contains("parentSpanId")) span.parent = IdAt(json, "parentSpanId", 16);
  span.kind = json.at("kind");
  span.start_ns = Int64At(json, "startTimeUnixNano");
  span.end_ns = Int64At(json, "endTimeUnixNano");
  if (span.end_ns < span.start_ns) throw std::invalid_argument("it ends before it begins");
  span.attributes = AttributesOf(json);
  if (json.contains("links")) {
    for (const SortedJson& link : json["links"]) {
      span.links.emplace_back(IdAt(link, "traceId", 32), IdAt(link, "spanId", 16));
    }
  }
  if (json.contains("status")) {
    if (json["status"].at("code") != 2) throw std::invalid_argument("status");
    span.error = json["status"].at("message");
  }
  return span;
}

}  // namespace

bool SeenSpan::LinksTo(const SeenSpan& other) const {
  return std::ranges::find(links, std::pair(other.trace, other.span)) != links.end();
}

OtlpReceiver::OtlpReceiver() : server_(HttpServerOptions{}) {
  server_.Route("POST", "/v1/traces", HttpServer::Access::kOpen,
                [this](const HttpRequest& request) { return Take(request); });
  const Status started = server_.Start();
  EXPECT_TRUE(started.ok()) << started.error().ToString();
}

std::string OtlpReceiver::endpoint() const {
  return "http://127.0.0.1:" + std::to_string(server_.port());
}

HttpResponse OtlpReceiver::Take(const HttpRequest& request) {
  ++requests_;
  HttpResponse response;
  response.status = answer;
  response.body = "{}";
  if (response.status != 200) return response;
  try {
    if (request.Header("content-type") != "application/json") throw std::invalid_argument("type");
    std::vector<SeenSpan> taken;
    const SortedJson body = SortedJson::parse(request.body);
    for (const SortedJson& of_resource : body.at("resourceSpans")) {
      const SortedJson resource = AttributesOf(of_resource.at("resource"));
      for (const SortedJson& of_scope : of_resource.at("scopeSpans")) {
        for (const SortedJson& json : of_scope.at("spans")) {
          taken.push_back(SpanOf(json));
          taken.back().service = resource.at("service.name");
          taken.back().instance = resource.at("service.instance.id");
        }
      }
    }
    const std::lock_guard lock(mutex_);
    spans_.insert(spans_.end(), taken.begin(), taken.end());
    raw_ += request.body;
  } catch (const std::exception& wrong) {
    ++malformed_;
    response.status = 400;
    response.body = wrong.what();
    ADD_FAILURE() << "No OTLP: " << wrong.what() << "\n" << request.body.substr(0, 2000);
  }
  return response;
}

std::vector<SeenSpan> OtlpReceiver::spans() const {
  const std::lock_guard lock(mutex_);
  return spans_;
}

std::string OtlpReceiver::raw() const {
  const std::lock_guard lock(mutex_);
  return raw_;
}

}  // namespace edcsync::testing
