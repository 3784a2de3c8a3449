#include "edge-agent/site/key_api.h"

#include <nlohmann/json.hpp>

namespace edcsync::edge {
namespace {

constexpr std::size_t kActorBytesMax = 255;

HttpResponse JsonOrProblem(const Result<Json>& json) {
  if (!json.ok()) return Problem(json.error());
  HttpResponse response;
  response.body = json->dump();
  return response;
}

Result<Json> Rotate(const std::string& text, EdgeStore& store, KeySources& keys) {
  const Json body = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) return Fail(ErrorCode::kMalformed, "the body is no JSON object");
  std::optional<KeySource> to;
  if (body.contains("to")) {
    if (!body["to"].is_string()) return Fail(ErrorCode::kFieldInvalid, "to is a text");
    EDCSYNC_ASSIGN(to, ParseKeySource(body["to"].get<std::string>()));
  }
  const bool has_user = body.contains("user") && body["user"].is_string();
  const std::string user = has_user ? body["user"].get<std::string>() : "";
  if (user.empty() || user.size() > kActorBytesMax || !IsUtf8(user)) {
    return Fail(ErrorCode::kFieldMissing, "user is who rotates, for the audit trail");
  }
  EDCSYNC_ASSIGN(const Rotation rotation,
                 RotateKeys(keys, KeyedStoreOf(store, user), to, store.random()));
  return ToJson(rotation, keys.settings());
}

}  // namespace

KeyedStore KeyedStoreOf(EdgeStore& store, const std::string& actor) {
  KeyedStore keyed;
  keyed.describe = [&store] { return store.cipher().Describe(); };
  keyed.rewrap = [&store, actor](WrappingKey& next, const std::string& detail) {
    return store.RewrapKeys(next, actor, detail);
  };
  return keyed;
}

void AddKeyRoutes(HttpServer& server, EdgeStore& store, KeySources& keys) {
  const auto status = [&store, &keys] {
    return KeyStatusJson(keys, KeyedStoreOf(store, ""), store.clock().Wall());
  };
  server.Route("GET", "/v1/keys", HttpServer::Access::kToken,
               [status](const HttpRequest&) { return JsonOrProblem(status()); });
  server.Route("POST", "/v1/keys/try-pin", HttpServer::Access::kToken,
               [&keys, status](const HttpRequest&) {
                 const Status tried = keys.TryPin();
                 return tried.ok() ? JsonOrProblem(status()) : Problem(tried.error());
               });
  // One after another, whoever asks.
  auto rotating = std::make_shared<std::mutex>();
  server.Route("POST", "/v1/keys/rotate", HttpServer::Access::kToken,
               [&store, &keys, rotating](const HttpRequest& request) {
                 const std::lock_guard lock(*rotating);
                 return JsonOrProblem(Rotate(request.body, store, keys));
               });
}

}  // namespace edcsync::edge
