#include "shared/crypto/jws.h"

#include <cjose/cjose.h>
#include <openssl/err.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "shared/base/json.h"

namespace edcsync {
namespace {

constexpr std::size_t kRsaBitsMin = 2048;
constexpr std::size_t kRsaBitsMax = 8192;
constexpr std::size_t kDepthMax = 8;
constexpr std::size_t kKeyIdBytesMax = 512;
constexpr char kRs256[] = "RS256";
constexpr char kPs256[] = "PS256";
constexpr char kEs256[] = "ES256";

struct ReleaseKey {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
};
struct ReleaseToken {
  void operator()(cjose_jws_t* token) const { cjose_jws_release(token); }
};
using CjoseKey = std::unique_ptr<cjose_jwk_t, ReleaseKey>;
using CjoseToken = std::unique_ptr<cjose_jws_t, ReleaseToken>;

std::string TextAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// nullopt: not JSON, or nested deeper than any key set is.
std::optional<Json> ParseShallow(std::string_view text) {
  bool deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > static_cast<int>(kDepthMax);
    return !deep;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (deep || json.is_discarded()) return std::nullopt;
  return json;
}

bool IsForSignatures(const Json& key) {
  const std::string use = TextAt(key, "use");
  if (!use.empty() && use != "sig") return false;
  const auto deeds = key.find("key_ops");
  return deeds == key.end() || !deeds->is_array() ||
         std::find(deeds->begin(), deeds->end(), "verify") != deeds->end();
}

// Only what is public, whatever else the provider wrote.
Json PublicPart(const Json& key) {
  Json out = {{"kty", TextAt(key, "kty")}};
  for (const char* name : {"n", "e", "crv", "x", "y"}) {
    if (key.contains(name)) out[name] = TextAt(key, name);
  }
  return out;
}

bool IsTokenText(std::string_view token) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_' || c == '.';
  };
  return std::all_of(token.begin(), token.end(), fits) &&
         std::count(token.begin(), token.end(), '.') == 2;
}

std::string HeaderText(cjose_jws_t* token, const char* name) {
  const char* text = cjose_header_get(cjose_jws_get_protected(token), name, nullptr);
  return text == nullptr ? "" : text;
}

bool HasHeader(cjose_jws_t* token, const char* name) {
  char* raw = cjose_header_get_raw(cjose_jws_get_protected(token), name, nullptr);
  const bool has = raw != nullptr;
  cjose_get_dealloc()(raw);
  return has;
}

}  // namespace

struct JsonWebKeys::Key {
  std::string id;         // "" if it has none.
  std::string algorithm;  // "" if it is for all of its kind.
  bool is_rsa = false;
  CjoseKey key;

  bool Suits(const std::string& wanted) const {
    if (!algorithm.empty() && algorithm != wanted) return false;
    return is_rsa ? wanted == kRs256 || wanted == kPs256 : wanted == kEs256;
  }

  // nullptr: not one that is taken.
  static std::shared_ptr<const Key> From(const Json& json) {
    if (!json.is_object() || !IsForSignatures(json)) return nullptr;
    auto key = std::make_shared<Key>();
    key->id = TextAt(json, "kid");
    key->algorithm = TextAt(json, "alg");
    key->is_rsa = TextAt(json, "kty") == "RSA";
    if (key->id.size() > kKeyIdBytesMax) return nullptr;
    if (!key->is_rsa && !(TextAt(json, "kty") == "EC" && TextAt(json, "crv") == "P-256")) {
      return nullptr;
    }
    const std::string text = PublicPart(json).dump();
    key->key.reset(cjose_jwk_import(text.data(), text.size(), nullptr));
    ERR_clear_error();
    if (key->key == nullptr) return nullptr;
    const std::size_t bits = cjose_jwk_get_keysize(key->key.get(), nullptr);
    if (key->is_rsa && (bits < kRsaBitsMin || bits > kRsaBitsMax)) return nullptr;
    return key;
  }
};

Result<JsonWebKeys> JsonWebKeys::Parse(std::string_view json) {
  if (json.size() > kSetBytesMax) {
    return Fail(ErrorCode::kTooLarge,
                "a key set has at most " + std::to_string(kSetBytesMax) + " bytes");
  }
  const std::optional<Json> set = ParseShallow(json);
  if (!set || !set->is_object() || !set->contains("keys") || !(*set)["keys"].is_array()) {
    return Fail(ErrorCode::kMalformed, "this is no JSON Web Key Set");
  }
  const Json& keys = (*set)["keys"];
  if (keys.size() > kKeyCountMax) {
    return Fail(ErrorCode::kTooLarge,
                "a key set has at most " + std::to_string(kKeyCountMax) + " keys");
  }
  JsonWebKeys out;
  for (const Json& one : keys) {
    if (auto key = Key::From(one)) out.keys_.push_back(std::move(key));
  }
  return out;
}

Result<std::string> JsonWebKeys::Verify(std::string_view token) const {
  if (token.size() > kTokenBytesMax) {
    return Fail(ErrorCode::kTooLarge,
                "a token has at most " + std::to_string(kTokenBytesMax) + " bytes");
  }
  if (!IsTokenText(token)) return Fail(ErrorCode::kMalformed, "the token is not in compact form");
  const CjoseToken parsed(cjose_jws_import(token.data(), token.size(), nullptr));
  ERR_clear_error();
  if (parsed == nullptr) {
    // cjose does not even read what names an algorithm that it does not have.
    return Fail(ErrorCode::kMalformed, "the token is no signed token");
  }
  const std::string algorithm = HeaderText(parsed.get(), "alg");
  if (algorithm != kRs256 && algorithm != kPs256 && algorithm != kEs256) {
    return Fail(ErrorCode::kForbidden, "tokens are signed by RS256, PS256 or ES256");
  }
  if (HasHeader(parsed.get(), "crit")) {
    return Fail(ErrorCode::kForbidden, "the token demands an extension that is not known here");
  }
  const std::string id = HeaderText(parsed.get(), "kid");
  bool found = false;
  for (const auto& key : keys_) {
    if ((!id.empty() && key->id != id) || !key->Suits(algorithm)) continue;
    found = true;
    const bool valid = cjose_jws_verify(parsed.get(), key->key.get(), nullptr);
    ERR_clear_error();
    if (!valid) continue;
    std::uint8_t* payload = nullptr;
    std::size_t size = 0;
    if (!cjose_jws_get_plaintext(parsed.get(), &payload, &size, nullptr)) break;
    return std::string(reinterpret_cast<const char*>(payload), size);
  }
  if (!found) return Fail(ErrorCode::kNotFound, "no key of the provider's set fits the token");
  return Fail(ErrorCode::kUnauthorized, "the token's signature is not the provider's");
}

std::string ToBase64Url(BytesView bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const std::uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    count += 8;
    for (; count >= 6; count -= 6) text += kDigits[bits >> (count - 6) & 63];
  }
  if (count > 0) text += kDigits[bits << (6 - count) & 63];
  return text;
}

}  // namespace edcsync
